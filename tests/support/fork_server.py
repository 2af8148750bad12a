"""A process that imports modules once and then forks commands, which find them imported. `forked_command` starts it.

Its arguments are the modules, its standard input is a socket. A message on it is three streams and a `Connection` as file descriptors. Over
the connection the command sends the ID of its process and receives a `Request`; then this process sends its exit code.
"""

import atexit
import gc
import importlib
import os
import resource
import signal
import socket
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple


class Request(NamedTuple):
    """A command: `entry` is `module:function` as in an entry point, `path` the first place where its modules are looked for.

    `limits` are limits of its resources, by their numbers in `resource`. A `script` is run instead of the entry point.
    """

    entry: str
    path: str
    words: list
    environment: dict
    cwd: str
    limits: dict
    script: str | None


class Server:
    """Forks a command for each message, and sends its exit code when it has ended."""

    def __init__(self):
        self._commands = {}
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with the tests
        signal.signal(signal.SIGCHLD, self._report)

    def serve(self):
        """Return streams and connection of a command in its process, and None at the end in this one."""
        with socket.socket(fileno=os.dup(0)) as requests:
            while True:
                message, descriptors, *_ = socket.recv_fds(requests, 1, 4)
                if not message:
                    return None
                *streams, connection = descriptors
                connection = Connection(connection)
                if self._fork(connection) == 0:
                    return streams, connection
                for stream in streams:
                    os.close(stream)

    def _fork(self, connection):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # it may end before it is known
        pid = os.fork()
        if pid:
            self._commands[pid] = connection
        else:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for other in self._commands.values():
                other.close()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        return pid

    def _report(self, *_):
        while self._commands:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            with self._commands.pop(pid) as connection, suppress(OSError):  # if nobody waits for it
                connection.send(os.waitstatus_to_exitcode(status))


def main():
    for name in sys.argv[1:]:
        importlib.import_module(name)
    assert threading.active_count() == 1, "no fork would have the other threads"
    gc.freeze()  # else each fork would copy every object
    forked = Server().serve()
    if forked is None:
        return
    streams, connection = forked
    with connection:
        connection.send(os.getpid())
        request = Request(*connection.recv())
    _become(request, streams)
    _end(_exit_code(request))


def _become(request, streams):
    """Give this process the streams, the environment, the folder and the limits of the command."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    # As Python opens them; those of the process before the fork depend on its own environment.
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request.environment)
    os.chdir(request.cwd)
    sys.argv = request.words
    sys.path[0] = request.path
    if "hypothesis" in sys.modules:
        _renew_hypothesis()
    for number, most in request.limits.items():
        resource.setrlimit(number, (most, most))
        sys.dont_write_bytecode = True  # a compiled module would be cut, and no later process could load it


def _renew_hypothesis():
    """Choose what Hypothesis chooses when it is imported, by the environment and the folder."""
    from hypothesis import _settings, configuration, settings  # noqa: PLC0415  # only where it is imported already

    settings.load_profile("ci" if _settings.is_in_ci() else "default")
    if "HYPOTHESIS_STORAGE_DIRECTORY" not in os.environ:
        configuration.set_hypothesis_home_dir(Path.cwd() / ".hypothesis")


def _exit_code(request):
    """Run it, and return the exit code that Python would have."""
    try:
        if request.script is not None:
            exec(request.script, {"__name__": "__main__"})  # of a test
            return 0
        module, _, function = request.entry.partition(":")
        sys.exit(getattr(importlib.import_module(module), function)())
    except SystemExit as end:
        if isinstance(end.code, int | None):
            return end.code or 0
        print(end.code, file=sys.stderr)  # noqa: T201
    except BaseException:  # noqa: BLE001
        sys.excepthook(*sys.exc_info())
    return 1


def _end(code):
    """End as Python does, but do not take apart what was imported before the fork, which costs more than most commands."""
    threading._shutdown()  # noqa: SLF001
    atexit._run_exitfuncs()  # noqa: SLF001
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
