"""Markdown documents whose examples are run: the README, and the pages of the documentation.

A fenced block with a title is a file, which is written. A `console` block has commands, each after `$ `, with the output that they print;
`...` stands for any text. A comment `<!-- exit code 1 -->` before a block says how its commands end, `<!-- not run: REASON -->` that they
are not run. Untitled Python blocks are run by Sybil.
"""

import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

from nclue_contract.check import run as check_run
from nclue_contract.check.transport_memory import MemoryTransport
from nclue_contract.cli.main import _parser, main
from nclue_contract.cli.serve import build
from nclue_contract.contract.readings import Readings
from nclue_contract.service.uvicorn_server import LoopbackServer
from nclue_contract.signing import EXAMPLE
from tests.support.forked_command import PYTEST, run_forked
from tests.support.server_process import environment, running

FENCE = re.compile(
    r"^(?:<!-- (?:exit code (?P<code>\d+)|not run: (?P<reason>[^\n]+?)) -->\n+)?"
    r"```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
ORIGIN = "http://127.0.0.1:8000"
"""The server of the examples. They run it on another port."""

TIME_LIMIT = 1800
"""Seconds after which a command hangs. It takes seconds, but minutes on a machine with much other work."""

VARIABLES = {
    "PYTHONIOENCODING": "utf-8",
    "COLUMNS": "80",
    "CI": None,
    "PYTEST_ADDOPTS": "-p no:cacheprovider -p nclue_contract.pytest_plugin",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
}
"""The environment of the commands. Of all plugins, pytest loads only ours: the others that are installed take long to import."""

SHELL = frozenset("|;&$`<")
"""Characters of lines that need a shell. A redirection of the output to a file does not."""


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
    """Runs the commands of one document in a folder, with a server in the background after `nclue-contract serve`.

    Commands of ours run in this process; their checks send the requests to the server without a network. pytest is forked. All others run
    in bash. With `live`, the server is the command itself, whose page shows what is sent to it.
    """

    def __init__(self, folder, *, live=False):
        self._folder = folder
        self._live = live
        self._origin = ORIGIN
        self._service = None
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
        if self._live:
            kept = [option for place, option in enumerate(options) if "--port" not in options[max(0, place - 1) : place + 1]]
            self._origin = self._server.enter_context(running(*kept, cwd=self._folder)).origin
            return
        parsed = _parser("serve").parse_args(["serve", *options])
        self._service = build(parsed, Readings.of(None), {EXAMPLE.access_key: EXAMPLE.secret_key})
        server = self._server.enter_context(LoopbackServer(self._service))
        self._origin = server.url.removesuffix(self._service.prefix)

    def run(self, line):
        """Return the exit code of a command and what it prints."""
        program = line.partition(" ")[0]
        run = {"nclue-contract": self._run_here, "pytest": self._run_pytest}.get(program) if not SHELL & set(line) else None
        code, output = (run or self._run_in_bash)(line.replace(ORIGIN, self._origin))
        return code, output.replace(self._origin, ORIGIN)

    def _run_here(self, line):
        words = shlex.split(line, comments=True)
        words, target = (words[: words.index(">")], words[-1]) if ">" in words else (words, None)
        output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        with ExitStack() as stack:
            stack.enter_context(chdir(self._folder))
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            for name in os.environ.keys() - environment(**VARIABLES).keys():
                patch.delenv(name)
            for name, value in environment(**VARIABLES).items():
                patch.setenv(name, value)
            if self._service is not None:
                patch.setattr(check_run, "http_transport", self._transport)
            stack.enter_context(redirect_stdout(output))
            stack.enter_context(redirect_stderr(output))
            code = main(words[1:])
        text = output.buffer.getvalue().decode()
        if target:
            (self._folder / target).write_text(text, encoding="utf-8")
        return code, "" if target else text

    def _transport(self, _options, target, keys, _stack):
        assert target.url.startswith(self._origin)
        return MemoryTransport(self._service.handle, target.path, keys)

    def _run_pytest(self, line):
        with tempfile.TemporaryFile() as output:
            streams = dict.fromkeys(("stdout", "stderr"), output.fileno())
            done = run_forked(shlex.split(line)[1:], environment(**VARIABLES), cwd=self._folder, program=PYTEST, **streams)
            output.seek(0)
            return done.code, output.read().decode()

    def _run_in_bash(self, line):
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self._folder,
            env=environment(PATH=path, **VARIABLES),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=TIME_LIMIT,
            check=False,
        )
        return done.returncode, done.stdout


def run_python_blocks(path):
    """Run the untitled Python blocks of a document in their order, since each can use the names of those above it; return their number."""
    examples = list(Sybil(parsers=[PythonCodeBlockParser(), SkipParser()], patterns=[path.name]).parse(path).examples())
    for example in examples:
        example.evaluate()
    return len(examples)
