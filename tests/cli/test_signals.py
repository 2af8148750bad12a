"""Reading that a signal ends at any moment: also one that comes after Python has looked for signals, and before the read blocks."""

import ctypes
import io
import os
import select
import signal
import sys
import threading
from itertools import chain

import pytest

from nclue_contract.cli.main import main
from nclue_contract.cli.signals import interruptible, termination_as_interruption
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot wait for a pipe")


@pytest.fixture
def pipe():
    """Return the two ends of a pipe, as files."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream, os.fdopen(writing, "wb", buffering=0) as writer:
        yield stream, writer


def test_a_signal_right_before_a_read_is_handled_although_nothing_comes(pipe):
    """No instruction of Python is between the signal and the read, since `chain` and `map` call both."""
    stream, writer = pipe
    interrupted = threading.Event()
    too_late = []

    def write_at_last():
        if not interrupted.wait(DEADLINE_S):
            too_late.append(writer.write(b"x"))

    thread = threading.Thread(target=write_at_last)
    thread.start()
    raise_signal = getattr(ctypes.CDLL(None), "raise")
    calls = chain(map(raise_signal, [signal.SIGTERM]), map(interruptible(stream).read, [1]))
    with termination_as_interruption(), pytest.raises(KeyboardInterrupt):
        list(calls)
    interrupted.set()
    thread.join(DEADLINE_S)
    assert too_late == []


def test_what_comes_in_pieces_is_read_whole(pipe):
    stream, writer = pipe
    read = interruptible(stream).read

    def write_and_close():
        for letter in (b"g", b"h"):
            writer.write(letter * 40_000)
        writer.close()

    for piece in (b"ab", b"cd"):
        writer.write(piece)
        assert read(2) == piece
    thread = threading.Thread(target=write_and_close)
    thread.start()
    assert read(100_000) == b"g" * 40_000 + b"h" * 40_000
    assert read() == b""
    thread.join(DEADLINE_S)


def test_what_has_an_end_is_read_as_it_is(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with (tmp_path / "file").open("rb") as file:
        assert interruptible(file) is file
    assert interruptible(memory := io.BytesIO()) is memory


@pytest.mark.parametrize("command", ["validate", "traffic", "docs-drift"])
@pytest.mark.parametrize("named", [False, True], ids=["standard input", "a pipe with a name"])
def test_every_command_waits_for_its_input_in_steps(command, named, pipe, tmp_path, monkeypatch, capsys):
    """An interruption between two steps ends it."""

    def wait(readers, *_):
        waited.append(os.fstat(readers[0].fileno()).st_ino)
        raise KeyboardInterrupt

    waited = []
    monkeypatch.setattr(select, "select", wait)
    os.mkfifo(tmp_path / "input")
    both = os.open(tmp_path / "input", os.O_RDWR)  # so that no other process needs to open it
    with os.fdopen(both), io.TextIOWrapper(pipe[0]) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert main([command, str(tmp_path / "input") if named else "-"]) == 3
        assert waited == [os.fstat(both if named else stdin.fileno()).st_ino]
    assert capsys.readouterr().err.endswith("nclue-contract: interrupted\n")
