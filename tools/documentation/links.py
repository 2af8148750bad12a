"""The links of a built site: each leads to a page and a heading that exist, and no page loads anything from another host."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_RESOURCES = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "link": "href"}
"""Elements that load something, with the attribute that names it."""

_NO_RESOURCE = {"canonical", "prev", "next", "alternate"}
"""Relations of a `link` element that loads nothing."""


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.resources: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids |= {value for name in ("id", "name") if (value := values.get(name))}
        if tag == "a" and (target := values.get("href")):
            self.links.append(target)
        loaded = values.get(_RESOURCES.get(tag, ""))
        if loaded and not (tag == "link" and values.get("rel") in _NO_RESOURCE):
            self.resources.append(loaded)


def problems(site: Path) -> list[str]:
    """Return a line for each broken link and for each resource from another host, in the pages of a folder."""
    pages = {path.resolve(): _Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}
    return [f"{path.relative_to(site.resolve())}: {problem}" for path, page in pages.items() for problem in _problems_of(path, page, pages)]


def _problems_of(path: Path, page: _Page, pages: dict[Path, _Page]) -> Iterator[str]:
    for target in page.resources:
        if urlsplit(target).netloc:
            yield f"loads {target} from another host"
        elif urlsplit(target).scheme != "data" and not _file(path, target).is_file():
            yield f"{target} does not exist"
    for target in page.links:
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            continue
        file = _file(path, target)
        if not file.is_file():
            yield f"the link {target} leads nowhere"
        elif parts.fragment and file in pages and unquote(parts.fragment) not in pages[file].ids:
            yield f"the link {target} leads to a heading that does not exist"


def _file(path: Path, target: str) -> Path:
    """Return the file that a relative reference in a page names; for a folder, its index."""
    name = unquote(urlsplit(target).path)
    file = (path.parent / name).resolve() if name else path
    return file / "index.html" if file.is_dir() else file
