"""What a page states: find its parts by their headings and columns, and read the statements in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Final, TypeVar

from nclue_contract.contract.model import contract
from nclue_contract.contract.pages import PageSpec, PageWords, Vocabulary, comparable, page_words
from nclue_contract.contract.readings import Readings
from nclue_contract.contract.wording import excerpt
from nclue_contract.docs_drift.contract_statements import PARAMETER_PLACES, success_name
from nclue_contract.docs_drift.descriptions import Description
from nclue_contract.docs_drift.examples import Curl, problems_of_request, problems_of_response
from nclue_contract.docs_drift.identification import columns_of, path_of
from nclue_contract.docs_drift.page import Code, Heading, Line, NotUnderstoodError, Page, Row, Table
from nclue_contract.docs_drift.phrases import status_words, word_list
from nclue_contract.docs_drift.statements import Entry, Part, Remark, Statement

_BlockT = TypeVar("_BlockT", Table, Code)


@dataclass(frozen=True)
class PageStatements:
    """The parts of one page as the page states them. `readings` decide what an example must keep."""

    page: Page
    spec: PageSpec
    readings: Readings

    def part(self, name: str) -> Part | None:
        """Return a part of the page, None when the page does not have it. Raises `NotUnderstoodError` when it cannot be read."""
        return _PARTS[name](self, name)

    def looked_for(self, name: str) -> str:
        """Return in words what a part is recognised by."""
        heading = f"a heading {self._texts_of(page_words().headings)(name)}" if name in page_words().headings.texts else ""
        columns = ", ".join(map(self._texts_of(page_words().columns), _COLUMNS.get(name, ())))
        table = f"a table with the columns {columns}" if columns else ""
        return " and below it ".join(filter(None, [heading if name != "codes" else "", table]))

    @staticmethod
    def _texts_of(vocabulary: Vocabulary) -> Callable[[str], str]:
        return lambda meaning: " or ".join(repr(text) for text in vocabulary.texts[meaning][:_MOST_TEXTS])

    @cached_property
    def _words(self) -> PageWords:
        return page_words()

    @cached_property
    def language(self) -> str:
        """Return the language of most headings and columns; empty when there is none."""
        found = [word for heading in self.page.of(Heading) if (word := self._words.headings.find(heading.text))]
        found += [word for table in self.page.of(Table) for title in table.header if (word := self._words.columns.find(title))]
        languages = [word.language for word in found]
        return max(sorted(set(languages)), key=languages.count) if languages else ""

    # -- finding -------------------------------------------------------------------------------------------------------------------------

    def _in_section(self, name: str, kind: type[_BlockT]) -> list[_BlockT]:
        """Return the blocks of a kind below the heading of a part, up to the next heading that is known or not deeper."""
        found: list[_BlockT] = []
        level = 0
        for block in self.page.blocks:
            if isinstance(block, Heading):
                meaning = self._words.headings.meaning(block.text)
                if meaning == name:
                    level = block.level
                elif meaning or block.level <= level:
                    level = 0
            elif level and isinstance(block, kind):
                found.append(block)
        return found

    def _tables(self, name: str) -> list[tuple[Table, dict[str, int]]]:
        """Return the tables of a part with the numbers of their columns; some are known by their columns under whatever heading."""
        tables = self.page.of(Table) if name in _KNOWN_BY_COLUMNS else self._in_section(name, Table)
        pairs = [(table, columns_of(table, self._words)) for table in tables]
        return [(table, columns) for table, columns in pairs if columns.keys() >= set(_COLUMNS.get(name, ())) and table.rows]

    def uncompared_tables(self, parts: Iterable[str]) -> list[Table]:
        """Return the tables that belong to none of these parts."""
        used = {id(table) for name in parts for table, _ in self._tables(name)}
        return [table for table in self.page.of(Table) if id(table) not in used and table.rows]

    # -- parts ---------------------------------------------------------------------------------------------------------------------------

    def address(self, name: str) -> Part | None:
        """Return method and path."""
        for table, columns in self._tables(name):
            for row in table.rows:
                method = Statement("method", (row.cell(columns["method"]).text.strip("` ").upper(),), row.line)
                path = Statement("path", (path_of(row.cell(columns["uri"]).text),), row.line)
                return Part(name, "address", (Entry("", (method, path), row.line),), table.line)
        return None

    def url(self, name: str) -> Part | None:
        """Return the base URL."""
        texts = [(cell.text, row.line) for table in self._in_section(name, Table) for row in table.rows for cell in row.cells]
        texts += [(title, table.line) for table in self._in_section(name, Table) for title in table.header]
        texts += [(code.text, code.line) for code in self._in_section(name, Code)]
        texts += [(text, line) for text, line in self._paragraphs(name)]
        for text, line in texts:
            for word in text.split():
                if "://" in word:
                    return Part(name, "address", (Entry("", (Statement("url", (word.strip("`<>|").rstrip("/"),), line),), line),), line)
        return None

    def _paragraphs(self, name: str) -> Iterator[tuple[str, int]]:
        inside = False
        for block in self.page.blocks:
            if isinstance(block, Heading):
                inside = self._words.headings.meaning(block.text) == name
            elif inside and not isinstance(block, Table | Code):
                yield block.text, block.line

    def fields(self, name: str) -> Part | None:
        """Return the fields, parameters or headers of the tables below a heading."""
        found = self._tables(name)
        entries: list[Entry] = []
        remarks: list[Remark] = []
        for table, columns in found:
            for row in table.rows:
                field = _field_name(row.cell(columns["name"]).text)
                description = Description(row.cell(columns.get("description")).lines, self._words)
                if field:
                    entries.append(Entry(field, (*self._cells(row, columns), *description.statements), row.line))
                    remarks += [Remark(f"{field}: {line.text}", line.number) for line in description.rest]
                else:
                    remarks.append(Remark(" ".join(cell.text for cell in row.cells), row.line))
        noun = "parameter" if name in PARAMETER_PLACES else "field"
        return Part(name, noun, tuple(entries), found[0][0].line, remarks=tuple(remarks)) if entries else None

    def _cells(self, row: Row, columns: Mapping[str, int]) -> Iterator[Statement]:
        """Yield what the cells state besides the description: the type, and whether the field is required."""
        kind = row.cell(columns.get("type")).text.strip("` ")
        if kind not in self._words.empty:
            yield Statement("type", (self._words.types.meaning(kind) or kind,), row.line)
        answer = row.cell(columns.get("required")).text.strip("` ")
        if answer not in self._words.empty:
            yield Statement("required", (self._words.answers.meaning(answer) or answer,), row.line)

    def headers(self, name: str) -> Part | None:
        """Return the headers of all requests."""
        part = self.fields(name)
        if part is None:
            return None
        entries = tuple(Entry(entry.name.lower(), entry.statements, entry.line) for entry in part.entries)
        return replace(part, noun="header", entries=entries)

    def statuses(self, name: str) -> Part | None:
        """Return the statuses, in the order of the table of steps."""
        for table, columns in self._tables(name):
            lines = [line for row in table.rows for line in row.cell(columns["status"]).lines]
            entries = [Entry(word, (), line.number) for line in lines for word in status_words(line.text) or word_list(line.text)[:1]]
            if entries:
                return Part(name, "status", tuple(entries), table.line, ordered=True)
        return None

    def deletion(self, name: str) -> Part | None:
        """Return for each status whether a task can be deleted."""
        for table, columns in self._tables(name):
            entries = [entry for row in table.rows for entry in self._deletable(row, columns)]
            if entries:
                return Part(name, "status", tuple(entries), table.line)
        return None

    def _deletable(self, row: Row, columns: Mapping[str, int]) -> Iterator[Entry]:
        answer = self._words.answers.meaning(row.cell(columns["deletable"]).text.strip("` "))
        if not answer:
            raise NotUnderstoodError(f"line {row.line}: {excerpt(row.cell(columns['deletable']).text)!r} is neither yes nor no")
        for line in row.cell(columns["task_status"]).lines:
            for word in _words_of(line):
                yield Entry(word, (Statement("deletable", (answer,), line.number),), line.number)

    def codes(self, name: str) -> Part | None:
        """Return the rows of the table of codes."""
        for table, columns in self._tables(name):
            entries = tuple(self._code(row, columns) for row in table.rows if row.cell(columns["http"]).text)
            return Part(name, "code", entries, table.line)
        return None

    def _code(self, row: Row, columns: Mapping[str, int]) -> Entry:
        status, code, message = (row.cell(columns.get(column)).text.strip("` ") for column in ("http", "code", "message"))
        if code in self._words.empty:
            return Entry(success_name(status), (), row.line)
        description = Description(row.cell(columns.get("description")).lines, self._words, limits_only=True)
        statements = (Statement("status", (status,), row.line), Statement("message", (message,), row.line), *description.statements)
        return Entry(code, statements, row.line)

    # -- examples ------------------------------------------------------------------------------------------------------------------------

    def request_example(self, name: str) -> Part | None:
        """Return method, URL and headers of the first curl command, and what its body breaks."""
        for code in self._in_section(name, Code):
            if (curl := Curl.parse(code.text)) is not None:
                operation = contract().operations[self.spec.operation]
                url = curl.documented_url(operation)
                statements = [Statement("method", (curl.method,), code.line), Statement("url", (url,), code.line)]
                statements.append(Statement("headers", curl.headers, code.line))
                has_body = bool(curl.body) or "request-body" in self.spec.parts
                problems = tuple(problems_of_request(curl.body, self.readings, code)) if has_body else ()
                return Part(name, "example", (Entry("", tuple(statements), code.line),), code.line, problems=problems)
        return None

    def response_example(self, name: str) -> Part | None:
        """Return what the responses break."""
        codes = self._in_section(name, Code)
        if not codes:
            return None
        problems = [problem for code in codes for problem in problems_of_response(code, self.spec.operation, self.readings)]
        return Part(name, "example", (), codes[0].line, problems=tuple(problems))


_KNOWN_BY_COLUMNS = frozenset({"address", "statuses", "deletion", "codes"})
"""The parts whose table has columns that no other has."""

_MOST_TEXTS = 9
"""Words of a kind that a message names."""

_COLUMNS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "address": ("method", "uri"),
        "statuses": ("order", "status"),
        "deletion": ("deletable", "task_status"),
        "codes": ("http", "code", "message"),
        "request-headers": ("name", "required"),
        "path-parameters": ("name", "type", "required"),
        "query-parameters": ("name", "type", "required"),
        "request-body": ("name", "type", "required"),
        "response-body": ("name", "type"),
    }
)
"""The columns of the tables, by the part. A table without one of them is another: its statements would be gone in every row."""

_PARTS: Final[Mapping[str, Callable[[PageStatements, str], Part | None]]] = MappingProxyType(
    {
        "address": PageStatements.address,
        "api-url": PageStatements.url,
        "codes": PageStatements.codes,
        "deletion": PageStatements.deletion,
        "path-parameters": PageStatements.fields,
        "query-parameters": PageStatements.fields,
        "request-body": PageStatements.fields,
        "request-example": PageStatements.request_example,
        "request-headers": PageStatements.headers,
        "response-body": PageStatements.fields,
        "response-example": PageStatements.response_example,
        "statuses": PageStatements.statuses,
    }
)


def _field_name(text: str) -> str:
    """Return the name of a field without what it is in: `task_id` for `tasks[].task_id`."""
    name = text.strip("`*└ㄴ- ").replace("[]", "")
    return name.rpartition(".")[2][:200] if comparable(name) else ""


def _words_of(line: Line) -> list[str]:
    return status_words(line.text) or word_list(line.text)
