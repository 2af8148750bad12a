"""Reading of recordings: every format, the lines of entries, what is no recording, and large files in little memory."""

import io
import json
import tracemalloc

import pytest

from nclue_contract.traffic.readers.base import SourceError
from nclue_contract.traffic.readers.entries import EntryError, cassette, har, journal, plain
from nclue_contract.traffic.readers.files import exchanges
from tests.support import recordings
from tests.support.payloads import PAYLOAD
from tests.support.recordings import FORMATS, create, error, get, lists, task

EXCHANGES = [
    create(),
    create(PAYLOAD | {"name": "é 데 \U0001f600"}, error("10102"), status=409, at=1),
    get(task("pending"), at=2),
    lists(query="?index=0&limit=", at=3),
]


def read(data, file="f"):
    return list(exchanges(file, io.BytesIO(data)))


def parts(exchange):
    """Return what every format has."""
    headers = sorted((name.lower(), value) for name, value in exchange.request_headers)
    received = [(name, value) for name, value in exchange.response_headers if name != "date"]
    return (
        exchange.method,
        exchange.origin,
        exchange.target,
        headers,
        exchange.request_body,
        exchange.status,
        received,
        exchange.response_body,
    )


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_the_same_exchanges(form):
    entries = read(FORMATS[form](EXCHANGES))
    assert [parts(entry.exchange) for entry in entries] == list(map(parts, EXCHANGES))
    assert [entry.index for entry in entries] == [0, 1, 2, 3]
    assert [entry.problem for entry in entries] == [""] * 4


@pytest.mark.parametrize(("form", "sent", "received"), [("har", True, True), ("schemathesis", True, False), ("json-lines", True, True)])
def test_times_are_those_of_the_recorder(form, sent, received):
    found = [entry.exchange for entry in read(FORMATS[form](EXCHANGES))]
    assert [one.sent_ms for one in found] == [one.sent_ms if sent else None for one in EXCHANGES]
    assert [one.received_ms for one in found] == [one.received_ms if received else None for one in EXCHANGES]


def test_a_cassette_of_vcrpy_has_the_time_of_the_server_only():
    entry = read(FORMATS["vcrpy"](EXCHANGES))[0].exchange
    assert (entry.sent_ms, entry.received_ms, entry.clock_ms) == (None, None, recordings.NOW)


@pytest.mark.parametrize("indent", [None, 0, 2, "\t"])
def test_lines_are_those_at_which_entries_begin(indent):
    data = recordings.har(EXCHANGES, indent)
    lines = data.split(b"\n")
    found = [entry.line for entry in read(data)]
    begins = [number for number, line in enumerate(lines, 1) if b'"startedDateTime"' in line]
    assert found == ([1] * 4 if indent is None else [number - 1 for number in begins])


@pytest.mark.parametrize("form", ["vcrpy", "schemathesis"])
def test_lines_of_a_cassette_are_those_of_its_items(form):
    data = FORMATS[form](EXCHANGES)
    begins = [number for number, line in enumerate(data.decode().split("\n"), 1) if line.startswith("- ")]
    assert [entry.line for entry in read(data)] == begins


def test_entries_of_json_lines_have_their_lines_and_a_broken_line_does_not_end_them():
    lines = FORMATS["json-lines"](EXCHANGES).splitlines(keepends=True)
    entries = read(lines[0] + b"\n{broken\n" + lines[1])
    assert [(entry.line, entry.index, entry.problem) for entry in entries] == [
        (1, 0, ""),
        (3, 1, "request is missing, or no object"),
        (4, 2, ""),
    ]


def test_a_byte_order_mark_is_passed_over():
    for form in FORMATS.values():
        assert len(read(b"\xef\xbb\xbf" + form(EXCHANGES))) == 4


# -- what is no recording ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b'{"log": {"entries": [{"a": 1}, {"b": ', "line 1: not JSON, or cut off"),
        (b'{"log": {"entries": [\n{"request": SECRET', "line 2: not JSON, or cut off"),
        (b"\xff\xfe{\x00", "line 1: neither JSON nor the mapping of a cassette"),
        (b"interactions:\n- a: [SECRET\n- b", "line 4: not YAML, or cut off"),
        (b"interactions:\n- *SECRET\n", "line 2: an alias without its anchor, or too many of them"),
        (b"interactions:\n- !!python/object:os.system [SECRET]\n", "line 2: not YAML, or cut off"),
        (b"interactions:\n- 2024-99-99\n", "a value of it cannot be read as YAML"),
        (b"just words SECRET", "line 1: neither JSON nor the mapping of a cassette"),
        (b"- a\n- b\n", "line 1: neither JSON nor the mapping of a cassette"),
        (b"[" * 100_000, "line 1: more than 200 levels of arrays and objects"),
        (b"interactions:\n- " + b"[" * 1000, "line 2: more than 200 levels"),
        (b"interactions:\n- &a [x]\n- [" + b"*a," * 1001 + b"]", "line 3: an alias without its anchor, or too many of them"),
    ],
)
def test_what_cannot_be_read_is_an_error_with_its_line_that_quotes_nothing(data, problem):
    with pytest.raises(SourceError) as raised:
        read(data)
    assert str(raised.value).endswith(problem)
    assert "SECRET" not in str(raised.value)


@pytest.mark.parametrize(
    "data", [b"", b" \n", b"{}", b'{"log": {}}', b'{"interactions": {"a": 1}}', b"a: 1\n", b"interactions: 5\nother: [1, 2]\n", b"[]"]
)
def test_other_documents_have_no_entries(data):
    assert read(data) == []


VALID = {
    har: json.loads(recordings.har(EXCHANGES))["log"]["entries"][0],
    cassette: json.loads(recordings.vcrpy_json(EXCHANGES))["interactions"][0],
    plain: json.loads(recordings.json_lines(EXCHANGES).splitlines()[0]),
    journal: {"method": "GET", "target": "/tasks", "headers": [], "body": "", "body_bytes": 0, "status": 200, "time_ms": 1},
}


@pytest.mark.parametrize(
    ("parse", "path", "value", "problem"),
    [
        (har, ["request"], 5, "request is missing, or no object"),
        (har, ["request", "url"], "/tasks", "request.url is no absolute URL"),
        (har, ["request", "url"], "http://[", "request.url is no absolute URL"),
        (har, ["request", "url"], "http://a:99999/", "request.url is no absolute URL"),
        (har, ["request", "method"], None, "request.method is missing, or no string"),
        (har, ["request", "headers"], {}, "request.headers is missing, or no array"),
        (har, ["request", "headers"], [{"name": 1}], "request.headers is missing, or no string"),
        (har, ["response", "status"], "abc", "response.status is no status code"),
        (har, ["response", "status"], True, "response.status is no status code"),
        (har, ["response", "content"], {"text": "!", "encoding": "base64"}, "response.content is not Base64"),
        (cassette, ["request", "headers"], 5, "request.headers is neither an object nor an array"),
        (cassette, ["request", "headers"], [["a"]], "request.headers has an item that is no pair"),
        (cassette, ["response", "body", "string"], {}, "response.body is missing, or no string"),
        (plain, ["response"], [], "response is missing, or no object"),
        (plain, ["request", "body_base64"], "é", "request.body_base64 is not Base64"),
        (journal, ["headers"], [["a", {}]], "headers is missing, or no string"),
        (journal, ["status"], None, ""),
    ],
)
def test_an_entry_of_another_shape_is_named_with_the_place(parse, path, value, problem):
    entry = json.loads(json.dumps(VALID[parse]))
    inner = entry
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    if not problem:
        assert parse(entry).status == 0
        return
    with pytest.raises(EntryError) as raised:
        parse(entry)
    assert str(raised.value) == problem


@pytest.mark.parametrize("parse", VALID)
@pytest.mark.parametrize("entry", [None, [], 5, "x", {}, {"request": None, "response": None}])
def test_no_entry_raises_another_error(parse, entry):
    with pytest.raises(EntryError):
        parse(entry)


# -- bodies ------------------------------------------------------------------------------------------------------------------------------


def test_a_body_that_a_browser_did_not_keep_is_unknown():
    entry = json.loads(json.dumps(VALID[har]))
    entry["response"]["content"] = {"size": 400}
    del entry["request"]["postData"]
    entry["request"]["bodySize"] = 100
    found = har(entry)
    assert (found.request_body, found.response_body) == (None, None)
    entry["response"]["content"] = {"size": 0}
    entry["request"]["bodySize"] = 0
    found = har(entry)
    assert (found.request_body, found.response_body) == (b"", b"")


def test_pseudo_headers_of_browsers_are_no_headers():
    entry = json.loads(json.dumps(VALID[har]))
    entry["request"]["headers"] = [{"name": ":authority", "value": "x"}, {"name": "accept", "value": "*/*"}]
    assert har(entry).request_headers == (("accept", "*/*"),)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_body_with_a_content_coding_is_decoded_whether_or_not_the_recorder_has_done_it(coding):
    import gzip  # noqa: PLC0415
    import zlib  # noqa: PLC0415

    body = b'{"task_id": "x"}'
    encoded = gzip.compress(body) if coding == "gzip" else zlib.compress(body)
    entry = {
        "request": {"method": "GET", "uri": "http://127.0.0.1/tasks", "headers": {}, "body": None},
        "response": {"status": {"code": 200}, "headers": {"content-encoding": [coding]}, "body": {"string": encoded}},
    }
    assert cassette(entry).response_body == body
    entry["response"]["body"]["string"] = body.decode()
    assert cassette(entry).response_body == body
    entry["response"]["body"]["string"] = encoded[:-1]
    assert cassette(entry).response_body is None


def test_a_body_that_the_journal_has_cut_is_unknown():
    entry = VALID[journal] | {"body": "abc", "body_bytes": 3}
    assert journal(entry).request_body == b"abc"
    assert journal(entry | {"body_bytes": 5000}).request_body is None
    assert journal(entry | {"body": "\\xff", "body_bytes": 1}).request_body is None


def test_a_body_that_json_lines_leave_out_is_unknown():
    request = {"method": "POST", "url": "http://127.0.0.1/tasks"}
    found = plain({"request": request, "response": {"status": 200, "body": ""}})
    assert (found.request_body, found.response_body, found.sent_ms) == (None, b"", None)


def test_a_request_without_a_response_is_one():
    assert cassette({"request": VALID[cassette]["request"], "response": None}).status == 0
    assert plain({"request": VALID[plain]["request"], "error": "timeout"}).error == "timeout"


# -- size --------------------------------------------------------------------------------------------------------------------------------


class Endless(io.RawIOBase):
    """A recording of many exchanges that is nowhere in memory."""

    def __init__(self, head, item, tail, times):
        self.parts = (part for part in (head, *[item] * times, tail))
        self.rest = b""

    def readable(self):
        return True

    def readinto(self, buffer):
        while len(self.rest) < len(buffer) and (part := next(self.parts, None)) is not None:
            self.rest += part
        data, self.rest = self.rest[: len(buffer)], self.rest[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


def recording(form, times):
    data = FORMATS[form](EXCHANGES[:1])
    if form == "json-lines":
        return Endless(b"", data, b"", times), times
    if form in {"har", "vcrpy-json"}:
        head, _, rest = data.partition(b"[")
        entry, _, tail = rest.rpartition(b"]")
        return Endless(head + b"[" + entry, b"," + entry, b"]" + tail, times - 1), times
    key = {"vcrpy": b"interactions:\n", "schemathesis": b"http_interactions:\n"}[form]
    head, _, rest = data.partition(key)
    entry = b"".join(line for line in rest.splitlines(keepends=True) if line[:1] in b"- ")
    return Endless(head + key, entry, b"version: 1\n", times), times


@pytest.mark.parametrize("form", FORMATS)
def test_a_long_recording_needs_no_more_memory_than_a_short_one(form):
    def peak(times):
        stream, expected = recording(form, times)
        tracemalloc.start()
        count = sum(1 for _ in exchanges("f", io.BufferedReader(stream)))
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == expected
        return highest

    peak(5)  # what is imported and cached
    assert peak(400) < peak(150) + 150_000  # the 250 more are 400 kB and more
