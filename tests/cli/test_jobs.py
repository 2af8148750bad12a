"""`validate --jobs`: the output is that of one process, byte for byte, whatever the order in which worker processes finish.

Most tests run the code of the workers in threads, with everything pickled on its way, and with blocks of a few lines.
"""

import multiprocessing
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nclue_contract.cli import part_validator, sources, validate, workers
from nclue_contract.cli.arguments import jobs as jobs_of
from nclue_contract.cli.line_blocks import FileRange, RangeBlock
from nclue_contract.cli.main import main
from nclue_contract.cli.part_validator import PartValidator
from nclue_contract.cli.progress import ProgressBar
from nclue_contract.cli.sources import Reading, Unreadable
from nclue_contract.cli.workers import WINDOW, Deferred, WorkerError, Workers
from nclue_contract.validation.validator import Validator
from tests.cli.test_many_lines import Generator
from tests.cli.test_valid_blocks import LINES, LONG, SHORT
from tests.support.server_process import environment
from tests.support.tools import ROOT
from tests.support.waiting import DEADLINE_S, wait_until

BAD = SHORT.replace("a/b", "a~b").encode()
FORMATS = ["text", "json", "jsonl", "junit", "sarif", "github"]


class ThreadContext:
    """Stands in for `multiprocessing.get_context()`: its processes are threads, with copies of what they are given."""

    def __init__(self):
        self.threads = []
        self.Pipe = multiprocessing.Pipe

    def Process(self, target, args, daemon):  # noqa: ARG002, N802  # as the real one is called
        call, requests, answers, _ = args
        copies = (
            pickle.loads(pickle.dumps(call)),
            Connection(os.dup(requests.fileno()), writable=False),
            Connection(os.dup(answers.fileno()), readable=False),
        )
        self.threads.append(threading.Thread(target=self._serve, args=copies, daemon=True))
        return ThreadProcess(self.threads[-1])

    def _serve(self, call, requests, answers):
        with answers:  # the thread that reads requests closes them: this one may return while it still reads
            workers.serve(call, requests, answers)


class ThreadProcess:
    exitcode = None

    def __init__(self, thread):
        self.start = thread.start

    def kill(self):
        """Let it end when its pipe is closed."""

    def join(self, timeout=None):
        """As above."""


@contextmanager
def in_threads(block=1000):
    context = ThreadContext()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multiprocessing, "get_context", lambda _method: context)
        patch.setattr(workers, "PROCESSES_AFTER", 0)
        patch.setattr(sources, "BLOCK_BYTES", block)
        patch.setattr(part_validator, "_GROUP_COST", block)
        yield context
    for thread in context.threads:
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def run(capsysbinary, *arguments):
    code = main(["validate", *map(str, arguments)])
    out, err = capsysbinary.readouterr()
    return code, re.sub(rb' time="[0-9.]+"', b"", out), err


@pytest.fixture
def inputs(tmp_path, monkeypatch):
    """Write files with all odd lines, generated ones, and the corpus; return the names of all inputs, in an order."""
    monkeypatch.chdir(tmp_path)
    generator = Generator(7)
    lines = [line for odd in LINES.values() for line in (SHORT.encode(), SHORT.encode(), odd, LONG.encode(), b"")]
    lines += [generator.line(number)[0] for number in range(100)] + [BAD.replace(b"a~b", b"a~b" * 2000)]
    Path("odd.jsonl").write_bytes(b"\r\n".join(lines) + b"\n")
    Path("array.json").write_text("[" + ", ".join([SHORT, "1", SHORT.replace("a/b", "a~b")] * 20) + "]")
    Path("marked.jsonl").write_bytes(b"\xef\xbb\xbf" + BAD)
    Path("empty.jsonl").write_bytes(b"\n\n")
    Path("blank.json").write_bytes(b"")
    return ["odd.jsonl", "gone.json", "array.json", "marked.jsonl", "empty.jsonl", ROOT / "tests" / "corpus", "blank.json", "odd*.json"]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_the_same_byte_for_byte(capsysbinary, inputs, form):
    _assert_same(capsysbinary, *inputs, "--format", form, *(["--max-results", "50"] if form == "sarif" else []))


@pytest.mark.parametrize(
    "options",
    [["--quiet"], ["--format", "json", "--strict", "--ignore", "NC110", "--reading", "path-characters=page-2025", "--max-line", "4kB"]],
    ids=["quiet", "other settings"],
)
def test_options_apply_in_every_process(capsysbinary, inputs, options):
    _assert_same(capsysbinary, *inputs, *options)


def _assert_same(capsysbinary, *arguments):
    expected = run(capsysbinary, *arguments)
    with in_threads() as context:
        assert run(capsysbinary, *arguments, "--jobs", "3") == expected
    assert len(context.threads) == 3
    assert expected[0] == 2


@pytest.mark.usefixtures("inputs")
def test_reports_in_files_and_standard_input_are_the_same(capsysbinary, monkeypatch):
    def reports(jobs):
        with Path("odd.jsonl").open("rb") as file:
            monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": file, "isatty": lambda: False}))
            reports = [f"--report={form}:{form}.{jobs}" for form in FORMATS]
            printed = run(capsysbinary, "-", "--input-format=jsonl", f"--jobs={jobs}", *reports)
        return printed, [re.sub(rb' time="[0-9.]+"', b"", Path(f"{form}.{jobs}").read_bytes()) for form in FORMATS]

    expected = reports(1)
    with in_threads() as context:
        assert reports(2) == expected
    assert len(context.threads) == 2
    assert expected[0][0] == 1


ODD = [b"", b" \t", b"\r", b"{", b"\xff", b"\xc2\x85", b"null"]
LINE = st.sampled_from([SHORT.encode(), LONG.encode(), BAD, BAD * 40, *ODD, *LINES.values()])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(LINE, max_size=30),
    block=st.integers(1, 700),
    jobs=st.integers(2, 4),
    end=st.sampled_from([b"\n", b"\r\n"]),
    before=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    most=st.sampled_from(["100B", "1kB", "64MB"]),
)
def test_any_lines_in_blocks_of_any_size_give_the_same_output(capsysbinary, tmp_path, lines, block, jobs, end, before, most):
    path = tmp_path / "lines.jsonl"
    path.write_bytes(before + end.join(lines))
    options = [path, "--format", "json", "--max-line", most]
    expected = run(capsysbinary, *options)
    with in_threads(block):
        assert run(capsysbinary, *options, "--jobs", jobs) == expected


def test_processes_give_the_same_output(capsysbinary, inputs, monkeypatch):
    monkeypatch.setattr(workers, "PROCESSES_AFTER", 0)
    monkeypatch.setattr(sources, "BLOCK_BYTES", 4000)
    expected = run(capsysbinary, *inputs)
    started = []
    start = Workers.start
    monkeypatch.setattr(Workers, "start", lambda pool: started.append(start(pool)) or started[-1])
    assert run(capsysbinary, *inputs, "--jobs", 2) == expected
    assert len(started) == 2
    assert multiprocessing.active_children() == []


# -- the order, and how much is under way -----------------------------------------------------------------------------------------------

OTHERS_DONE = threading.Event()


def first_last(item):
    """Finish the first item after all others."""
    if item == 0:
        assert OTHERS_DONE.wait(DEADLINE_S)
    elif item == 3:
        OTHERS_DONE.set()
    return -item


def test_results_come_in_the_order_of_the_items():
    OTHERS_DONE.clear()
    with in_threads(), Workers(first_last, 2) as pool:
        assert list(pool.results(range(12), lambda _: 1)) == [-item for item in range(12)]


@pytest.mark.parametrize("here", [True, False], ids=["done here", "sent"])
def test_few_items_are_under_way_while_the_first_one_takes_long(monkeypatch, here):
    taken, most = 0, 0
    receive = Workers.receive

    def items():
        nonlocal taken
        for item in range(300):
            taken += 1
            yield item

    def finish_first(pool, arrived):
        nonlocal most
        most = max(most, taken - given)
        if len(arrived) + sum(worker.waiting for worker in pool.running) >= (WINDOW * 2 if here else 2):
            OTHERS_DONE.set()
        receive(pool, arrived)

    OTHERS_DONE.clear()
    monkeypatch.setattr(Workers, "receive", finish_first)
    given = 0
    with in_threads(), Workers(first_last, 2) as pool:
        for result in pool.results(items(), lambda item: 0 if here and item else 1):
            assert result == -given
            given += 1
    assert given == 300
    assert 2 <= most <= WINDOW * 2 + 1


def test_a_worker_has_at_most_two_items(monkeypatch):
    most = []
    receive = Workers.receive
    monkeypatch.setattr(Workers, "receive", lambda pool, arrived: most.extend(w.waiting for w in pool.running) or receive(pool, arrived))
    with in_threads(), Workers(abs, 3) as pool:
        assert list(pool.results(range(50), lambda _: 1)) == list(range(50))
    assert max(most) == workers.DEPTH


def test_little_work_starts_no_process(monkeypatch):
    def results(count):
        with Workers(abs, 2) as pool:
            return list(pool.results(range(count), Deferred(lambda _: cost)))

    monkeypatch.setattr(Workers, "start", None)
    cost = workers.PROCESSES_AFTER // 4
    assert results(4) == [0, 1, 2, 3]
    with pytest.raises(TypeError):  # the fifth would have started one
        results(5)


def test_lines_that_are_surely_valid_are_only_surveyed(capsysbinary, tmp_path, monkeypatch):
    sent = []
    call = PartValidator.__call__

    def record(validator, work):
        if threading.current_thread() is not threading.main_thread():
            sent.append(type(work))
        return call(validator, work)

    monkeypatch.setattr(PartValidator, "__call__", record)
    path = tmp_path / "valid.jsonl"
    path.write_text(f"{SHORT}\n" * 3000)
    with in_threads():
        assert run(capsysbinary, path, "--jobs", 2)[0] == 0
        assert set(sent) == {FileRange}
        assert run(capsysbinary, path, "--jobs", 2, "--format", "jsonl")[0] == 0  # these are shown
        assert set(sent) == {FileRange, RangeBlock}
        sent.clear()
        with path.open("rb") as file:
            monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": file, "isatty": lambda: False}))
            assert run(capsysbinary, "-", "--input-format", "jsonl", "--jobs", 2)[0] == 0
        assert sent == []


@pytest.mark.parametrize("options", [[], ["--jobs", "2"]], ids=["one", "two"])
def test_progress_is_that_of_all_bytes(capsysbinary, inputs, monkeypatch, options):
    advanced = []
    totals = []
    monkeypatch.setattr(ProgressBar, "advance", lambda _, size: advanced.append(size))
    monkeypatch.setattr(validate, "total_bytes", lambda names: totals.append(sources_size(names)) or totals[-1])
    with in_threads():
        run(capsysbinary, *inputs, *options)
    assert sum(advanced) == totals[0] > 30_000


def sources_size(names):
    return sum(Path(name).stat().st_size for name in names if isinstance(name, str) and Path(name).is_file())


# -- ranges of a file -------------------------------------------------------------------------------------------------------------------


def ranges_of(path, size=100):
    with path.open("rb") as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "BLOCK_BYTES", size)
        return list(sources.file_ranges(str(path), file, 0, Reading()))


def test_every_line_is_in_the_range_in_which_it_begins(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b"".join(b"x" * length + b"\n" for length in (98, 0, 0, 99, 450, 1)) + b"end")
    assert [file_range.read() for file_range in ranges_of(path)] == [
        (b"x" * 98 + b"\n", False),  # with the empty line at offset 99
        (b"\n" + b"x" * 99, False),
        (b"x" * 450, False),
        *[(None, False)] * 3,
        (b"x\nend", False),
    ]


def test_a_file_that_changes_between_survey_and_validation_is_reported(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_bytes((BAD + b"\n") * 3)
    validator = PartValidator(Validator(), [], Reading())
    first = ranges_of(path)[0]
    (found,) = validator(first)
    assert (found.lines, found.payloads) == (1, 1)
    path.write_bytes(BAD[:20])
    changed = [Unreadable(str(path), "it was changed while it was read")]
    assert validator(RangeBlock(found, 1, 0)) == changed
    path.rename(tmp_path / "other")
    assert validator(RangeBlock(found, 1, 0)) == validator(first) == [Unreadable(str(path), "No such file or directory")]
    path.write_bytes((BAD + b"\n") * 3)
    assert validator(first) == changed


def test_a_file_that_other_processes_would_not_find_is_read_here(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_bytes((BAD + b"\n") * 3)
    with path.open("rb") as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "BLOCK_BYTES", 100)
        assert sources.file_ranges(str(path), file, 0, Reading()) is not None
        path.unlink()
        assert sources.file_ranges(str(path), file, 0, Reading()) is None
        path.write_bytes((BAD + b"\n") * 3)
        assert sources.file_ranges(str(path), file, 0, Reading()) is None


def test_results_of_one_call_can_be_the_items_of_another():
    with in_threads(), Workers(abs, 2) as pool:
        first = pool.results(range(-60, 0), lambda _: 1)
        assert list(pool.results((number - 100 for number in first), lambda number: number % 3)) == list(range(40, 100))
        stopped = pool.results(range(60), lambda _: 1)
        assert next(stopped) == 0
        stopped.close()
        assert list(pool.results(range(60), lambda _: 1)) == list(range(60))
        # A worker may have been busy with what nobody wants any more all the time.
        wait_until(lambda: list(pool.results([0], lambda _: 1)) == [0] and pool.unwanted == set())
        assert pool.arrived == {}


# -- what goes wrong in a worker --------------------------------------------------------------------------------------------------------


def fail(item):
    if item == 3:
        raise LookupError("item three")
    if item == 5:
        raise MemoryError
    return item


def test_an_exception_of_a_worker_is_raised_when_it_is_its_turn():
    given = []
    with in_threads(), Workers(fail, 2) as pool, pytest.raises(RuntimeError, match=r"in a worker process:\n(?s:.*)LookupError: item three"):
        given.extend(pool.results(range(9), lambda _: 1))
    assert given == [0, 1, 2]
    with in_threads(), Workers(fail, 2) as pool, pytest.raises(MemoryError):
        list(pool.results([0, 5, 1], lambda _: 1))


@pytest.mark.usefixtures("inputs")
def test_little_memory_in_a_worker_is_a_sentence(capsysbinary, monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr(Validator, "validate_request_json", full)
    with in_threads():
        code, _, err = run(capsysbinary, "odd.jsonl", "--jobs", 2, "--report", "json:report.json")
    assert (code, err) == (2, b"nclue-contract: there is too little memory for this\n")
    assert not Path("report.json").exists()


def kill_self(item):
    if item == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_worker_that_is_killed_is_a_sentence_whatever_the_way_it_was_started(method):
    with Workers(kill_self, 2, method) as pool, pytest.raises(WorkerError, match=r"^a worker process was killed \(SIGKILL\), perhaps"):
        list(pool.results(range(9), lambda _: 1))
    assert multiprocessing.active_children() == []


def no_memory():
    raise MemoryError


class Large:
    """An item for which a worker has too little memory."""

    def __reduce__(self):
        return no_memory, ()


def test_a_worker_that_has_too_little_memory_for_an_item_ends_and_is_a_sentence():
    with Workers(str, 2, "fork") as pool, pytest.raises(WorkerError, match=r"^a worker process "):
        list(pool.results([1, Large(), 3], lambda _: 1))
    assert multiprocessing.active_children() == []


def test_a_worker_that_cannot_be_started_is_a_sentence(monkeypatch):
    def start(_):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", start)
    words = "^a worker process cannot be started: Resource temporarily unavailable; --jobs 1 needs none$"
    with Workers(abs, 2) as pool, pytest.raises(WorkerError, match=words):
        list(pool.results(range(9), lambda _: 1))


# -- signals ----------------------------------------------------------------------------------------------------------------------------


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextmanager
def busy_command(folder):
    """Run the command on standard input, which does not end, until it has two workers; yield it and them."""
    arguments = [sys.executable, "-m", "nclue_contract", "validate", "-", "--jobs", "2", "--report", "json:report.json"]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(arguments, **streams, cwd=folder, env=environment(), start_new_session=True, preexec_fn=_listen) as child:  # noqa: PLW1509  # as in test_cli
        try:
            child.stdin.write(BAD + b"\n")
            feeder = threading.Thread(target=_feed, args=(child.stdin, (BAD + b"\n") * 15_000), daemon=True)
            feeder.start()
            found = wait_until(lambda: len(pids := children(child.pid)) == 2 and pids)
            yield child, found, feeder
        finally:
            child.kill()
        feeder.join(DEADLINE_S)
        assert not [pid for pid in found if not wait_until(lambda pid=pid: not alive(pid))]


def _listen():
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _feed(pipe, data):
    try:
        pipe.write(data)
        pipe.flush()
    except (BrokenPipeError, ValueError):
        pass


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the processes of a process are found in /proc")


@needs_proc
@pytest.mark.parametrize(
    ("number", "send"),
    [(signal.SIGINT, os.killpg), (signal.SIGTERM, os.killpg), (signal.SIGTERM, os.kill), (signal.SIGKILL, os.kill)],
    ids=["terminal", "group", "terminated", "killed"],
)
def test_a_signal_leaves_no_process_no_report_and_no_traceback(tmp_path, number, send):
    with busy_command(tmp_path) as (child, _, _):
        send(child.pid, number)
        code = child.wait(DEADLINE_S)
        err = child.stderr.read()
    if number == signal.SIGKILL:
        assert (code, err) == (-signal.SIGKILL, b"")
    else:
        assert (code, err) == (3, b"nclue-contract: interrupted\n")
        assert list(tmp_path.iterdir()) == []


@needs_proc
def test_a_worker_that_is_killed_ends_the_command_with_a_sentence(tmp_path):
    with busy_command(tmp_path) as (child, found, feeder):
        os.kill(found[1], signal.SIGKILL)
        feeder.join(DEADLINE_S)
        child.stdin.close()
        code, err = child.wait(DEADLINE_S), child.stderr.read().decode()
    sentence = "a worker process was killed (SIGKILL), perhaps because memory ran out; with fewer --jobs, less is needed"
    assert (code, err) == (2, f"nclue-contract: {sentence}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows cannot block signals")
def test_a_signal_right_before_others_are_blocked_leaves_none_blocked(monkeypatch):
    real = signal.pthread_sigmask
    before = real(signal.SIG_BLOCK, [])

    def interrupted(how, numbers):
        mask = real(how, numbers)
        if signal.SIGTERM in numbers:
            raise KeyboardInterrupt
        return mask

    with Workers(abs, 2) as pool:
        with monkeypatch.context() as patch:
            patch.setattr(signal, "pthread_sigmask", interrupted)
            with pytest.raises(KeyboardInterrupt):
                pool.start()
        after = real(signal.SIG_SETMASK, before)
    assert after == before


# -- the option -------------------------------------------------------------------------------------------------------------------------


def test_auto_is_the_number_of_usable_cores(monkeypatch):
    assert jobs_of("auto") == len(os.sched_getaffinity(0))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(1000)))
    assert jobs_of("auto") == 256
    assert [jobs_of(text) for text in ("1", "2", "256")] == [1, 2, 256]


@pytest.mark.parametrize("text", ["0", "-1", "257", "two", "", "1.5", "AUTO", "\u0663", "9" * 40])
def test_another_number_of_jobs_is_a_usage_error(capsys, text):
    with pytest.raises(SystemExit) as ended:
        main(["validate", "-", f"--jobs={text}"])
    assert ended.value.code == 2
    assert "is not a number of processes from 1 to 256, nor `auto`" in capsys.readouterr().err
