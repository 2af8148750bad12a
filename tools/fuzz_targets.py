"""The targets of `make fuzz`: each takes any bytes, and raises an error where the package breaks a promise.

`tools/fuzz.py` generates the bytes. The tests run every target on the corpus (`tests/fuzz_corpus/TARGET/`), which holds examples and, as
`found-*`, inputs that once broke a promise. Requests and responses are written as text, so that the corpus can be read:

    METHOD target | status        the first line
    name: value                   headers; "sign: now" stands for valid signature headers
                                  an empty line, the body, and `---` in a line of its own before the next message
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

from nclue_contract.check.cases.plan import plan
from nclue_contract.check.expectations import FixtureData
from nclue_contract.check.reports.formats import render
from nclue_contract.check.runner import Runner
from nclue_contract.check.sender import Limits
from nclue_contract.check.session import CheckSession
from nclue_contract.check.transport_memory import START_MS, MemoryTransport
from nclue_contract.cli.validate import ValidateOptions, validate
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.service.messages import Request, Response
from nclue_contract.service.service import Service
from nclue_contract.signing import EXAMPLE, signed_headers
from nclue_contract.validation.json_reader import Document, read
from nclue_contract.validation.reports.base import Run
from nclue_contract.validation.signature import verify
from nclue_contract.validation.validator import Validator, validate_headers, validate_request_json, validate_response

KEYS = {EXAMPLE.access_key: EXAMPLE.secret_key}
PREFIX = "/api/v1"
SEPARATOR = b"\n---\n"
MAX_MESSAGES = 40
"""Messages of one input that are used; more would only be slow."""
CHECK_REQUESTS = 8
"""The budget of a check: few requests, so that there are many checks."""
STRICT = Validator(strict=True)
DEEPEST = 100
"""Nesting up to which the parser of the standard library has to agree; its own limit depends on the stack."""


# -- the JSON entry ---------------------------------------------------------------------------------------------------------------------


def json_entry(data: bytes) -> None:
    """Validate a payload: never raises, has the same result for bytes and text, and reads what the standard library reads."""
    report = validate_request_json(data)
    assert report == validate_request_json(memoryview(data))
    json.dumps(report.to_dict())
    assert STRICT.validate_request_json(data).ok <= report.ok
    document = read(data)
    with suppress(UnicodeDecodeError):
        text = data.decode()
        in_text = read(text)
        assert (in_text.value, in_text.readable) == (document.value, document.readable) or not document.readable or _is_nan(document.value)
        _compare_with_standard_library(text, in_text)


def _compare_with_standard_library(text: str, document: Document) -> None:
    if max(text.count("["), text.count("{")) > DEEPEST or len(text) > 4000 or text.startswith("\ufeff"):
        return  # too deep, a number with too many digits for it, or a byte order mark: there it gives up earlier
    try:
        value = json.loads(text)
    except ValueError:
        assert not document.readable, "the standard library does not read it"
        return
    if document.readable and not document.problems:
        assert document.value == value
    assert document.problems or document.readable, "the standard library reads it"


def _is_nan(value: object) -> bool:
    return "NaN" in json.dumps(value)


# -- the reader of files ----------------------------------------------------------------------------------------------------------------

_FOLDER = tempfile.TemporaryDirectory(prefix="nclue-contract-fuzz-")
VALIDATOR = Validator()
RUN = Run("0", contract().revision, Readings.of(None), strict=False)
_SUFFIXES = (".json", ".jsonl", ".ndjson", ".txt")
_FORMATS = ("text", "json", "jsonl", "sarif", "junit", "github")


def files(data: bytes) -> None:
    """Validate a file: exit code 0 or 1, no traceback, machine formats are whole; the first two bytes choose extension and format."""
    suffix, form = _SUFFIXES[data[0] % len(_SUFFIXES)] if data else ".json", _FORMATS[data[1] % len(_FORMATS)] if data[1:] else "text"
    path = Path(_FOLDER.name, f"payloads{suffix}")
    path.write_bytes(data[2:])
    output, errors = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    options = ValidateOptions([str(path)], None, form, (), quiet=False, max_line=1 << 20)
    status = validate(VALIDATOR, RUN, options, None, output, errors)
    output.flush()
    text = output.buffer.getvalue().decode()
    assert status in {0, 1}, status
    if form in {"json", "sarif"}:
        json.loads(text)
    if form == "jsonl":
        assert all(isinstance(json.loads(line), dict) for line in text.splitlines())
    if form in {"text", "github"}:
        assert "\x1b" not in text, "a terminal would obey"


# -- messages as text -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response: the first line, the headers, the body."""

    start: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def messages(data: bytes) -> Iterator[Message]:
    """Yield the messages of an input."""
    for part in data.split(SEPARATOR)[:MAX_MESSAGES]:
        head, _, body = part.partition(b"\n\n")
        start, *lines = head.decode("latin-1").split("\n")
        pairs = (line.partition(":") for line in lines if line)
        yield Message(start, tuple((name.strip(), value.strip()) for name, _, value in pairs), body)


def requests(data: bytes, now_ms: int) -> Iterator[Request]:
    """Yield the requests of an input, signed where they ask for it and a signer can."""
    for message in messages(data):
        method, _, target = message.start.partition(" ")
        headers = list(message.headers)
        if ("sign", "now") in headers:
            headers.remove(("sign", "now"))
            with suppress(ValueError):
                headers += signed_headers(method, target, EXAMPLE, now_ms).items()
        yield Request(method, target, tuple(headers), message.body)


def status_of(message: Message) -> int:
    """Return the status that the first line of a response begins with, 200 where there is none."""
    digits = message.start[:3]
    return int(digits) if digits.isascii() and digits.isdigit() else 200


# -- signatures -------------------------------------------------------------------------------------------------------------------------


def signatures(data: bytes) -> None:
    """Verify requests: never raises, shows no secret, accepts what our signer signs, and nothing that was changed afterwards."""
    for request in requests(data, START_MS):
        result = verify(request.method, request.target, request.headers, KEYS, START_MS, body=request.body)
        shown = f"{result}{result.sentence}{json.dumps(result.to_dict())}{result.report.to_dict()}"
        assert EXAMPLE.secret_key not in shown
        validate_headers(request.headers, START_MS)
        names = [name.lower() for name, _ in request.headers]
        if any(name in names for name in ("x-ncp-apigw-timestamp", "x-ncp-iam-access-key", "x-ncp-apigw-signature-v2")):
            continue
        try:
            headers = signed_headers(request.method, request.target, EXAMPLE, START_MS)
        except ValueError:
            continue
        assert verify(request.method, request.target, headers, KEYS, START_MS).ok
        assert not verify(request.method, request.target + "x", headers, KEYS, START_MS).ok
        assert not verify(request.method + "x", request.target, headers, KEYS, START_MS).ok
        assert not verify(request.method, request.target, headers, KEYS, START_MS + 300_001).ok


# -- the service ------------------------------------------------------------------------------------------------------------------------


def service(data: bytes) -> None:
    """Send requests to the service: it never crashes, its responses keep the contract, and its journal holds no signature."""
    served, now_ms = Service(KEYS), START_MS
    for request in requests(data, START_MS):
        now_ms += 1
        response = served.handle(request, now_ms)
        assert response.status < 500, "the service has crashed"
        assert json.loads(response.body) is not None
    journal = json.dumps(list(served.journal()))
    assert EXAMPLE.secret_key not in journal
    assert EXAMPLE.access_key not in journal or EXAMPLE.access_key.encode() in data


# -- responses --------------------------------------------------------------------------------------------------------------------------


def responses(data: bytes) -> None:
    """Validate responses of each operation, compared with the body of the next message: never raises, whatever was sent."""
    found = list(messages(data))
    for message, following in zip(found, [*found[1:], *found[:1]], strict=True):
        for operation in contract().operations:
            sent = following.body if operation == "createTask" else following.start
            report = validate_response(operation, status_of(message), message.headers, message.body, sent)
            json.dumps(report.to_dict())


# -- the traffic of the check -----------------------------------------------------------------------------------------------------------

_CASES = plan(only=("NC101", "NC110", "NC120", "NC208", "NC307", "NC312", "NC400", "NC500"))
_REPORTS = ("text", "json", "junit", "github") * 8 + ("jsonl", "html")
"""The formats, chosen by the length of the input; the last two are slow, or like another one."""


def traffic(data: bytes) -> None:
    """Check a server that responds with anything: the check ends with a result, and every report can be written.

    A message `pass` stands for the response of the reference service, with another body if it has one.
    """
    served = Service(KEYS)
    script = cycle([message for message in messages(data) if message.start] or [Message("pass", (), b"")])

    def handle(request: Request, now_ms: int) -> Response:
        message, answer = next(script), served.handle(request, now_ms)
        if message.start == "pass":
            return replace(answer, body=message.body or answer.body, headers=(*answer.headers, *message.headers))
        return Response(status_of(message), message.body, message.headers or answer.headers, cut=message.start.endswith("cut"))

    transport = MemoryTransport(handle, PREFIX)
    session = CheckSession(Readings.of(None), FixtureData(), run="abc", prefix=PREFIX, now_ms=transport.now_ms, exact_clock=True)
    result = Runner(session, _CASES, transport, Limits(budget=CHECK_REQUESTS)).run("http://127.0.0.1:8000/api/v1", "fuzz")
    assert result.exit_code in {0, 1, 3}
    form = _REPORTS[len(data) % len(_REPORTS)]
    text = render(form, result, version="0", encoding="utf-8", started_ms=START_MS, quiet=False, reproduce_dir=None)
    assert EXAMPLE.secret_key not in text
    if form == "json":
        json.loads(text)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "json": json_entry,
    "files": files,
    "signatures": signatures,
    "service": service,
    "responses": responses,
    "traffic": traffic,
}
"""Every target by its name, which is also the folder of its corpus."""
