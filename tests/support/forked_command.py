"""Programs as processes of their own, forked from one that has imported their modules once for all tests.

To start Python and to import the modules costs more than most of what is tested then. Where that start is tested, use `subprocess`.
"""

import atexit
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path

from _pytest.config import default_plugins

from tests.support import fork_server
from tests.support.command import Result
from tests.support.tools import ROOT

DEADLINE_S = 300
"""Seconds in which a command must have ended; none takes more than a few."""


class ForkServer:
    """A process that has imported modules, started with the first command. It ends with this process."""

    def __init__(self, *modules):
        self._modules = modules
        self._socket = None
        self._lock = threading.Lock()

    def fork(self, streams):
        """Fork a process with these streams, and return a connection to it."""
        here, there = multiprocessing.Pipe()
        with self._lock, there:
            if self._socket is None:
                self._start()
            socket.send_fds(self._socket, [b"1"], [*streams, there.fileno()])
        return here

    def _start(self):
        self._socket, stdin = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with stdin:
            command = [sys.executable, "-m", fork_server.__name__, *self._modules]
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=stdin, stdout=subprocess.DEVNULL)
        atexit.register(self._stop)

    def _stop(self):
        self._socket.close()
        self._process.wait()


@dataclass(frozen=True)
class Program:
    """An installed program, and the process from which it is forked.

    One that is run with `python -m` looks for modules first where it is run, others beside themselves.
    """

    name: str
    server: ForkServer
    is_module: bool = False

    @cached_property
    def entry(self):
        """The function that it calls, as `module:function`."""
        return next(iter(entry_points(group="console_scripts", name=self.name))).value


OURS = ForkServer(
    *(f"nclue_contract.cli.{name}" for name in ("main", "check", "serve", "proxy", "validate", "traffic", "traffic_arguments")),
    *(f"nclue_contract.check.{name}" for name in ("cases.plan", "reports.formats", "run", "transport_http")),
    "nclue_contract.live.service_watch",
    "nclue_contract.service.faults.catalogue",
    "nclue_contract.service.uvicorn_server",
    "nclue_contract.validation.reports.junit",
    "anyio._backends._asyncio",
    "httpcore",
    "tomllib",
    "uvicorn.lifespan.on",
    "uvicorn.loops.asyncio",
    "uvicorn.protocols.http.h11_impl",
)
NCLUE_CONTRACT = Program("nclue-contract", OURS)

LIBRARIES = ForkServer(
    *(f"_pytest.{name}" for name in default_plugins),
    *(f"nclue_contract.{name}" for name in ("check.inference", "cli.progress", "clients", "service.faults.catalogue", "service.recorder")),
    "execnet",
    "hypothesis",
    "httpx",
    "httpx2",
    "pdb",
    "pyrate_limiter",
    "requests",
    "respx",
    "schemathesis.cli.commands.run.executor",
    "schemathesis.engine.core",
    "schemathesis.engine.run.stateful",
    "schemathesis.engine.run.unit",
    "schemathesis.python.asgi",
    "schemathesis.specs.openapi.schemas",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.http.h11_impl",
)
"""It imports no plugin that tests name, since pytest would warn that it cannot rewrite its assertions."""
PYTEST = Program("pytest", LIBRARIES, is_module=True)
SCHEMATHESIS = Program("st", LIBRARIES)


class ForkedCommand:
    """A running program; its streams are copies of file descriptors. Its methods are those of `subprocess.Popen`.

    `limits` are limits of its resources, by their numbers in `resource`. A `script` is run instead of the program.
    """

    def __init__(self, arguments, environment, *, stdin, stdout, stderr, cwd=None, limits=None, script=None, program=NCLUE_CONTRACT):
        place = os.fspath(cwd or os.getcwd())  # noqa: PTH109  # as text
        path = place if program.is_module else str(Path(sys.executable).parent)
        words = [program.name, *map(str, arguments)]
        self._connection = program.server.fork((stdin, stdout, stderr))
        request = fork_server.Request(program.entry, path, words, dict(environment), place, limits or {}, script)
        self._connection.send(tuple(request))
        self.pid = self._connection.recv()
        self._code = None

    @property
    def returncode(self):
        return self._ended(0)

    def _ended(self, timeout):
        if self._code is None and self._connection.poll(timeout):
            self._code = self._connection.recv()
            self._connection.close()
        return self._code

    def send_signal(self, number):
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout=None):
        """Wait until it has ended; return its exit code."""
        code = self._ended(timeout)
        assert code is not None, f"it has not ended within {timeout} s"
        return code


def run_forked(arguments, environment, *, data=b"", **options):
    """Run a program with this standard input, and return what comes of it; `stdout` and `stderr` replace the streams that are read."""
    texts = {}
    threads = []
    with tempfile.TemporaryFile() as stdin:
        stdin.write(data)
        stdin.seek(0)
        pipes = {name: os.pipe() for name in ("stdout", "stderr") if name not in options}
        for name, (reading, _) in pipes.items():
            threads.append(threading.Thread(target=_read, args=(reading, texts, name), daemon=True))
        written = {name: writing for name, (_, writing) in pipes.items()}
        command = ForkedCommand(arguments, environment, stdin=stdin.fileno(), **written, **options)
    for writing in written.values():
        os.close(writing)
    for thread in threads:
        thread.start()
    try:
        code = command.wait(DEADLINE_S)
    finally:
        command.kill()
    for thread in threads:
        thread.join(DEADLINE_S)
    return Result(code, texts.get("stdout", ""), texts.get("stderr", ""))


def _read(descriptor, texts, name):
    with os.fdopen(descriptor, encoding="utf-8", errors="replace", newline="") as stream:
        texts[name] = stream.read()
