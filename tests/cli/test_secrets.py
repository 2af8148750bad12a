"""No output of a check contains a key, a signature or the value of a header, in whatever spelling a server sends them back."""

import json
from pathlib import Path

import pytest

from nclue_contract.cli.main import main
from tests.support.payloads import COMPLETED_TASK, LISTED_TASK, TASK
from tests.support.server_process import running
from tests.support.spellings import SPELLINGS
from tests.support.stub_servers import answering, listening, response, url
from tests.support.waiting import skip_pauses

ACCESS, SECRET, TOKEN = "CANARYACCESSKEY00001", "CANARYsecret/KEY+000000000000000000000001", "CANARY/session+0001"
SIGNED = ("x-ncp-iam-access-key", "x-ncp-apigw-signature-v2")
FORMATS = ("text", "json", "jsonl", "junit", "github", "html")


class Repeating:
    """Sends every secret that it has seen back in every response, in many places, in one spelling.

    It knows the secret key as well: a server does.
    """

    def __init__(self, spell):
        self.spell, self.sent, self.earlier = spell, {SECRET, TOKEN}, SECRET

    def __call__(self, request):
        secrets = [value for name in SIGNED for value in request.header(name)]
        self.sent.update(value for value in secrets if len(value) >= 20)
        words = [self.spell(value) for value in (*secrets, TOKEN, SECRET, self.earlier)]
        self.earlier = max([self.earlier, *secrets], key=len)
        text = " ; ".join(words)
        header = "".join(c for c in f"x-{len(words)}: {text}" if " " <= c <= "~")
        if not secrets:
            return response(401, {"error": {"errorCode": text, "message": text, "details": text}, text: text}, header)
        if len(self.sent) % 7 == 3:
            return b"HTTP/1.1 200 OK\r\n" + text.encode() + b"\r\n\r\n"
        if request.method == "POST" and len(self.sent) % 5 == 4:
            return response(422, {"error": {"errorCode": text, "message": text}}, header, kind=header.partition(": ")[2])
        if request.method == "POST":
            created = TASK | {"task_id": f"{len(self.sent)}-{words[-1]}", "task_name": text, "created_at": text, text: text}
            return response(200, created, header)
        if request.target.partition("?")[0].endswith("/tasks"):
            listed = LISTED_TASK | {"status": text, "task_name": text, "task_id": text}
            return response(200, {"index": 0, "limit": text, "total": 1, "tasks": [listed]}, header)
        return response(200, COMPLETED_TASK | {"status": text, "task_id": text, "fail_message": text}, header)


COMMANDS = {
    "check": ["--budget", "80", "--lifecycle-timeout", "1", "--ledger", "ledger.jsonl", "--reproduce-dir", "bodies"]
    + [word for form in FORMATS for word in ("--report", f"{form}:report.{form}")],
    "check, quiet": ["--quiet", "--only", "NC11"],
    "probe": ["--budget", "40"],
}


@pytest.mark.parametrize(
    ("spelling", "command"),
    [
        ("JSON in JSON", "check"),
        ("Base64 of JSON", "check"),
        ("HTML, hexadecimal", "check"),
        ("JSON in JSON", "check, quiet"),
        ("Base64 of JSON", "probe"),
    ],
)
def test_no_output_contains_a_secret(spelling, command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NCLUE_ACCESS_KEY", ACCESS)
    monkeypatch.setenv("NCLUE_SECRET_KEY", SECRET)
    skip_pauses(monkeypatch)  # retries have pauses, which do not matter here
    server = Repeating(SPELLINGS[spelling])
    with listening(answering(server)) as port:
        main([command.partition(",")[0], url(port), "--header", f"x-session: {TOKEN}", *COMMANDS[command]])
    shown = {"terminal": "".join(capsys.readouterr())}
    shown |= {path.name: path.read_text(encoding="utf-8", errors="replace") for path in Path().rglob("*") if path.is_file()}
    if command == "check":
        assert len(server.sent) > 70
        assert {f"report.{form}" for form in FORMATS} | {"terminal", "ledger.jsonl"} <= shown.keys()
        assert all("***" in text for name, text in shown.items() if not name.startswith("body-"))
    # The beginnings of what the server has sent, in its spelling and without it, as a report may have cut and escaped it.
    spelt = {server.spell(secret) for secret in server.sent}
    parts = {one[:20] for one in server.sent} | {one[:30] for one in spelt} | {json.dumps(one)[1:30] for one in spelt}
    assert {name: next((part for part in parts if part in text), "") for name, text in shown.items()} == dict.fromkeys(shown, "")


def test_a_later_cleanup_shows_no_secret(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NCLUE_ACCESS_KEY", ACCESS)
    monkeypatch.setenv("NCLUE_SECRET_KEY", SECRET)
    lines = [{"ledger": 1, "url": "", "run": "abc"}, {"creating": "nclue-check abc 1"}, {"answered": "x", "task_id": "17"}]
    with listening(sending_header_as_status) as port:
        Path("ledger").write_text("".join(json.dumps(line | ({"url": url(port)} if "url" in line else {})) + "\n" for line in lines))
        assert main(["cleanup", "ledger", "--header", f"x-session: {TOKEN}"]) == 3
    out, err = capsys.readouterr()
    assert "inconclusive: a delete request got no complete response: not HTTP: " in err
    assert "***" in err
    assert not [one for one in (ACCESS, SECRET, TOKEN) if one[:12] in out + err]


@answering
def sending_header_as_status(request):
    return f"{request.header('x-session')[0]} {request.header(SIGNED[0])[0]}\r\n\r\n".encode()


def test_a_server_that_knows_no_secret_is_checked_as_without_masking(tmp_path, monkeypatch, capsys):
    """The words of the contract, the test data and what is sent are not masked, even where they are values of headers."""
    monkeypatch.chdir(tmp_path)
    headers = ["accept: application/json", "x-bucket: answers", "x-prefix: nclue-check", "x-field: train_file_path", "x-date: 2026-11-26"]
    options = [word for header in headers for word in ("--header", header)]
    with running("--progress", "manual") as server:
        code = main(["check", server.url, *options, "--bucket", "answers", "--only", "NC30", "--only", "NC11", "--format", "json"])
    out = capsys.readouterr().out
    assert (code, json.loads(out)["failures"]) == (0, [])
    assert "***" not in out
