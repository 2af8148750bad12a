"""The command `nclue-contract` as a process of its own, forked from one that has imported the package once for all tests.

To start Python and to import the package costs more than most of what is tested then. Where that start is tested, use `subprocess`.
"""

import multiprocessing
import os
import resource
import sys
import tempfile
import threading
from contextlib import chdir, closing
from multiprocessing import forkserver
from multiprocessing.connection import Connection

from tests.support.command import Result
from tests.support.tools import ROOT

DEADLINE_S = 300
"""Seconds in which a command must have ended; none takes more than a few."""

CONTEXT = multiprocessing.get_context("forkserver")
IMPORTED = ("main", "check", "serve", "proxy", "validate", "traffic")
"""Modules below `nclue_contract.cli` that are imported before the fork, so that no command does that again."""
ALSO_IMPORTED = (
    "nclue_contract.check.transport_http",
    "nclue_contract.live.service_watch",
    "nclue_contract.service.faults.catalogue",
    "nclue_contract.service.uvicorn_server",
)
CONTEXT.set_forkserver_preload([__name__, *(f"nclue_contract.cli.{name}" for name in IMPORTED), *ALSO_IMPORTED])


class ForkedCommand:
    """A running command; its streams are copies of file descriptors. Its methods are those of `subprocess.Popen`.

    `limits` are limits of its resources, by their numbers in `resource`. A `script` is run instead of the command.
    """

    def __init__(self, arguments, environment, *, stdin, stdout, stderr, cwd=None, limits=None, script=None):
        with chdir(ROOT):  # there the first command finds the package
            forkserver.ensure_running()
        streams = [Connection(os.dup(stream)) for stream in (stdin, stdout, stderr)]
        words = ["nclue-contract", *map(str, arguments)]
        place = os.fspath(cwd or os.getcwd())  # noqa: PTH109  # as text
        self._process = CONTEXT.Process(target=_run, args=(words, dict(environment), place, streams, limits or {}, script))
        self._process.start()
        for stream in streams:
            stream.close()

    @property
    def pid(self):
        return self._process.pid

    @property
    def returncode(self):
        return self._process.exitcode

    def send_signal(self, number):
        if self._process.is_alive():
            os.kill(self.pid, number)

    def kill(self):
        self._process.kill()

    def wait(self, timeout=None):
        """Wait until it has ended; return its exit code."""
        self._process.join(timeout)
        assert self.returncode is not None, f"it has not ended within {timeout} s"
        return self.returncode


def run_forked(arguments, environment, *, data=b"", cwd=None, limits=None, **streams):
    """Run the command with this standard input, and return what comes of it; `streams` (file descriptors) replace those that are read."""
    texts = {}
    threads = []
    with tempfile.TemporaryFile() as stdin:
        stdin.write(data)
        stdin.seek(0)
        pipes = {name: os.pipe() for name in ("stdout", "stderr") if name not in streams}
        for name, (reading, _) in pipes.items():
            threads.append(threading.Thread(target=_read, args=(reading, texts, name), daemon=True))
        written = {name: writing for name, (_, writing) in pipes.items()}
        command = ForkedCommand(arguments, environment, **{"stdin": stdin.fileno()} | written | streams, cwd=cwd, limits=limits)
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


def _run(words, environment, cwd, streams, limits, script):
    """Be the command, in the forked process."""
    for number, stream in enumerate(streams):
        with closing(stream):
            os.dup2(stream.fileno(), number)
    # As Python opens them; those of the process before the fork depend on its own environment.
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    for number, most in limits.items():
        resource.setrlimit(number, (most, most))
    sys.dont_write_bytecode = True  # under a limit, a compiled module would be cut, and no later process could load it
    sys.argv = words
    if script is not None:
        exec(script, {"__name__": "__main__"})  # of a test
        return
    from nclue_contract.cli.main import main  # noqa: PLC0415  # only here, where it is imported already

    sys.exit(main())
