"""The fuzzer: its targets on the corpus, and what it prints; the fuzzing itself is for `make fuzz`."""

import re
import subprocess
import sys

import pytest

from nclue_contract.service.service import Service
from tests.support.tools import ROOT
from tools import fuzz, fuzz_targets

CORPUS = {f"{file.parent.name}/{file.name}": file for file in sorted(fuzz.SEEDS.glob("*/*"))}


def test_every_target_has_a_corpus():
    assert set(fuzz.TARGETS) == set(fuzz_targets.TARGETS) == {name.partition("/")[0] for name in CORPUS}


@pytest.mark.parametrize("name", CORPUS)
def test_no_input_of_the_corpus_breaks_a_promise(name):
    fuzz_targets.TARGETS[name.partition("/")[0]](CORPUS[name].read_bytes())


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_an_empty_input_breaks_no_promise(target):
    fuzz_targets.TARGETS[target](b"")


def test_messages_are_read_as_they_are_written():
    first, second = fuzz_targets.requests(b"GET /a b\nX: 1\n\nbody\n---\nPOST /tasks\nsign: now\n", 1_764_000_000_000)
    assert (first.method, first.target, first.headers, first.body) == ("GET", "/a b", (("X", "1"),), b"body")
    assert [name for name, _ in second.headers] == ["x-ncp-apigw-timestamp", "x-ncp-iam-access-key", "x-ncp-apigw-signature-v2"]
    assert [fuzz_targets.status_of(message) for message in fuzz_targets.messages(b"404 x\n---\nx\n---\n\xb2\xb2\xb2")] == [404, 200, 200]


def test_a_broken_promise_is_an_error(monkeypatch):
    def crash(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(Service, "list", crash)
    with pytest.raises(AssertionError, match="the service has crashed"):
        fuzz_targets.service(b"GET /api/v1/tasks\nsign: now\n")


def test_the_standard_library_is_a_witness_for_the_json_reader(monkeypatch):
    monkeypatch.setattr(fuzz_targets, "read", lambda _: fuzz_targets.Document({}, (), readable=True))
    with pytest.raises(AssertionError):
        fuzz_targets.json_entry(b"[]")


@pytest.fixture
def libfuzzer(monkeypatch, tmp_path):
    """Stand for the process that fuzzes: it runs 1,234 inputs; on the target `json` it finds something."""
    monkeypatch.setattr(fuzz, "WORK", tmp_path)
    monkeypatch.setattr(fuzz, "FINDINGS", tmp_path / "findings")
    monkeypatch.setattr(fuzz, "ROOT", tmp_path)
    commands = []

    def run(command, *, stdout, **_):
        commands.append(command)
        stdout.write("INFO\nstat::number_of_executed_units: 1234\nstat::x: 1\n")
        if command[3] != "json":
            return subprocess.CompletedProcess(command, 0)
        (tmp_path / "findings" / "json-crash-1").write_bytes(b"[")
        return subprocess.CompletedProcess(command, 77)

    monkeypatch.setattr(fuzz.subprocess, "run", run)
    return commands


def test_a_run_prints_its_figures(libfuzzer, capsys):
    assert fuzz.fuzz_all(["files", "service"], 60) == 0
    assert [re.split(" {2,}", line) for line in capsys.readouterr().out.splitlines()] == [
        ["files", "1,234 inputs", "no finding"],
        ["service", "1,234 inputs", "no finding"],
        ["all", "2,468 inputs in 60 s"],
    ]
    assert all("-max_total_time=30" in command for command in libfuzzer)


@pytest.mark.usefixtures("libfuzzer")
def test_a_finding_is_named_with_the_command_that_reproduces_it(capsys):
    assert fuzz.fuzz_all(["json"], 60) == 1
    printed = capsys.readouterr().out
    assert "a finding\n  reproduce: .venv/bin/python tools/fuzz.py --reproduce findings/json-crash-1\n  log: json.log\n" in printed


@pytest.mark.parametrize("name", ["json/page", "json-crash-1"])
def test_an_input_can_be_run_alone_without_the_fuzzer(name, tmp_path):
    finding = tmp_path / name
    file = CORPUS.get(name, finding)
    finding.parent.mkdir(exist_ok=True)
    finding.write_bytes(b"[")
    command = [sys.executable, ROOT / "tools" / "fuzz.py", "--reproduce", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "json: nothing is wrong with this input\n"), done.stderr


def test_a_missing_atheris_is_reported_with_the_command_that_installs_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "atheris", None)
    monkeypatch.setattr(sys, "argv", ["fuzz.py"])
    assert fuzz.main() == 2
    assert "pip install --group fuzz" in capsys.readouterr().err
