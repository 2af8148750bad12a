"""The command `nclue-contract` as a process of its own, forked from one that has imported the package once for all tests.

To start Python and to import the package costs more than most of what is tested then. Where that start is tested, use `subprocess`.
"""

import multiprocessing
import os
import sys
from contextlib import chdir, closing
from multiprocessing import forkserver
from multiprocessing.connection import Connection

from tests.support.tools import ROOT

CONTEXT = multiprocessing.get_context("forkserver")
IMPORTED = ("main", "check", "serve", "proxy", "validate", "traffic")
"""Modules below `nclue_contract.cli` that are imported before the fork, so that no command does that again."""
ALSO_IMPORTED = (
    "nclue_contract.check.transport_http",
    "nclue_contract.live.service_watch",
    "nclue_contract.service.faults.catalogue",
    "nclue_contract.service.uvicorn_server",
)
CONTEXT.set_forkserver_preload([*(f"nclue_contract.cli.{name}" for name in IMPORTED), *ALSO_IMPORTED])


class ForkedCommand:
    """A running command; its streams are copies of file descriptors. Its methods are those of `subprocess.Popen`."""

    def __init__(self, arguments, environment, *, stdin, stdout, stderr, cwd=None):
        with chdir(ROOT):  # there the first command finds the package
            forkserver.ensure_running()
        streams = [Connection(os.dup(stream)) for stream in (stdin, stdout, stderr)]
        words = ["nclue-contract", *map(str, arguments)]
        self._process = CONTEXT.Process(target=_run, args=(words, dict(environment), os.fspath(cwd or os.getcwd()), streams))
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


def _run(words, environment, cwd, streams):
    """Be the command, in the forked process."""
    for number, stream in enumerate(streams):
        with closing(stream):
            os.dup2(stream.fileno(), number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115, PTH123  # as Python opens it
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = words
    from nclue_contract.cli.main import main  # noqa: PLC0415  # only here, where it is imported already

    sys.exit(main())
