"""Worker processes: a function is called with many items, in several processes at once, and the results come in the order of the items.

Of one call of `Workers.results`, at most `WINDOW` items per process are on their way at any time, from when they are sent until their
result is given out, so that memory stays flat. The processes ignore the signals that end a command: this process handles them, and kills
the workers. If it is killed itself, the pipes that the workers read from are closed, and they end.

`multiprocessing.Pool` waits for ever for a process that was killed. The processes of a `ProcessPoolExecutor` outlive a killed parent, and
cannot be ended before they have finished their items.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess
    from queue import SimpleQueue

PROCESSES_AFTER = 1 << 17
"""So much is done in this process before others are started, which takes about as long; in the unit of the costs."""

DEPTH = 2
"""Items that one process has at once: the one it works on, and the next."""

WINDOW = 4
"""Items per process that may be sent and not given out yet, while an earlier one takes longer."""

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_NO_MEMORY = "MemoryError"
_JOIN_S = 10  # a process whose pipe is closed has ended, or ends at once

W = TypeVar("W")
R = TypeVar("R")


class WorkerError(Exception):
    """A worker process could not be started, or has died; the message says what to do."""


class Deferred(Generic[W]):
    """The cost of an item, but nothing until `PROCESSES_AFTER` has been done in this process: short inputs need no others."""

    def __init__(self, cost: Callable[[W], int]) -> None:
        self._cost = cost
        self._done = 0

    def __call__(self, item: W) -> int:
        """Return the cost, or 0."""
        cost = self._cost(item)
        if self._done >= PROCESSES_AFTER:
            return cost
        self._done += cost
        return 0


class Workers(Generic[W, R]):
    """Up to `jobs` processes that call a function, which must be possible to pickle, as must items and results.

    A process is started when all others are busy. `method` is how, see `start_method`. Leaving the context kills the processes.
    """

    def __init__(self, call: Callable[[W], R], jobs: int, method: str | None = None) -> None:
        self._call = call
        self._jobs = jobs
        self._method = method or start_method()
        self.running: list[_Worker] = []
        """The processes that have been started."""
        self._sent = 0
        self.arrived: dict[int, _Answer] = {}
        """Answers whose turn has not come, by their numbers."""
        self.unwanted: set[int] = set()
        """The numbers of answers that are not needed any more."""

    def __enter__(self) -> Workers[W, R]:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._end()
        except KeyboardInterrupt:  # signals come in pairs, from a terminal and from the program that runs this one
            self._end()
            raise

    def results(self, items: Iterable[W], cost: Callable[[W], int]) -> Iterator[R]:
        """Yield the results, in the order of the items; what costs nothing is done here. Raises `WorkerError`, and what the call raises.

        The items may depend on results of another call of this method.
        """
        underway: deque[int | _Answer] = deque()  # numbers of items that were sent, and results of this process
        try:
            for item in items:
                here, worker = not cost(item), None
                while True:
                    while underway and self._has_come(underway[0]):
                        yield self._answer(underway.popleft()).result()
                    if len(underway) < WINDOW * self._jobs and (here or (worker := self._free_worker())):
                        break
                    self.receive(self.arrived)
                if worker is None:
                    underway.append(_Answer(self._call(item), ""))
                else:
                    worker.send(self._sent, item)
                    underway.append(self._sent)
                    self._sent += 1
            while underway:
                while not self._has_come(underway[0]):
                    self.receive(self.arrived)
                yield self._answer(underway.popleft()).result()
        finally:
            self.unwanted.update(number for number in underway if isinstance(number, int))

    def _has_come(self, item: int | _Answer) -> bool:
        return item in self.arrived if isinstance(item, int) else True

    def _answer(self, item: int | _Answer) -> _Answer:
        return self.arrived.pop(item) if isinstance(item, int) else item

    def _end(self) -> None:
        with _signals_held():
            for worker in self.running:
                worker.process.kill()
            for worker in self.running:
                worker.process.join()
                worker.close()
            self.running = []

    def _free_worker(self) -> _Worker | None:
        """Return the process with the least to do, a new one if all have something to do, or None if all have enough."""
        least = min(self.running, key=lambda worker: worker.waiting, default=None)
        if (least is None or least.waiting) and len(self.running) < self._jobs:
            return self.start()
        return least if least is not None and least.waiting < DEPTH else None

    def start(self) -> _Worker:
        """Start another process."""
        with _signals_held():  # a process that is not in the list would not be killed
            worker = _Worker(self._call, self._method)
            self.running.append(worker)
        return worker

    def receive(self, arrived: dict[int, _Answer]) -> None:
        """Wait until there is at least one answer, and add all that there are."""
        from multiprocessing.connection import wait  # noqa: PLC0415  # only where there are processes

        workers = {id(worker.answers): worker for worker in self.running if worker.waiting}
        for connection in wait([worker.answers for worker in workers.values()]):
            number, answer = workers[id(connection)].receive()
            arrived[number] = answer
        for number in self.unwanted & arrived.keys():
            del arrived[number]
            self.unwanted.remove(number)


def start_method() -> str:
    """Return how processes are started.

    To fork takes a few milliseconds, and the modules are there already; it is safe while there is one thread, as in the command, and not on
    macOS, whose libraries have threads of their own. A new interpreter (`spawn`) takes a tenth of a second, and works everywhere.
    """
    return "fork" if sys.platform == "linux" and threading.active_count() == 1 else "spawn"


class _Answer(NamedTuple):
    """What a worker sends back: the result, or why there is none (`_NO_MEMORY`, or the traceback of an exception)."""

    value: Any
    problem: str

    def result(self) -> Any:  # noqa: ANN401  # the type is that of the call
        """Return the result, or raise what the call has raised."""
        if self.problem == _NO_MEMORY:
            raise MemoryError
        if self.problem:
            message = f"in a worker process:\n{self.problem}"
            raise RuntimeError(message)
        return self.value


class _Worker:
    """A process, and the pipes to it and back; `waiting` is the number of items without an answer."""

    def __init__(self, call: Callable[[Any], object], method: str) -> None:
        import multiprocessing  # noqa: PLC0415  # only where there are processes

        context = multiprocessing.get_context(method)
        requests, self._requests = context.Pipe(duplex=False)
        connection, answers = context.Pipe(duplex=False)
        self.answers: Connection[Any, Any] = connection
        inherited = (self._requests, self.answers) if method == "fork" else ()
        arguments = (call, requests, answers, inherited)
        self.process: BaseProcess = context.Process(target=_work, args=arguments, daemon=True)  # type: ignore[attr-defined]
        self.waiting: int = 0
        try:
            self.process.start()
        except OSError as error:
            self.close()
            raise WorkerError(f"a worker process cannot be started: {error.strerror or error}; --jobs 1 needs none") from error
        finally:  # only the worker has these ends, so that its death shows
            requests.close()
            answers.close()

    def send(self, number: int, item: object) -> None:
        """Send an item. Raises `WorkerError`."""
        try:
            self._requests.send((number, item))
        except OSError as error:
            raise self._death() from error
        self.waiting += 1

    def receive(self) -> tuple[int, _Answer]:
        """Wait for an answer, and return it with the number of its item. Raises `WorkerError`."""
        try:
            number, value, problem = self.answers.recv()
        except (EOFError, OSError) as error:
            raise self._death() from error
        self.waiting -= 1
        return number, _Answer(value, problem)

    def close(self) -> None:
        """Close the pipes."""
        self._requests.close()
        self.answers.close()

    def _death(self) -> WorkerError:
        self.process.join(_JOIN_S)
        code = self.process.exitcode
        if code is None or code >= 0:
            return WorkerError(f"a worker process has ended before its work was done (exit code {code}); --jobs 1 needs none")
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return WorkerError(f"a worker process was killed ({name}), perhaps because memory ran out; with fewer --jobs, less is needed")


def _work(call: Callable[[Any], object], requests: Connection, answers: Connection, inherited: Iterable[Connection]) -> None:
    """Be a worker process. `inherited` are the ends of the parent, of which a forked process has copies."""
    for connection in inherited:  # or it would not show that the parent has gone; the copies of earlier workers' ends close with this one
        connection.close()
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    serve(call, requests, answers)


def serve(call: Callable[[Any], object], requests: Connection, answers: Connection) -> None:
    """Call the function with each item that comes, and send back what it returns, until no more can come."""
    from queue import SimpleQueue  # noqa: PLC0415  # only in a worker

    # A thread reads, so that the parent can always send, also while this process waits until the parent takes an answer.
    received: SimpleQueue[tuple[int, Any] | None] = SimpleQueue()
    threading.Thread(target=_read, args=(requests, received), daemon=True).start()
    while (request := received.get()) is not None:
        index, item = request
        try:
            try:
                answers.send((index, *_called(call, item)))
            except MemoryError:
                answers.send((index, None, _NO_MEMORY))
        except OSError:  # the parent has gone
            return


def _read(requests: Connection, received: SimpleQueue[tuple[int, Any] | None]) -> None:
    # The parent has gone, or there is too little memory for an item: this process ends, and its closed pipe tells the parent so.
    try:
        with requests, suppress(EOFError, OSError, MemoryError):
            while True:
                received.put(requests.recv())
    finally:
        received.put(None)


def _called(call: Callable[[Any], object], item: object) -> tuple[object, str]:
    try:
        return call(item), ""
    except MemoryError:
        return None, _NO_MEMORY
    except Exception:  # noqa: BLE001  # it is raised by the parent
        import traceback  # noqa: PLC0415  # only for a bug

        return None, traceback.format_exc()


@contextmanager
def _signals_held() -> Iterator[None]:
    """Let the signals that end a command wait until the end of the block, where the system can do that."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # it may raise for a signal that came just before, and has blocked them then
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
