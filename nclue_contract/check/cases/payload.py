"""Cases about the rest of a payload: the name, required fields and types, optional fields, and the JSON itself.

The page is "Create task", Request body. What no page decides is asked all the same: it must not make the server fail.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from http import HTTPStatus
from itertools import combinations, cycle
from typing import Any

from nclue_contract.check.expectations import CLIENT_ERROR, EITHER, OWN_FOLDER
from nclue_contract.check.requests import RequestSpec, create_request, json_media_type
from nclue_contract.check.results import Case, Script
from nclue_contract.check.session import CheckSession
from nclue_contract.contract.model import contract
from nclue_contract.contract.rules import Answer

Build = Callable[[CheckSession], RequestSpec]

HANGUL, EMOJI, ACCENTED = "가", "\U0001f600", "a\u0301"
"""One character in every unit but bytes; one code point of two UTF-16 units; two code points that look like one."""

DEEP = 3000
"""Levels of arrays in a body; no more, or a gateway refuses it for its length."""


def payload_cases(*, full: bool = False) -> Iterator[Case]:
    """The cases; with `full`, every wrong type in every field and every combination of missing fields."""
    yield from _names()
    yield from _required(full=full)
    yield from _optional()
    yield from _json()
    yield from _content_types()


def _case(
    case_id: str, rule: str, build: Build, *, rank: int = 1, positive: bool = False, also: Collection[Answer] = (), echo: bool = True
) -> Case:
    def script(bench: CheckSession, case: Case) -> Script:
        exchange = yield build(bench)
        made = bench.judge_creation(case, exchange, also, echo=echo)
        if positive:
            bench.positives[made] += 1

    return Case(case_id, rule, script, posts=1, rank=rank, positive=positive)


# -- the name -----------------------------------------------------------------------------------------------------------------------


def _limit() -> int:
    return contract().field("name").max_length


def _filled(bench: CheckSession, length: int, tail: str = "") -> str:
    """A name of so many code points in all, the tail at its end."""
    start = bench.name(" ")
    return start + "x" * (length - len(start) - len(tail)) + tail


def _named(tail: str) -> Callable[[CheckSession], str]:
    return lambda bench: bench.name(tail)


def _formed(form: str) -> Callable[[CheckSession], str]:
    return lambda bench: form.format(bench.name())


def _made(make: Callable[[CheckSession], Mapping[str, str]]) -> Build:
    return lambda bench: bench.create(**make(bench))


def _some(names: Iterable[str]) -> Callable[[CheckSession], Mapping[str, str]]:
    """Some of the test fields."""
    return lambda bench: {name: bench.test_fields()[name] for name in names}


def _changed(changes: Mapping[str, str]) -> Build:
    return lambda bench: bench.create(**changes)


def _name(what: str, make: Callable[[CheckSession], str], **options: Any) -> Case:  # noqa: ANN401  # those of _case
    return _case(f"name[{what}]", options.pop("rule", "NC111"), lambda bench: bench.create(name=make(bench)), **options)


def _names() -> Iterator[Case]:
    most = _limit()
    yield _name(f"{most - 1} in Hangul", lambda b: _filled(b, most - 1, HANGUL * 70), rank=0, positive=True)
    yield _name(f"{most} characters", lambda b: _filled(b, most))
    yield _name(f"{most} in Hangul", lambda b: _filled(b, most, HANGUL * 70))
    yield _name(f"{most + 1} characters", lambda b: _filled(b, most + 1), rank=0)
    yield _name(f"{most + 20} with combining marks", lambda b: _filled(b, most + 20, ACCENTED * 40), rank=0)
    yield _name(f"{most + 1} with spaces at the end", lambda b: _filled(b, most + 1, "   "), rank=0)
    yield _name("emoji within the limit in code points", lambda b: _filled(b, most - 5, EMOJI * 60))
    yield _name("emoji just within the limit in code points", lambda b: _filled(b, most - 2, EMOJI * 4))
    yield Case("name[1 character]", "NC110", _one_character, posts=3, positive=True)
    yield _case("name[empty]", "NC110", lambda b: create_request(b.payload() | {"name": ""}), rank=0)
    yield from _echoes()


def _one_character(bench: CheckSession, case: Case) -> Script:
    """A name of one character cannot be made unique, so a name that is taken is tried again with another."""
    made = False
    for attempt in range(3):
        character = chr(0x4E00 + (sum(map(ord, bench.run)) * 7919 + attempt * 6007) % 20000)
        exchange = yield bench.create(name=character)
        if exchange.status != 409:
            made = bench.judge_creation(case, exchange)
            break
        bench.undecided(case, "the names of one character that were tried are taken")
    bench.positives[made] += 1


def _echoes() -> Iterator[Case]:
    printable = "".join(map(chr, range(33, 127)))
    for number, part in enumerate((printable[:47], printable[47:]), 1):
        yield _name(f"printable ASCII, part {number}", _named(" " + part), rule="NC307", rank=0, positive=True)
    scripts = " ABC éß İı Ω я 한글 漢字 かな " + EMOJI + "\U0001f1f0\U0001f1f7 " + ACCENTED + " e\u0301"
    yield _name("letters of many scripts", _named(scripts), rule="NC307", rank=0, positive=True)
    odd = {"white space around": "  {}  ", "invisible characters": "{}\t\n\u200b\u202e \ufb01\u2126\0x"}
    for what, form in odd.items():  # no page speaks of them: refused is right as well, but what is taken comes back
        yield _name(what, _formed(form), rule="NC307", also=CLIENT_ERROR, rank=0 if what[0] == "w" else 1)
    whole: dict[str, Callable[[CheckSession], Mapping[str, str]]] = {
        "without test data": lambda _: {},
        "other test path": lambda b: (
            b.test_fields() | {"test_file_path": f"{OWN_FOLDER}test.tsv", "train_file_path": f"{OWN_FOLDER}Train File.tsv"}
        ),
    }
    for what, make in whole.items():
        rule = "NC306" if what.startswith("without") else "NC307"
        also = CLIENT_ERROR if "other" in what else ()  # the space is a reading
        yield _case(f"echo[{what}]", rule, _made(make), rank=0, positive=not also, also=also)
    for field, value in {"train_bucket": " Answers ", "train_feature_id": "ABCDEF59-0000-4000-8000-7837AE76D046"}.items():
        yield _case(f"echo[{field} as it is]", "NC307", _changed({field: value}), rank=0, also=CLIENT_ERROR)


# -- required fields, types, optional fields ------------------------------------------------------------------------------------------

_WRONG: dict[str, object] = {"a number": 7, "true": True, "an array": ["x"], "an object": {"x": "y"}, "false": False, "zero": 0}


def _required(*, full: bool) -> Iterator[Case]:
    required = [field.name for field in contract().request if field.required]
    optional = [field.name for field in contract().request if not field.required]
    for rank, name in enumerate(required):
        yield _case(f"required[{name} missing]", "NC101", _without(name), rank=min(rank, 1))
        yield _case(f"required[{name} null]", "NC102", _with({name: None}, refused=True), rank=min(rank, 1))
    yield _case(f"required[{required[2].title()} instead of {required[2]}]", "NC101", _respelled(required[2]))
    if full:
        for size in (2, 3):
            for names in combinations(required, size):
                yield _case(f"required[{', '.join(names)} missing]", "NC101", _without(*names))
    kinds = cycle(_WRONG)
    for index, name in enumerate([*required, *optional]):
        for kind in _WRONG if full else [next(kinds)]:
            yield _case(
                f"type[{name} {kind}]",
                "NC102",
                _with({name: _WRONG[kind]}, test=name in optional, refused=True),
                rank=0 if index in {0, 3} else 1,
            )


def _without(*names: str) -> Build:
    def build(bench: CheckSession) -> RequestSpec:
        payload = bench.payload(name=bench.refused_name())
        return create_request({name: value for name, value in payload.items() if name not in names})

    return build


def _respelled(respelled: str) -> Build:
    """A required field in another spelling, which is no field of the page: whoever takes it takes two fields for one."""

    def build(bench: CheckSession) -> RequestSpec:
        payload = bench.payload(name=bench.refused_name())
        return create_request({name.title() if name == respelled else name: value for name, value in payload.items()})

    return build


def _with(changes: Mapping[str, object], *, test: bool = False, refused: bool = False) -> Build:
    def build(bench: CheckSession) -> RequestSpec:
        payload = bench.payload(name=bench.refused_name() if refused else None)
        return create_request({**payload, **(bench.test_fields() if test else {}), **changes})

    return build


def _optional() -> Iterator[Case]:
    optional = [field.name for field in contract().request if not field.required]
    yield _case("optional[all null]", "NC103", _with(dict.fromkeys(optional)))
    for name in optional:
        yield _case(f"optional[{name} null]", "NC103", _with({name: None}, test=True))
    for names in combinations(optional, 2):  # each of them once there and once not, beside both of the others
        yield _case(f"optional[only {', '.join(names)}]", "NC105", _made(_some(names)))
    yield _case("unknown field[note]", "NC104", _with({"note": "x"}))
    yield Case("unknown field[task_id and status]", "NC104", _planted_fields, posts=1)
    for name in contract().rules["NC106"].fields:
        # An optional field may be left out, so that an empty one can mean that: it tells nothing about the required ones.
        also = EITHER if name in optional else ()
        yield _case(f"empty[{name}]", "NC106", _with({name: ""}, test=name in optional), also=also)
    yield _case("empty[all of them]", "NC106", _with(dict.fromkeys(contract().rules["NC106"].fields, ""), test=True))


def _planted_fields(bench: CheckSession, case: Case) -> Script:
    """Fields of the answer in the request: who takes them lets clients write what is not theirs."""
    planted = "00000000-0000-4000-8000-00000000cafe"
    exchange = yield create_request(bench.payload() | {"task_id": planted, "status": "failed", "created_at": "2001-01-01T00:00:00+09:00"})
    bench.judge_creation(case, exchange, CLIENT_ERROR)  # what is refused here may be passed over elsewhere
    if exchange.fields.get("task_id") == planted:
        bench.fail(case, bench.finding("NC405", "task_id is what the client sent in an unknown field", "/task_id"), exchange)


# -- the JSON itself --------------------------------------------------------------------------------------------------------------------


def _json() -> Iterator[Case]:
    def text(change: Callable[[str], str]) -> Build:
        return lambda bench: create_request(change(json.dumps(bench.payload())).encode())

    def tail(more: str) -> Build:
        return text(lambda t: f"{t[:-1]}, {more}}}")

    refused: dict[str, tuple[str, Build, int]] = {
        "nothing": ("NC001", lambda _: create_request(b""), 0),
        "cut off": ("NC001", text(lambda t: t[: len(t) // 2]), 0),
        "line feed in a string": (
            "NC001",
            lambda b: create_request(json.dumps(b.payload(name=b.name("\n"))).replace("\\n", "\n").encode()),
            1,
        ),
        "UTF-16": ("NC002", lambda b: create_request(json.dumps(b.payload()).encode("utf-16")), 1),
        "trailing comma": ("NC001", text(lambda t: t[:-1] + ",}"), 0),
        "two objects": ("NC001", text(lambda t: t + t), 1),
        "a form": ("NC001", lambda b: create_request("&".join(f"{k}={v}" for k, v in b.payload().items()).encode()), 1),
        "Latin-1": ("NC002", lambda b: create_request(json.dumps(b.payload(name=b.name(" é"))).encode().replace(rb"\u00e9", b"\xe9")), 0),
        "an array": ("NC100", lambda b: create_request([b.payload()]), 0),
        "a string": ("NC100", lambda b: create_request(json.dumps(b.payload())), 1),
        "null": ("NC100", lambda _: create_request(b"null"), 0),
    }
    for what, (rule, build, rank) in refused.items():
        yield _case(f"json[{what}]", rule, build, rank=rank)
    lenient: dict[str, tuple[str, Build]] = {
        "byte order mark": ("NC003", lambda b: create_request(b"\xef\xbb\xbf" + json.dumps(b.payload()).encode())),
        "number beyond a double": ("NC005", tail('"x": 1e999, "y": NaN')),
        f"nested {DEEP:,} deep": ("NC006", tail('"x": ' + "[" * DEEP + "]" * DEEP)),
        "lone surrogate": ("NC007", text(lambda t: t.replace('", "train_f', '\\ud83d", "train_f', 1))),
    }
    for what, (rule, build) in lenient.items():
        yield _case(f"json[{what}]", rule, build, echo=False, rank=0 if what.startswith(("nested", "lone")) else 1)
    yield Case("json[bad path behind a good one]", "NC004", _smuggled(last=True), posts=1, rank=0)
    yield Case("json[bad path before a good one]", "NC004", _smuggled(last=False), posts=1)
    plain: dict[str, Build] = {
        "escapes": lambda b: create_request(
            json.dumps(b.payload(name=b.name(" 한글 " + EMOJI))).replace('"name"', '"na\\u006de"').encode()
        ),
        "another order, white space": lambda b: create_request(
            json.dumps(dict(reversed(b.payload().items())), indent=2).encode() + b"\r\n"
        ),
    }
    for what, build in plain.items():
        yield _case(f"json[{what}]", "NC001", build, positive=True)


def _smuggled(*, last: bool) -> Callable[[CheckSession, Case], Script]:
    """Which of two values counts is open; but the one that is used must be the one that was judged."""

    def script(bench: CheckSession, case: Case) -> Script:
        good, bad = json.dumps(bench.payload()), "a~b"
        more = f'"train_file_path": "{bad}"'
        exchange = yield create_request((f"{good[:-1]}, {more}}}" if last else f"{{{more}, {good[1:]}").encode())
        bench.judge_creation(case, exchange, echo=False)
        if exchange.fields.get("train_file_path") == bad:
            bench.fail(case, bench.finding("NC004", "of two values one was judged, and the other was used", "/train_file_path"), exchange)

    return script


def _content_types() -> Iterator[Case]:
    yield _typed("none", None, CLIENT_ERROR)  # whether none counts as another is open as well
    yield _typed("form, as curl sends", "application/x-www-form-urlencoded")
    yield _typed("text", "text/plain", EITHER)  # a server may take what the page's own example sends, and nothing else
    yield _typed("with a charset", f"{json_media_type()}; charset=UTF-8", positive=True)


def _typed(what: str, value: str | None, also: Collection[Answer] = (), *, positive: bool = False) -> Case:
    def script(bench: CheckSession, case: Case) -> Script:
        ask = bench.create()
        exchange = yield RequestSpec(ask.method, ask.path, ask.body, {"content-type": value})
        if exchange.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE and not positive:  # HTTP's own refusal, in whatever shape
            if not also:
                bench.refute(case, "request-content-type", "any", exchange)
            bench.passed(case)
            return
        made = bench.judge_creation(case, exchange, also)
        if positive:
            bench.positives[made] += 1

    return Case(f"content type[{what}]", "NC206", script, posts=1, positive=positive)
