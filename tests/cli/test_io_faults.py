"""Faults of our own input and output: full disks, closed pipes, endless and vanishing files, little memory, signals at any moment."""

import io
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from nclue_contract.check.ledger import Ledger, read_ledger
from nclue_contract.cli import validate as validate_module
from nclue_contract.cli.files import atomic_file
from nclue_contract.cli.main import main
from nclue_contract.cli.sources import Note, Unreadable, expand
from nclue_contract.validation.validator import Validator
from tests.support.forked_command import ForkedCommand, run_forked
from tests.support.server_process import environment, running
from tests.support.sources import payloads

COMMAND = [sys.executable, "-m", "nclue_contract"]
GOOD = '{"name": "n", "train_feature_id": "0ccc59f9-0000-4000-8000-7837ae76d046", "train_bucket": "answers", "train_file_path": "a/b.csv"}'
DEADLINE = 60
"""Seconds in which a process must have ended; none takes more than a few."""

needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def process(*arguments, **options):
    """Run the command in a process of its own; return its exit code and what it has printed."""
    return run_forked(arguments, environment(), **options)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# -- long lines, and little memory ------------------------------------------------------------------------------------------------------


def items(data, max_line, input_format=None):
    found = payloads("-", io.BytesIO(data), input_format, None, max_line)
    return [item.reason if isinstance(item, Unreadable) else item.text for item in found]


TOO_LONG = "line {} is longer than {:,} bytes; --max-line allows more"


@pytest.mark.parametrize("block", [1, 3, 7, 1 << 20])
def test_a_line_may_be_as_long_as_the_limit_and_no_byte_longer(monkeypatch, block):
    monkeypatch.setattr("nclue_contract.cli.sources.READ_BYTES", block)
    lines = b'{}\n{"a":1}\r\n{"bc":2}\n{"d":3}\n'
    assert items(lines, 8, "jsonl") == ["{}", '{"a":1}', '{"bc":2}', '{"d":3}']
    assert items(lines, 7, "jsonl") == ["{}", TOO_LONG.format(2, 7)]  # the carriage return counts
    assert items(b'{}\n{"bc":2}\n{"d":3}', 7, "jsonl") == ["{}", TOO_LONG.format(2, 7)]
    assert items(b'{}\n\n{"bc":2}', 7, "jsonl") == ["{}", TOO_LONG.format(3, 7)]
    assert items(b'{"bc":2}', 8, "jsonl") == ['{"bc":2}']
    assert items(b'{"bc":2}', 7, "jsonl") == [TOO_LONG.format(1, 7)]
    assert items(b'{"\xff":2}\n{"bcd":2}', 8, "jsonl") == [b'{"\xff":2}', TOO_LONG.format(2, 8)]


def test_a_text_that_is_not_one_per_line_has_the_same_limit():
    assert items(b'{"a":\n1}', 8, "json") == ['{"a":\n1}']
    assert items(b'{"a":\n1}', 7, "json") == ["the JSON text is longer than 7 bytes; --max-line allows more"]
    assert items("{}\n{}".encode("utf-16"), 7) == ["the JSON text is longer than 7 bytes; --max-line allows more"]


@pytest.mark.parametrize("arguments", [["-"], ["-", "--input-format", "jsonl"]], ids=["unknown", "lines"])
def test_an_endless_line_ends_in_a_sentence(arguments):
    with subprocess.Popen(
        [*COMMAND, "validate", *arguments, "--max-line", "2.5MB"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:

        def feed():
            with suppress(BrokenPipeError):
                while True:  # until the command has seen enough
                    child.stdin.write(b"x" * 65536)

        feeder = threading.Thread(target=feed, daemon=True)
        feeder.start()
        try:
            assert child.wait(DEADLINE) == 2
        finally:
            child.kill()
        feeder.join()
        with suppress(BrokenPipeError):
            child.stdin.close()
        what = "line 1" if "jsonl" in arguments else "the JSON text"
        assert (
            child.stdout.read()
            .decode()
            .startswith(
                f"<stdin>: could not be read: {what} is longer than 2.5 MB; --max-line allows more\n\n0 payloads; 1 input could not be read"
            )
        )
        assert child.stderr.read() == b""


def test_the_limit_is_64_megabytes_by_default(monkeypatch, capsys):
    wanted = []
    monkeypatch.setattr(validate_module, "validate", lambda *arguments: wanted.append(arguments[2].max_line) or 0)
    for option in ([], ["--max-line", "64MB"], ["--max-line", "1"], ["--max-line", "1.5 GB"], ["--max-line", "20kB"], ["--max-line=7B"]):
        assert main(["validate", "-", *option]) == 0
    assert wanted == [64_000_000, 64_000_000, 1, 1_500_000_000, 20_000, 7]
    for text in ("0", "-1", "", "64 mb", "64MiB", "1e3", "1001GB", "0.1", "9" * 99, "\u0663"):
        with pytest.raises(SystemExit) as ended:
            main(["validate", "-", f"--max-line={text}"])
        assert ended.value.code == 2
        assert "is not a size, such as 64MB (B, kB, MB or GB; a number alone is in bytes)" in capsys.readouterr().err


LITTLE_MEMORY = {resource.RLIMIT_AS: 400_000_000}


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_an_input_that_does_not_fit_into_memory_ends_in_a_sentence(folder, name):
    with (folder / name).open("wb") as file:
        file.truncate(600_000_000)  # takes no room on the disk
    (folder / "b.json").write_text(GOOD)
    code, out, err = process("validate", name, "b.json", "--max-line", "1000GB", limits=LITTLE_MEMORY)
    assert (code, err) == (2, "")
    assert out.startswith(f"{name}: could not be read: there is too little memory for it\n\n1 payload: 1 valid; 1 input could not be read")


def test_memory_that_ends_elsewhere_is_a_sentence_too(folder, monkeypatch, capsys):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr(Validator, "validate_request_json", full)
    (folder / "a.json").write_text(GOOD)
    assert main(["validate", "a.json", "--report", "json:report.json"]) == 2
    assert capsys.readouterr() == ("", "nclue-contract: there is too little memory for this\n")
    assert names(folder) == ["a.json"]


# -- files that are none ----------------------------------------------------------------------------------------------------------------


def test_pipes_sockets_and_devices_in_a_folder_are_skipped_with_a_note(folder):
    (folder / "sub").mkdir()
    (folder / "a.json").write_text(GOOD)
    os.mkfifo("sub/pipe.jsonl")
    (folder / "null.ndjson").symlink_to("/dev/zero")
    (folder / "gone.json").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.json")
        code, out, err = process("validate", ".")
        assert list(expand(["**/*.jsonl"])) == [Note("sub/pipe.jsonl", "skipped, because it is a pipe; name it to read it")]
    assert code == 2
    assert "gone.json: could not be read: No such file or directory" in out
    assert "1 payload: 1 valid; 1 input could not be read" in out
    assert err.splitlines() == [
        "note: null.ndjson: skipped, because it is a device; name it to read it",
        "note: socket.json: skipped, because it is a socket; name it to read it",
        "note: sub/pipe.jsonl: skipped, because it is a pipe; name it to read it",
    ]


def test_a_pipe_that_is_named_is_read(folder):
    os.mkfifo("pipe.jsonl")
    writer = threading.Thread(target=(folder / "pipe.jsonl").write_text, args=(GOOD,), daemon=True)
    writer.start()
    code, out, err = process("validate", "pipe.jsonl")
    assert (code, err) == (0, "")
    assert out.startswith("1 payload: 1 valid")
    writer.join()


def test_a_file_that_vanishes_before_it_is_read_is_reported(folder, monkeypatch, capsys):
    for name in ("a.json", "b.json"):
        (folder / name).write_text(GOOD)

    def expand_and_remove(given):
        found = list(expand(given))
        (folder / "a.json").unlink()
        return found

    monkeypatch.setattr(validate_module, "expand", expand_and_remove)
    assert main(["validate", "."]) == 2
    out = capsys.readouterr().out
    assert out.startswith("a.json: could not be read: No such file or directory\n\n1 payload: 1 valid; 1 input could not be read")


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="there is no /proc on this system")
def test_a_file_that_cannot_be_read_is_reported():
    code, out, err = process("validate", "/proc/self/mem")
    assert (code, err) == (2, "")
    assert out.startswith("/proc/self/mem: could not be read: Input/output error\n")


# -- output that cannot be written ------------------------------------------------------------------------------------------------------

FULL = "No space left on device"


@needs_full
@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["check", "--help"], ["faults"], ["probe"], ["check", "--only", "NC110"], ["serve"]]
)
def test_a_full_disk_behind_standard_output_is_a_sentence(arguments):
    with Path("/dev/full").open("wb") as full:
        code, _, err = process(*arguments, stdout=full.fileno())
    assert (code, err) == (2, f"nclue-contract: cannot write the output: {FULL}\n")


@needs_full
@pytest.mark.parametrize("arguments", [["explain", "NC999"], ["validate", "--no-such-option"], ["validate", "gone", "--format", "json"]])
def test_a_full_disk_behind_standard_error_does_not_change_the_exit_code(arguments):
    with Path("/dev/full").open("wb") as full:
        assert process(*arguments, stderr=full.fileno())[0] == 2


@needs_full
def test_a_full_disk_behind_a_report_is_a_sentence(folder):
    (folder / "a.json").write_text(GOOD)
    expected = (2, f"nclue-contract: cannot write /dev/full: {FULL}\n")
    assert process("validate", "a.json", "--report", "json:/dev/full")[::2] == expected
    expected = (2, f"nclue-contract: the report /dev/full cannot be written: {FULL}\n")
    assert process("check", "--only", "NC110", "--report", "json:/dev/full")[::2] == expected


@pytest.mark.parametrize(
    "arguments", [["--help"], ["spec"], ["explain"], ["faults"], ["check", "--only", "NC110"], ["validate", "a.jsonl"]]
)
def test_a_reader_that_is_gone_is_no_error(folder, arguments):
    (folder / "a.jsonl").write_text("{}\n" * 500)
    reading, writing = os.pipe()
    os.close(reading)
    code, _, err = process(*arguments, stdout=writing)
    os.close(writing)
    assert (code, err) == (3, "")


SMALL_FILES = {resource.RLIMIT_FSIZE: 4000}
"""Files become no longer than this: each write beyond fails, as on a full disk."""


def test_a_disk_that_is_full_in_the_middle_leaves_no_half_report(folder):
    (folder / "a.jsonl").write_text("{}\n" * 500)
    (folder / "old.json").write_text("old")
    before = names(folder)
    reports = ["--report", "json:old.json", "--report", "junit:new.xml"]
    code, _, err = process("validate", "a.jsonl", *reports, limits=SMALL_FILES)
    assert (code, err) == (2, "nclue-contract: cannot write old.json: File too large\n")
    assert names(folder) == before
    assert (folder / "old.json").read_text() == "old"
    code, _, err = process("check", "--only", "NC110", *reports, limits=SMALL_FILES)
    sentence = "nclue-contract: the report {} cannot be written: File too large\n"
    assert (code, err) == (2, sentence.format("old.json") + sentence.format("new.xml"))
    assert names(folder) == before
    assert (folder / "old.json").read_text() == "old"


def test_bodies_and_settings_are_whole_or_absent_on_a_full_disk(folder):
    with running("--fault", "crash-on-depth") as server:
        code, _, err = process("check", server.url, "--only", "NC006", "--reproduce-dir", "bodies", limits=SMALL_FILES)
    assert (code, names(folder / "bodies")) == (1, [])
    assert err == "nclue-contract: the files in bodies cannot be written: File too large\n"
    (folder / "p.toml").write_text("# " + "x" * 3990 + "\n")
    code, _, err = process("probe", "--write", "p.toml", limits=SMALL_FILES)
    assert (code, err) == (2, "nclue-contract: cannot write p.toml: File too large\n")
    assert (names(folder), (folder / "p.toml").stat().st_size) == (["bodies", "p.toml"], 3993)


def test_a_ledger_on_a_full_disk_ends_the_check_before_the_request_that_it_could_not_record(folder):
    with running() as server:
        code, _, err = process("check", server.url, "--only", "NC12", "--ledger", "run.jsonl", limits=SMALL_FILES)
        created = sum(entry["method"] == "POST" for entry in server.journal())
    recorded = (folder / "run.jsonl").read_text().count('{"creating"')
    assert code == 3
    assert "Traceback" not in err
    assert 0 < created <= recorded
    assert read_ledger(folder / "run.jsonl").url == server.url


def test_a_report_whose_folder_vanishes_is_named(folder, monkeypatch, capsys):
    (folder / "a.json").write_text(GOOD)
    (folder / "sub").mkdir()
    original = Validator.validate_request_json

    def remove(validator, data):
        for path in (folder / "sub").iterdir():
            path.unlink()
        (folder / "sub").rmdir()
        return original(validator, data)

    monkeypatch.setattr(Validator, "validate_request_json", remove)
    assert main(["validate", "a.json", "--report", "json:sub/report.json"]) == 2
    assert capsys.readouterr().err == "nclue-contract: cannot write sub/report.json: No such file or directory\n"


# -- signals in every writer ------------------------------------------------------------------------------------------------------------

HELD = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may have switched it off
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup does
from pathlib import Path
from nclue_contract.cli import files
from nclue_contract.cli.main import main
point, number = sys.argv[1], int(sys.argv[2])

def hold():
    global number
    number -= 1
    if number == 0:
        os.write(0, b"x")
        while True:
            time.sleep(0.01)  # a signal is handled between two of these

def before(original):
    return lambda *arguments, **options: (hold(), original(*arguments, **options))[1]

def after(original):
    def call(*arguments):
        result = original(*arguments)
        hold()
        return result
    return call

if point == "created":
    files._private = after(files._private)
elif point == "replace":
    Path.replace = before(Path.replace)
else:
    Path.unlink = before(Path.unlink)
sys.exit(main(sys.argv[3:]))
"""
"""Run the command, and stop it for ever at a point of writing: the given time that a temporary file was created, or is to be renamed or
removed. Standard input, which it does not read, is a pipe to the test."""


def signalled(number, point, times, *arguments):
    """Run the command, send the signal when it has reached the point, and return its exit code and what it has printed as an error."""
    reading, reached = os.pipe()
    with tempfile.TemporaryFile() as err, Path(os.devnull).open("wb") as nothing:
        streams = {"stdin": reached, "stdout": nothing.fileno(), "stderr": err.fileno()}
        child = ForkedCommand([point, times, *arguments], environment(), **streams, script=HELD)
        os.close(reached)
        try:
            assert os.read(reading, 1) == b"x", (err.seek(0), err.read())
            child.send_signal(number)
            code = child.wait(DEADLINE)
        finally:
            child.kill()
            os.close(reading)
        err.seek(0)
        return code, err.read().decode()


VALIDATE = ["validate", "a.json", "--report", "json:report"]
CHECK = ["check", "--only", "NC110", "--report", "json:report"]
PROBE = ["probe", "--write", "report"]


@pytest.mark.parametrize(
    ("point", "times", "number", "arguments"),
    [
        ("created", 1, signal.SIGTERM, VALIDATE),  # to see whether it can be created
        ("unlink", 1, signal.SIGTERM, VALIDATE),
        ("created", 2, signal.SIGINT, VALIDATE),
        ("created", 2, signal.SIGTERM, VALIDATE),
        ("created", 2, signal.SIGHUP, VALIDATE),
        ("replace", 1, signal.SIGINT, VALIDATE),
        ("replace", 1, signal.SIGTERM, VALIDATE),
        ("replace", 1, signal.SIGTERM, CHECK),
        ("replace", 1, signal.SIGTERM, PROBE),
    ],
)
def test_an_interruption_leaves_neither_a_report_nor_a_temporary_file(folder, point, times, number, arguments):
    (folder / "a.json").write_text(GOOD)
    (folder / "report").write_text("# old\n")
    assert signalled(number, point, times, *arguments) == (3, "nclue-contract: interrupted\n")
    assert names(folder) == ["a.json", "report"]
    assert (folder / "report").read_text() == "# old\n"


def test_an_interruption_while_bodies_are_written_leaves_no_half_one(folder):
    with running("--fault", "crash-on-depth") as server:
        arguments = ["check", server.url, "--only", "NC006", "--reproduce-dir", "bodies"]
        assert signalled(signal.SIGTERM, "replace", 1, *arguments) == (3, "nclue-contract: interrupted\n")
    assert names(folder / "bodies") == []


@pytest.mark.parametrize(("point", "times"), [("created", 2), ("replace", 1)], ids=["created", "written"])
def test_a_killed_run_leaves_no_half_report_and_the_next_one_copes(folder, point, times):
    (folder / "a.json").write_text(GOOD)
    (folder / "report").write_text("old")
    assert signalled(signal.SIGKILL, point, times, *VALIDATE) == (-signal.SIGKILL, "")
    assert (folder / "report").read_text() == "old"
    left = [name for name in names(folder) if name not in {"a.json", "report"}]
    assert [name[:16] for name in left] == [".nclue-contract."]
    assert process("validate", ".", "--report", "json:report")[::2] == (0, "")
    assert (folder / "report").read_text().startswith('{\n"tool"')


def test_a_second_signal_while_the_first_is_handled_leaves_no_temporary_file(folder, monkeypatch):
    original, signals = Path.unlink, [KeyboardInterrupt]

    def unlink(path, **options):
        if signals:
            raise signals.pop()
        original(path, **options)

    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(KeyboardInterrupt), atomic_file(folder / "report"):
        raise KeyboardInterrupt
    assert names(folder) == []


def test_a_ledger_that_was_interrupted_in_a_line_records_the_next_one_whole(folder, monkeypatch):
    ledger = Ledger(folder / "run.jsonl", {"url": "http://127.0.0.1:1", "signed_prefix": "", "run": "x"})
    with monkeypatch.context() as patch:

        def interrupt(_):
            raise KeyboardInterrupt

        patch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            ledger.creating("x 1")
    ledger.creating("x 2")
    ledger.close()
    assert read_ledger(folder / "run.jsonl").uncertain == ("x 1", "x 2")
