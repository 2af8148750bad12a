"""Test cases for the rest of a payload: the name, required fields and types, optional fields, and the JSON itself.

The page is "Create task", Request body. What no page decides is sent all the same: it must not make the server fail.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from itertools import combinations, cycle

from nclue_contract.check.cases.echo import echo_cases
from nclue_contract.check.expectations import CLIENT_ERROR, EITHER
from nclue_contract.check.request_builder import RequestBuilder
from nclue_contract.check.requests import RequestSpec, create_request, json_media_type
from nclue_contract.check.results import Case, Script
from nclue_contract.check.session import CheckSession
from nclue_contract.contract.model import contract
from nclue_contract.contract.rules import Answer

Build = Callable[[RequestBuilder], RequestSpec]
"""Builds a create request."""

HANGUL, EMOJI, ACCENTED = "가", "\U0001f600", "a\u0301"
"""One character in every unit but bytes; one code point of two UTF-16 units; two code points that look like one."""

PRINTABLE = "".join(map(chr, range(33, 127)))
PRINTABLE_HALVES = (PRINTABLE[:47], PRINTABLE[47:])
"""Printable ASCII in two parts, each short enough for a name."""

MANY_SCRIPTS = " ABC éß İı Ω я 한글 漢字 かな " + EMOJI + "\U0001f1f0\U0001f1f7 " + ACCENTED + " e\u0301"
"""Letters that servers change, by their case mapping, normal form or encoding."""

DEEP = 3000
"""Levels of arrays in a body; with more, a gateway rejects it for its length."""


def payload_cases(*, full: bool = False) -> Iterator[Case]:
    """Yield the cases; with `full`, every invalid type in every field and every combination of missing fields."""
    yield from _name_length_cases()
    yield from _echo_cases()
    yield from _required_cases(full=full)
    yield from _type_cases(full=full)
    yield from _optional_cases()
    yield from _json_cases()
    yield from _content_type_cases()


def _case(
    case_id: str,
    rule: str,
    build: Build,
    *,
    rank: int = 1,
    positive: bool = False,
    advisory: bool = False,
    also: Collection[Answer] = (),
    echo: bool = True,
) -> Case:
    """Return a case that sends one create request; `also` and `echo` are those of `Evaluator.evaluate_create`."""

    def script(session: CheckSession, case: Case) -> Script:
        exchange = yield build(session.builder)
        created = session.evaluator.evaluate_create(case, exchange, also, echo=echo)
        if positive:
            session.results.positives[created] += 1

    return Case(case_id, rule, script, posts=1, rank=rank, positive=positive, advisory=advisory, independent=True)


# -- the name -----------------------------------------------------------------------------------------------------------------------


def _filled(length: int, tail: str = "") -> Build:
    """Build a request with a name of this length in code points, the tail at its end."""

    def build(builder: RequestBuilder) -> RequestSpec:
        start = builder.name(" ")
        return builder.create(name=start + "x" * (length - len(start) - len(tail)) + tail)

    return build


def _name_length_cases() -> Iterator[Case]:
    most = contract().field("name").max_length
    yield _case(f"name[{most - 1} in Hangul]", "NC111", _filled(most - 1, HANGUL * 70), rank=0, positive=True)
    yield _case(f"name[{most} characters]", "NC111", _filled(most))
    yield _case(f"name[{most} in Hangul]", "NC111", _filled(most, HANGUL * 70))
    yield _case(f"name[{most + 1} characters]", "NC111", _filled(most + 1), rank=0)
    yield _case(f"name[{most + 20} with combining marks]", "NC111", _filled(most + 20, ACCENTED * 40), rank=0)
    yield _case(f"name[{most + 1} with spaces at the end]", "NC111", _filled(most + 1, "   "), rank=0)
    yield _case("name[emoji within the limit in code points]", "NC111", _filled(most - 5, EMOJI * 60))
    yield _case("name[emoji just within the limit in code points]", "NC111", _filled(most - 2, EMOJI * 4))
    yield Case("name[1 character]", "NC110", _one_character, posts=3, positive=True, independent=True)
    yield _case("name[empty]", "NC110", lambda b: create_request(b.payload() | {"name": ""}), rank=0)


def _one_character(session: CheckSession, case: Case) -> Script:
    """Use a name of one character, which cannot be unique: if it is occupied, use another one."""
    created = False
    for attempt in range(3):
        character = chr(0x4E00 + (sum(map(ord, session.run)) * 7919 + attempt * 6007) % 20000)
        exchange = yield session.builder.create(name=character)
        if exchange.status != 409:
            created = session.evaluator.evaluate_create(case, exchange)
            break
        session.results.inconclusive(case, "the names of one character that were used are occupied")
    session.results.positives[created] += 1


def _echo_cases() -> Iterator[Case]:
    """Yield cases whose values come back as they were sent, with the characters that servers change."""
    valid = {f"printable ASCII, part {number}": " " + half for number, half in enumerate(PRINTABLE_HALVES, 1)}
    for what, tail in (valid | {"letters of many scripts": MANY_SCRIPTS}).items():
        yield _case(f"name[{what}]", "NC307", _formatted_name("{}", tail), rank=0, positive=True)
    # The pages are silent on these: a server may reject them, but what it accepts comes back.
    invisible = _formatted_name("{}\t\n\u200b\u202e \ufb01\u2126\0x")
    yield _case("name[invisible characters]", "NC307", invisible, also=CLIENT_ERROR)
    yield _case("echo[without test data]", "NC306", lambda b: b.create(), rank=0, positive=True)
    yield from echo_cases()


def _formatted_name(form: str, tail: str = "") -> Build:
    return lambda builder: builder.create(name=form.format(builder.name(tail)))


# -- required fields, types, optional fields ------------------------------------------------------------------------------------------

_WRONG: dict[str, object] = {"a number": 7, "true": True, "an array": ["x"], "an object": {"x": "y"}, "false": False, "zero": 0}


def _names(*, required: bool) -> list[str]:
    return [field.name for field in contract().request if field.required is required]


def _with(changes: Mapping[str, object], *, test_fields: bool = False, rejected: bool = False) -> Build:
    """Build a request with these values, null included; under the name of those that are `rejected`."""

    def build(builder: RequestBuilder) -> RequestSpec:
        payload = builder.payload(name=builder.rejected_name() if rejected else None)
        return create_request({**payload, **(builder.test_fields() if test_fields else {}), **changes})

    return build


def _without(*names: str) -> Build:
    def build(builder: RequestBuilder) -> RequestSpec:
        payload = builder.payload(name=builder.rejected_name())
        return create_request({name: value for name, value in payload.items() if name not in names})

    return build


def _renamed(old: str, new: str) -> Build:
    """Build a request with a required field under another name, which no page has: a server that accepts it ignores letter case."""

    def build(builder: RequestBuilder) -> RequestSpec:
        payload = builder.payload(name=builder.rejected_name())
        return create_request({new if name == old else name: value for name, value in payload.items()})

    return build


def _required_cases(*, full: bool) -> Iterator[Case]:
    required = _names(required=True)
    for rank, name in enumerate(required):
        yield _case(f"required[{name} missing]", "NC101", _without(name), rank=min(rank, 1))
        yield _case(f"required[{name} null]", "NC102", _with({name: None}, rejected=True), rank=min(rank, 1))
    name = required[2]
    yield _case(f"required[{name.title()} instead of {name}]", "NC101", _renamed(name, name.title()), advisory=True)
    for size in (2, 3) if full else ():
        for names in combinations(required, size):
            yield _case(f"required[{', '.join(names)} missing]", "NC101", _without(*names))


def _type_cases(*, full: bool) -> Iterator[Case]:
    optional = _names(required=False)
    kinds = cycle(_WRONG)
    for index, name in enumerate([*_names(required=True), *optional]):
        for kind in _WRONG if full else [next(kinds)]:
            build = _with({name: _WRONG[kind]}, test_fields=name in optional, rejected=True)
            yield _case(f"type[{name} {kind}]", "NC102", build, rank=0 if index in {0, 3} else 1)


def _optional_cases() -> Iterator[Case]:
    optional, may_be_empty = _names(required=False), contract().rules["NC106"].fields
    yield _case("optional[all null]", "NC103", _with(dict.fromkeys(optional)))
    for name in optional:
        yield _case(f"optional[{name} null]", "NC103", _with({name: None}, test_fields=True))
    for names in combinations(optional, 2):  # each of them once with and once without both of the others
        yield _case(f"optional[only {', '.join(names)}]", "NC105", _with_some(names))
    yield _case("unknown field[note]", "NC104", _with({"note": "x"}))
    yield Case("unknown field[task_id and status]", "NC104", _response_fields, posts=1, independent=True)
    for name in may_be_empty:
        # An optional field may be left out, so that an empty one can mean that: it proves nothing about the required ones.
        also = EITHER if name in optional else ()
        yield _case(f"empty[{name}]", "NC106", _with({name: ""}, test_fields=name in optional), also=also)
    yield _case("empty[all of them]", "NC106", _with(dict.fromkeys(may_be_empty, ""), test_fields=True))


def _with_some(names: Collection[str]) -> Build:
    """Build a request with some of the test fields."""
    return lambda builder: builder.create(**{name: value for name, value in builder.test_fields().items() if name in names})


def _response_fields(session: CheckSession, case: Case) -> Script:
    """Send fields of the response in the request: a server that uses them lets clients overwrite fields of the server."""
    task_id = "00000000-0000-4000-8000-00000000cafe"
    fields = {"task_id": task_id, "status": "failed", "created_at": "2001-01-01T00:00:00+09:00"}
    exchange = yield create_request(session.builder.payload() | fields)
    session.evaluator.evaluate_create(case, exchange, CLIENT_ERROR)  # a server may reject these, and ignore other unknown fields
    if exchange.fields.get("task_id") == task_id:
        session.results.fail(case, "NC405", "task_id is what the client sent in an unknown field", exchange, "/task_id")


# -- the JSON itself --------------------------------------------------------------------------------------------------------------------


def _json_cases() -> Iterator[Case]:
    yield from _invalid_json_cases()
    yield from _unusual_json_cases()
    for where, rank in (("behind", 0), ("before", 1)):
        script = _duplicate_path(bad_last=where == "behind")
        yield Case(f"json[bad path {where} a good one]", "NC004", script, posts=1, rank=rank, advisory=True, independent=True)
    yield _case("json[escapes]", "NC001", _escaped, positive=True)
    yield _case("json[another order, white space]", "NC001", _reordered, positive=True)


def _text(change: Callable[[str], str]) -> Build:
    """Build a request whose JSON text is changed."""
    return lambda builder: create_request(change(json.dumps(builder.payload())).encode())


def _member(text: str) -> Build:
    """Build a request with another member in its JSON text."""
    return _text(lambda payload: f"{payload[:-1]}, {text}}}")


def _invalid_json_cases() -> Iterator[Case]:
    yield _case("json[nothing]", "NC001", lambda _: create_request(b""), rank=0)
    yield _case("json[cut off]", "NC001", _text(lambda text: text[: len(text) // 2]), rank=0)
    yield _lenient_case("json[line feed in a string]", "NC001", lambda text: text.replace("\\n", "\n").encode(), tail="\n")
    yield _lenient_case("json[UTF-16]", "NC002", lambda text: text.encode("utf-16"))
    yield _lenient_case("json[trailing comma]", "NC001", lambda text: (text[:-1] + ",}").encode(), rank=0)
    yield _lenient_case("json[two objects]", "NC001", lambda text: (text + text).encode())
    yield _case("json[a form]", "NC001", lambda b: create_request("&".join(f"{k}={v}" for k, v in b.payload().items()).encode()))
    yield _lenient_case("json[Latin-1]", "NC002", _latin_1, tail=" é", rank=0)
    yield _case("json[an array]", "NC100", lambda b: create_request([b.payload()]), rank=0)
    yield _case("json[a string]", "NC100", lambda b: create_request(json.dumps(b.payload())))
    yield _case("json[null]", "NC100", lambda _: create_request(b"null"), rank=0)


def _latin_1(text: str) -> bytes:
    """Return a JSON text with é in Latin-1; what else is not ASCII becomes an escape of JSON."""
    return json.dumps(json.loads(text)).encode().replace(rb"\u00e9", b"\xe9")


def _lenient_case(case_id: str, rule: str, encode: Callable[[str], bytes], *, tail: str = "", rank: int = 1) -> Case:
    """Return a case whose body is a complete payload that only lenient parsers read; the tail is that of the name.

    No page forbids a server to read it. But what is accepted must be what was meant: U+FFFD in place of a letter is damage.
    """

    def script(session: CheckSession, case: Case) -> Script:
        payload = session.builder.payload(name=session.builder.name(tail))
        exchange = yield create_request(encode(json.dumps(payload, ensure_ascii=False)))
        session.evaluator.evaluate_create(case, exchange)
        if not exchange.accepted:
            return
        for name, value in payload.items():
            field = "task_name" if name == "name" else name
            if field in exchange.fields and exchange.fields[field] != value:
                session.results.fail(case, "NC307", f"{field} differs from what was sent in a body of another form", exchange, f"/{field}")

    return Case(case_id, rule, script, posts=1, rank=rank, advisory=True, independent=True)


def _unusual_json_cases() -> Iterator[Case]:
    """Yield cases that parsers treat differently: the response is not compared with what was sent."""
    with_mark = lambda b: create_request(b"\xef\xbb\xbf" + json.dumps(b.payload()).encode())  # noqa: E731
    yield _case("json[byte order mark]", "NC003", with_mark, echo=False)
    yield _case("json[number beyond a double]", "NC005", _member('"x": 1e999, "y": NaN'), advisory=True, echo=False)
    yield _case(f"json[nested {DEEP:,} deep]", "NC006", _member('"x": ' + "[" * DEEP + "]" * DEEP), echo=False, rank=0)
    surrogate = _text(lambda text: text.replace('", "train_f', '\\ud83d", "train_f', 1))
    yield _case("json[lone surrogate]", "NC007", surrogate, echo=False, rank=0)


def _escaped(builder: RequestBuilder) -> RequestSpec:
    payload = builder.payload(name=builder.name(" 한글 " + EMOJI))
    return create_request(json.dumps(payload).replace('"name"', '"na\\u006de"').encode())


def _reordered(builder: RequestBuilder) -> RequestSpec:
    return create_request(json.dumps(dict(reversed(builder.payload().items())), indent=2).encode() + b"\r\n")


def _duplicate_path(*, bad_last: bool) -> Callable[[CheckSession, Case], Script]:
    """Send two values for one field. Which of them counts is open, but the one that is used must be the one that is validated."""

    def script(session: CheckSession, case: Case) -> Script:
        payload, bad = json.dumps(session.builder.payload()), "a~b"
        member = f'"train_file_path": "{bad}"'
        exchange = yield create_request((f"{payload[:-1]}, {member}}}" if bad_last else f"{{{member}, {payload[1:]}").encode())
        session.evaluator.evaluate_create(case, exchange, echo=False)
        if exchange.fields.get("train_file_path") == bad:
            session.results.fail(case, "NC004", "of two values, one was validated and the other was used", exchange, "/train_file_path")

    return script


# -- the content type -------------------------------------------------------------------------------------------------------------------


def _content_type_cases() -> Iterator[Case]:
    yield _content_type_case("none", None, CLIENT_ERROR)  # whether none counts as another is open as well
    yield _content_type_case("form, as curl sends", "application/x-www-form-urlencoded")
    yield _content_type_case("text", "text/plain", EITHER)  # a server may accept what the page's own example sends, and nothing else
    yield _content_type_case("with a charset", f"{json_media_type()}; charset=UTF-8", positive=True)


def _content_type_case(what: str, value: str | None, also: Collection[Answer] = (), *, positive: bool = False) -> Case:
    def script(session: CheckSession, case: Case) -> Script:
        exchange = yield replace(session.builder.create(), headers={"content-type": value})
        if exchange.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE and not positive:  # the rejection that HTTP provides, in any form
            if not also:
                session.evaluator.rule_out(case, "request-content-type", "any", exchange)
            session.results.passed(case)
            return
        created = session.evaluator.evaluate_create(case, exchange, also)
        if positive:
            session.results.positives[created] += 1

    return Case(f"content type[{what}]", "NC206", script, posts=1, positive=positive, independent=True)
