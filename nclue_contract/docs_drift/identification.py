"""Which page of the documentation a saved page is."""

from __future__ import annotations

from nclue_contract.contract.model import contract
from nclue_contract.contract.pages import PageSpec, PageWords, page_words
from nclue_contract.contract.wording import excerpt
from nclue_contract.docs_drift.page import NotUnderstoodError, Page, Table


def identify(page: Page) -> PageSpec:
    """Return which page it is, by its title or, where that is not known, by its method and URI. Raises `NotUnderstoodError`."""
    words = page_words()
    if not _mentions(page, words.product):
        raise NotUnderstoodError(f"the page does not mention {words.product}")
    titled = [words.spec(found.meaning) for title in page.titles if (found := words.titles.find(title))]
    addressed = [spec for table in page.of(Table) if (spec := _spec_of(table, words)) is not None]
    # A navigation lists the titles of other pages, too: the one whose operation the page has is right, or else the one that is repeated.
    known = {spec.id: spec for spec in titled or addressed}
    for spec in known.values():
        if len(known) == 1 or (titled and spec in addressed):
            return spec
    counts = sorted(((sum(one.id == spec.id for one in titled), spec.id) for spec in words.specs), reverse=True)
    if counts[0][0] > counts[1][0]:
        return words.spec(counts[0][1])
    names = ", ".join(spec.name for spec in words.specs)
    titles = " / ".join(excerpt(title) for title in dict.fromkeys(page.titles[:5]))
    raise NotUnderstoodError(f"no page of: {names}; its title is {titles}" if titles else f"no page of: {names}; it has no title")


def _mentions(page: Page, product: str) -> bool:
    texts = [block.text for block in page.blocks if not isinstance(block, Table)]
    texts += [cell.text for table in page.of(Table) for row in table.rows for cell in row.cells]
    return any(product.casefold() in text.casefold() for text in (*page.titles, *texts))


def _spec_of(table: Table, words: PageWords) -> PageSpec | None:
    """Return the page whose operation has the method and the URI in a table."""
    columns = columns_of(table, words)
    if not {"method", "uri"} <= columns.keys() or not table.rows:
        return None
    method, path = (table.rows[0].cell(columns[name]).text for name in ("method", "uri"))
    for spec in words.specs:
        if spec.operation and (contract().operations[spec.operation].method, contract().operations[spec.operation].path) == (
            method.strip("` ").upper(),
            path_of(path),
        ):
            return spec
    return None


def path_of(text: str) -> str:
    """Return the path below the base URL of a URI as a page prints it: `tasks`, `/tasks`, `/api/v1/tasks` or the whole URL."""
    path = text.strip("` ").removeprefix(contract().server)
    prefix = "/" + contract().server.partition("://")[2].partition("/")[2]
    return "/" + path.removeprefix(prefix).strip("/")


def columns_of(table: Table, words: PageWords) -> dict[str, int]:
    """Return the numbers of the columns by the meaning of their titles; those with other titles are left out."""
    found: dict[str, int] = {}
    for number, title in enumerate(table.header):
        if meaning := words.columns.meaning(title.strip("*` ")):
            found.setdefault(meaning, number)
    return found
