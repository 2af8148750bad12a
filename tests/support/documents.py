"""Markdown documents whose examples are run: the README, and the pages of the documentation.

A fenced block with a title is a file, which is written. A `console` block has commands, each after `$ `, with the output that they print;
`...` stands for any text. A comment `<!-- exit code 1 -->` before a block says how its commands end, `<!-- not run: REASON -->` that they
are not run. Untitled Python blocks are run by Sybil.
"""

import os
import re
import shlex
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

from tests.support.server_process import environment, running

FENCE = re.compile(
    r"^(?:<!-- (?:exit code (?P<code>\d+)|not run: (?P<reason>[^\n]+?)) -->\n+)?"
    r"```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
ORIGIN = "http://127.0.0.1:8000"
"""The server of the examples. They run it on another port."""

TIME_LIMIT = 1800
"""Seconds after which a command hangs. A check takes seconds, but minutes on a machine with much other work."""


@dataclass(frozen=True)
class Command:
    """A line of a console block, the output below it, and the exit code that it must have."""

    line: str
    output: str
    exit_code: int = 0
    is_run: bool = True

    @property
    def words(self):
        """Return the program and its arguments, without a redirection of the output."""
        words = shlex.split(self.line, comments=True)
        return words[: words.index(">")] if ">" in words else words

    def prints(self, text):
        """Return whether the text is what the document shows."""
        pattern = ".*".join(map(re.escape, self.output.strip("\n").split("...")))
        return re.fullmatch(pattern, text.strip("\n"), re.DOTALL) is not None


@dataclass(frozen=True)
class File:
    """A block with a title."""

    name: str
    text: str
    language: str


def parts(path):
    """Yield the files and the commands of a document in their order."""
    for block in FENCE.finditer(path.read_text(encoding="utf-8")):
        if block["title"]:
            yield File(block["title"], block["text"], block["language"])
        elif block["language"] == "console":
            for line in re.split(r"^\$ ", block["text"], flags=re.MULTILINE)[1:]:
                first, _, output = line.partition("\n")
                yield Command(first, output, int(block["code"] or 0), is_run=not block["reason"])


def commands(path, start=""):
    """Return the commands of a document that begin so."""
    return [part for part in parts(path) if isinstance(part, Command) and part.line.startswith(start)]


class Shell:
    """Runs the commands of one document in a folder, with a server in the background after `nclue-contract serve`."""

    def __init__(self, folder):
        self._folder = folder
        self._origin = ORIGIN
        self._server = ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.close()

    def write(self, file):
        path = self._folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text.replace(ORIGIN, self._origin), encoding="utf-8")

    def serve(self, options):
        """Start a server in place of the last one."""
        self._server.close()
        kept = [option for position, option in enumerate(options) if "--port" not in options[max(0, position - 1) : position + 1]]
        self._origin = self._server.enter_context(running(*kept, cwd=self._folder)).origin

    def run(self, line):
        """Return the exit code of a command and what it prints."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        variables = environment(PATH=path, PYTHONIOENCODING="utf-8", COLUMNS="80", CI=None, PYTEST_ADDOPTS="-p no:cacheprovider")
        done = subprocess.run(
            ["bash", "-c", line.replace(ORIGIN, self._origin)],
            cwd=self._folder,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=TIME_LIMIT,
            check=False,
        )
        return done.returncode, done.stdout.replace(self._origin, ORIGIN)


def run_python_blocks(path):
    """Run the untitled Python blocks of a document in their order, since each can use the names of those above it; return their number."""
    examples = list(Sybil(parsers=[PythonCodeBlockParser(), SkipParser()], patterns=[path.name]).parse(path).examples())
    for example in examples:
        example.evaluate()
    return len(examples)
