"""Build the documentation site: `python -m tools.documentation`, or `make docs`. Exit code 1 for any warning or broken link.

The hand-written pages of `docs/` and the generated ones are put together in `build/docs/pages`; the site is in `build/docs/site`. Nothing
of this is committed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from itertools import groupby
from pathlib import Path

from nclue_contract.check.reports.text import group_of
from nclue_contract.contract.model import contract
from tools.documentation import api, commands, rules
from tools.documentation.links import problems

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
BUILD = ROOT / "build" / "docs"
ZENSICAL = Path(sys.executable).with_name("zensical")

Entry = str | dict[str, "Entry"] | list["Entry"]
"""A part of the navigation: a page, a title with its part, or several."""


def generated() -> dict[str, str]:
    """Return the generated pages by their paths."""
    return rules.pages() | commands.pages() | api.pages()


def navigation() -> dict[str, list[Entry]]:
    """Return the parts of the navigation that list generated pages, by the words that stand for them in the settings."""
    groups = groupby(contract().rules, key=group_of)
    by_group: list[Entry] = [{title[0].upper() + title[1:]: [f"rules/{code}.md" for code in codes]} for title, codes in groups]
    python: list[Entry] = [{name.removeprefix("nclue_contract."): api.path_of(name)} for name in api.MODULES]
    return {
        "@rules": ["rules/index.md", *by_group],
        "@readings": ["readings/index.md", *(f"readings/{name}.md" for name in contract().readings)],
        "@python": ["reference/python/index.md", *python],
    }


def settings() -> str:
    """Return the settings of the site generator, as TOML."""
    text = (DOCS / "zensical.toml").read_text(encoding="utf-8")
    for word, entry in navigation().items():
        text = text.replace(json.dumps(word), _toml(entry))
    address = f"site_url = {json.dumps(contract().documentation + '/')}\n" if contract().documentation else ""
    return text.replace("[project]\n", f"[project]\n{address}", 1)


def _toml(entry: Entry) -> str:
    if isinstance(entry, list):
        return f"[{', '.join(map(_toml, entry))}]"
    if isinstance(entry, dict):
        return f"{{ {', '.join(f'{json.dumps(title)} = {_toml(part)}' for title, part in entry.items())} }}"
    return json.dumps(entry)


def write_sources(folder: Path) -> None:
    """Write all pages and the settings into a folder, which is emptied before."""
    shutil.rmtree(folder, ignore_errors=True)
    pages = folder / "pages"
    shutil.copytree(DOCS, pages, ignore=shutil.ignore_patterns("zensical.toml"))
    for name, text in generated().items():
        path = pages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "zensical.toml").write_text(settings(), encoding="utf-8")


def main() -> int:
    """Build the site and return the exit code."""
    if not ZENSICAL.is_file():
        print(f"{ZENSICAL.name} is missing, which needs Python 3.11.5 or later; this is {sys.version.partition(' ')[0]}", file=sys.stderr)
        return 1
    write_sources(BUILD)
    command = [str(ZENSICAL), "build", "--clean", "--strict", "--config-file", str(BUILD / "zensical.toml")]
    environment = os.environ | {"NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False, env=environment)
    broken = problems(BUILD / "site") if done.returncode == 0 else []
    if done.returncode or broken:
        print(done.stdout.partition("Traceback")[0], *broken, sep="\n", file=sys.stderr)
        return 1
    print(f"wrote {(BUILD / 'site').relative_to(ROOT)}/ ({len(list((BUILD / 'site').rglob('*.html')))} pages)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
