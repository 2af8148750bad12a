"""Examples in the help of each command, and the format of help that keeps their lines."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Final

EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "validate": (
        "nclue-contract validate tasks.jsonl 'jobs/**/*.json'",
        "nclue-contract validate tasks.jsonl --reading path-characters=page-2025 --ignore NC130,id-length",
        "nclue-contract validate jobs --format github --report sarif:findings.sarif",
        "nclue-contract validate tasks.jsonl --jobs auto --quiet",
    ),
    "explain": ("nclue-contract explain NC120", "nclue-contract explain path-high-codes"),
    "spec": ("nclue-contract spec --json --reading name-edge=99", "nclue-contract spec --path"),
    "sign": (
        "nclue-contract sign GET https://nclue.apigw.ntruss.com/api/v1/tasks",
        "nclue-contract sign POST http://127.0.0.1:8000/api/v1/tasks --curl",
    ),
    "check": (
        "nclue-contract check http://127.0.0.1:8000/api/v1 --report html:report.html",
        "nclue-contract check http://127.0.0.1:8000/api/v1 --only NC12,name-empty --budget 60",
        "nclue-contract check https://gateway.example/api/v1 --allow-create 200 --rate 5 --baseline known.json",
    ),
    "probe": (
        "nclue-contract probe http://127.0.0.1:8000/api/v1",
        "nclue-contract probe http://127.0.0.1:8000/api/v1 --write pyproject.toml",
    ),
    "cleanup": ("nclue-contract cleanup ledger.jsonl",),
    "traffic": (
        "nclue-contract traffic session.har tests/cassettes",
        "nclue-contract traffic journal.json --server http://127.0.0.1:8000/api/v1 --strict",
    ),
    "proxy": (
        "nclue-contract proxy http://127.0.0.1:8000/api/v1 --port 8080",
        "nclue-contract proxy https://gateway.example/api/v1 --har session.har --block",
    ),
    "docs-drift": (
        "nclue-contract docs-drift create-task.html",
        "nclue-contract docs-drift pages --format json --report text:drift.txt",
        "nclue-contract docs-drift create-task.ko.md --reading path-characters=page-2025",
    ),
    "serve": (
        "nclue-contract serve --port 8000 --progress seconds:0.5",
        "nclue-contract serve --fault status-201 --unknown-file churn/none.tsv",
    ),
    "faults": ("nclue-contract faults",),
    "completion": (
        "nclue-contract completion bash >~/.local/share/bash-completion/completions/nclue-contract",
        "nclue-contract completion zsh >~/.zsh/completions/_nclue-contract  # a folder in fpath",
        "nclue-contract completion fish >~/.config/fish/completions/nclue-contract.fish",
    ),
}
"""Command lines to copy, by the name of the command."""

_TITLE = "examples:"


def add_examples(name: str, parser: argparse.ArgumentParser) -> None:
    """Put the examples of a command before the last words of its help."""
    listed = "\n".join([_TITLE, *(f"  {line}" for line in EXAMPLES[name])])
    parser.epilog = "\n\n".join(filter(None, [listed, parser.epilog]))
    parser.formatter_class = ExamplesFormatter


def without_examples(epilog: str) -> str:
    """Return the last words of a help without the examples."""
    return epilog.partition("\n\n")[2] if epilog.startswith(_TITLE) else epilog


class ExamplesFormatter(argparse.HelpFormatter):
    """Formats help, and keeps the lines of examples as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        fill = super()._fill_text
        return "\n\n".join(part if part.startswith(_TITLE) else fill(part, width, indent) for part in text.split("\n\n"))
