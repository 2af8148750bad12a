"""`nclue-contract sign` as a user runs it; a shell and a real curl, if there is one, accept its command unchanged."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time

import pytest

from nclue_contract.cli.main import main
from tests.support.signing import ACCESS, SECRET

TASKS = "https://nclue.apigw.ntruss.com/api/v1/tasks"
AT = "1732589296000"


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    monkeypatch.setenv("NCLUE_ACCESS_KEY", ACCESS)
    monkeypatch.setenv("NCLUE_SECRET_KEY", SECRET)


@pytest.fixture
def run(capsys):
    """Return a function that runs the command and returns exit code, standard output and standard error. No secret may be in either."""

    def call(*arguments):
        code = main(["sign", *arguments])
        printed = capsys.readouterr()
        assert SECRET not in printed.out + printed.err
        return code, printed.out, printed.err

    return call


@pytest.mark.parametrize(
    ("method", "url", "signature"),
    [
        ("POST", TASKS, "cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+HiM="),
        ("post", TASKS, "cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+HiM="),
        ("GET", TASKS + "?index=0&limit=20", "n3aI6cig/FSAvKujTdMyP3QMZoXT2cD12Z9bsWZtObw="),
        ("GET", TASKS + "/f5aebc0c-0000-4000-8000-b201bc64b1c9", "qq532LMtNzeFqnqfLTMyyDVsZrcJvIS2PHy9eaDIDdg="),
        ("POST", "http://127.0.0.1:8080/api/v1/tasks", "cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+HiM="),
        ("POST", TASKS + "#fragment", "cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+HiM="),
        ("POST", "HTTPS://[::1]:8443/api/v1/tasks", "cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+HiM="),
    ],
)
def test_three_header_lines_are_printed(run, method, url, signature):
    code, out, err = run(method, url, "--timestamp", AT)
    assert (code, err) == (0, "")
    assert out == f"x-ncp-apigw-timestamp: {AT}\nx-ncp-iam-access-key: {ACCESS}\nx-ncp-apigw-signature-v2: {signature}\n"


def test_the_timestamp_is_now_unless_one_is_given(run):
    before = time.time_ns() // 1_000_000
    _, out, _ = run("GET", TASKS)
    assert before <= int(re.search("timestamp: ([0-9]+)", out)[1]) <= time.time_ns() // 1_000_000


def signature_of(out):
    return re.search(r"signature-v2: (\S{44})", out)[1]


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://h.example", "https://h.example/"),
        ("https://h.example?a=b", "https://h.example/?a=b"),
        ("https://h.example#a", "https://h.example/"),
    ],
)
def test_without_a_path_a_slash_is_sent(run, url, same):
    assert signature_of(run("GET", url, "--timestamp", AT)[1]) == signature_of(run("GET", same, "--timestamp", AT)[1])


def test_an_empty_query_keeps_its_question_mark(run):
    assert signature_of(run("GET", TASKS + "?", "--timestamp", AT)[1]) != signature_of(run("GET", TASKS, "--timestamp", AT)[1])


def test_a_curl_command_is_printed(run):
    code, out, _ = run("POST", TASKS, "--timestamp", AT, "--curl")
    assert code == 0
    assert out == (
        f"curl --request POST {TASKS} --header 'x-ncp-apigw-timestamp: {AT}' --header 'x-ncp-iam-access-key: {ACCESS}' "
        "--header 'x-ncp-apigw-signature-v2: cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+HiM=' --header 'content-type: application/json'\n"
    )


@pytest.mark.parametrize(
    ("method", "url", "begin"),
    [
        ("GET", TASKS + "?index=0&limit=20", ["curl", TASKS + "?index=0&limit=20", "--header"]),
        ("HEAD", TASKS, ["curl", "--head", TASKS, "--header"]),
        ("DELETE", TASKS + "/1", ["curl", "--request", "DELETE", TASKS + "/1", "--header"]),
        ("get", TASKS + "/a[1]", ["curl", "--globoff", TASKS + "/a[1]", "--header"]),
        ("GET", TASKS + "/../b", ["curl", "--path-as-is", TASKS + "/../b", "--header"]),
        ("GET", TASKS + "/.", ["curl", "--path-as-is", TASKS + "/.", "--header"]),
        ("GET", TASKS + "/a.b/..c", ["curl", TASKS + "/a.b/..c", "--header"]),
        ("GET", TASKS + "?a='$(date)'", ["curl", TASKS + "?a='$(date)'", "--header"]),
    ],
)
def test_the_curl_command_is_quoted_for_a_shell_and_sends_what_was_signed(run, method, url, begin):
    _, out, _ = run(method, url, "--timestamp", AT, "--curl")
    words = shlex.split(out)
    assert words[: len(begin)] == begin
    assert len(words) == len(begin) + 5


def test_a_real_curl_sends_what_was_signed(run):
    if not shutil.which("curl"):
        pytest.skip("curl is missing")
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/a/../b[1]?c='d'&e"
        code, command, _ = run("GET", url, "--curl")
        assert code == 0
        environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        with subprocess.Popen(["sh", "-c", command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment) as curl:
            server.settimeout(300)
            connection, _ = server.accept()
            with connection:
                received = connection.recv(65536)
                connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            curl.wait(300)
    assert received.startswith(b"GET /a/../b[1]?c='d'&e HTTP/1.1\r\n")
    assert signature_of(command).encode() in received


WRONG = {
    "no URL but a path": (["GET", "/api/v1/tasks"], "this is not an absolute URL, such as https://nclue.apigw.ntruss.com/api/v1/tasks"),
    "no URL but a word": (["GET", "tasks"], "this is not an absolute URL"),
    "no host": (["GET", "https:///tasks"], "this is not an absolute URL"),
    "another scheme": (["GET", "ftp://h.example/tasks"], "this is not an absolute URL"),
    "a bad port": (["GET", "https://h.example:x/tasks"], "this is not an absolute URL"),
    "a port that is none": (["GET", "https://h.example:99999/tasks"], "this is not an absolute URL"),
    "half an IPv6 address": (["GET", "https://[::1/tasks"], "this is not an absolute URL"),
    "nothing": (["GET", ""], "this is not an absolute URL"),
    "Hangul": (["GET", TASKS + "/학습"], "percent-encode it (as UTF-8) before signing"),
    "a space": (["GET", TASKS + "?a= b"], "percent-encode it"),
    "a line feed": (["GET", TASKS + "\n"], "percent-encode it"),
    "no method": (["GE T", TASKS], "the method is not a valid HTTP method"),
    "no method but a word": (["", TASKS], "the method is not a valid HTTP method"),
    "a time": (["GET", TASKS, "--timestamp", "2024-11-26"], "the timestamp is not a decimal number of milliseconds"),
    "a negative timestamp": (["GET", TASKS, "--timestamp=-1"], "the timestamp is not"),
    "wide digits": (["GET", TASKS, "--timestamp", "１７３２"], "the timestamp is not"),
    "an empty timestamp": (["GET", TASKS, "--timestamp", ""], "the timestamp is not"),
    "the secret for the URL": (["GET", SECRET], "this is not an absolute URL"),
    "the secret for the timestamp": (["GET", TASKS, "--timestamp", SECRET], "the timestamp is not"),
    "the secret for the method": ([SECRET + " ", TASKS], "the method is not a valid"),
}


@pytest.mark.parametrize("options", [[], ["--curl"]], ids=["headers", "curl"])
@pytest.mark.parametrize(("arguments", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_errors_are_reported_in_a_sentence(run, arguments, sentence, options):
    code, out, err = run(*arguments, *options)
    assert (code, out) == (2, "")
    assert err.startswith("nclue-contract: ")
    assert sentence in err
    assert err.count("\n") == 1


def test_a_missing_variable_is_named(run, monkeypatch):
    monkeypatch.delenv("NCLUE_ACCESS_KEY")
    assert run("GET", TASKS) == (2, "", "nclue-contract: the environment variable NCLUE_ACCESS_KEY must hold your key\n")
    monkeypatch.setenv("NCLUE_SECRET_KEY", " ")
    assert "NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY" in run("GET", TASKS)[2]


def test_keys_from_a_file_lose_their_line_feed(run, monkeypatch):
    monkeypatch.setenv("NCLUE_ACCESS_KEY", f"{ACCESS}\n")
    monkeypatch.setenv("NCLUE_SECRET_KEY", f"{SECRET}\r\n")
    assert signature_of(run("POST", TASKS, "--timestamp", AT)[1]) == "cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+HiM="


def test_a_key_that_no_header_can_hold_is_not_shown(run, monkeypatch):
    monkeypatch.setenv("NCLUE_ACCESS_KEY", f"{ACCESS} {ACCESS}")
    code, out, err = run("GET", TASKS)
    assert (code, out) == (2, "")
    assert ACCESS not in err
    assert "the access key" in err


def test_the_command_works_as_a_program():
    command = [sys.executable, "-m", "nclue_contract", "sign", "POST", TASKS, "--timestamp", AT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert signature_of(done.stdout) == "cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+HiM="
    assert done.stderr == ""


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version(option, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["sign", option])
    assert ended.value.code == 0
    assert "nclue-contract" in capsys.readouterr().out
