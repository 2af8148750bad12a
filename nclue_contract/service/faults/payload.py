"""Faults in judging the rest of a payload: the name, required fields, types, the JSON itself."""

from __future__ import annotations

import dataclasses
import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from nclue_contract.contract.model import contract
from nclue_contract.service.faults.catalogue import PAYLOAD, TEST, Fault, Witness, post, post_bytes, wrap
from nclue_contract.service.faults.injection import Plant, answer, crash, crash_when, lenient, only, refuse, set_to, status
from nclue_contract.service.messages import Request
from nclue_contract.service.service import Service
from nclue_contract.validation.json_reader import read


def _limit(service: Service, argument: str) -> None:
    longest = int(argument)
    only(lambda f: f.rule != "NC111")(service, "")
    refuse("NC111", "name", lambda value: isinstance(value, str) and len(value) > longest)(service, "")


def _no_longer(measure: Callable[[str], int]) -> Plant:
    def plant(service: Service, _: str) -> None:
        longest = contract().field("name").max_length
        only(lambda f: f.rule != "NC111")(service, "")
        refuse("NC111", "name", lambda value: isinstance(value, str) and measure(value) > longest)(service, "")

    return plant


def _first_element(service: Service, _: str) -> None:
    def unwrapped(original: Callable[[Request], Any], request: Request) -> Any:  # noqa: ANN401  # findings or payload
        value = read(request.body).value
        if isinstance(value, list) and value:
            request = dataclasses.replace(request, body=json.dumps(value[0]).encode())
        return original(request)

    wrap(service, "findings", unwrapped)
    wrap(service, "payload", unwrapped)


def _forgiven(service: Service, _: str) -> None:
    def mended(original: Callable[[Request], Any], request: Request) -> Any:  # noqa: ANN401  # findings or payload
        return original(dataclasses.replace(request, body=re.sub(rb",\s*}", b"}", request.body)))

    wrap(service, "findings", mended)
    wrap(service, "payload", mended)


_TRAILING_COMMA = json.dumps(PAYLOAD).encode()[:-1] + b",}"


_TWICE = json.dumps(PAYLOAD).encode()[:-1] + b', "train_file_path": "a~b"}'


FAULTS: tuple[Fault, ...] = (
    Fault(
        "name-limit",
        "Names may have another length than the page says.",
        "NC111",
        _limit,
        lambda argument: Witness(
            (post(name="x" * (101 if int(argument) > 100 else int(argument) + 1)),),
            "status",
            *((422, 200) if int(argument) > 100 else (200, 422)),
        ),
        ("40", "64", "101", "128", "255"),
    ),
    Fault(
        "name-unlimited",
        "Names may have any length.",
        "NC111",
        only(lambda f: f.rule != "NC111"),
        status(post(name="x" * 101), clean=422, faulty=200),
    ),
    Fault(
        "name-bytes",
        "The length of a name is counted in bytes of its UTF-8 form.",
        "NC111",
        _no_longer(lambda name: len(name.encode("utf-8", "surrogatepass"))),
        status(post(name="가" * 40), clean=200, faulty=422),
    ),
    Fault(
        "name-graphemes",
        "Combining marks do not count for the length of a name.",
        "NC111",
        _no_longer(lambda name: sum(not unicodedata.combining(c) for c in name)),
        status(post(name="a\u0301" * 60), clean=422, faulty=200),
    ),
    Fault(
        "name-trimmed-length",
        "White space around a name does not count.",
        "NC111",
        _no_longer(lambda name: len(name.strip())),
        status(post(name=" " + "x" * 100), clean=422, faulty=200),
    ),
    Fault(
        "name-cut",
        "A name that is too long is cut instead of refused.",
        "NC111",
        lambda service, _: lenient("NC111", lambda name: str(name)[:100])(service, "name"),
        status(post(name="x" * 101), clean=422, faulty=200),
    ),
    Fault(
        "name-code",
        "A name that is too long is refused without its code.",
        "NC111",
        answer("NC111", set_to(code=None)),
        lambda _: Witness((post(name="x" * 101),), "code", "10101", None),
    ),
    Fault(
        "name-status-400",
        "A name that is too long is answered with 400.",
        "NC111",
        answer("NC111", set_to(status=400)),
        status(post(name="x" * 101), clean=422, faulty=400),
    ),
    Fault(
        "name-empty-allowed",
        "An empty name is taken.",
        "NC110",
        only(lambda f: f.rule != "NC110"),
        status(post(name=""), clean=400, faulty=200),
    ),
    Fault(
        "name-letters-only",
        "Names with other characters than letters, digits, space, hyphen and underscore are refused; no page says so.",
        "NC111",
        refuse("NC110", "name", lambda v: isinstance(v, str) and not all(c.isalnum() or c in " -_" for c in v)),
        status(post(name="task #1"), clean=200, faulty=400),
    ),
    Fault(
        "name-ascii-only",
        "Names beyond ASCII are refused; no page says so.",
        "NC111",
        refuse("NC110", "name", lambda value: isinstance(value, str) and not value.isascii()),
        status(post(name="이탈"), clean=200, faulty=400),
    ),
    Fault(
        "required-defaulted",
        "A missing required field is taken as a default.",
        "NC101",
        lenient("NC101", lambda value: "default" if value is None else value),
        lambda argument: Witness((post(**{argument: None}),), "status", 400, 200),
        tuple(PAYLOAD),
    ),
    Fault(
        "null-taken",
        "Null is taken for a required field.",
        "NC102",
        lenient("NC102", lambda value: "null" if value is None else value),
        lambda argument: Witness((post_bytes(json.dumps(PAYLOAD | {argument: None}).encode()),), "status", 400, 200),
        tuple(PAYLOAD),
    ),
    Fault(
        "type-coerced",
        "A value of another type is turned into a string.",
        "NC102",
        lenient("NC102", lambda value: value if isinstance(value, str | None) else str(value)),
        lambda argument: Witness((post(**(TEST if argument.startswith("test") else {}) | {argument: 7}),), "status", 400, 200),
        (*PAYLOAD, *TEST),
    ),
    Fault(
        "optional-demanded",
        "A request without test data is refused.",
        "NC101",
        refuse("NC101", "test_bucket", lambda value: value is None),
        status(post(), clean=200, faulty=400),
    ),
    Fault(
        "array-unwrapped",
        "An array is taken for its first element.",
        "NC100",
        _first_element,
        status(post_bytes(json.dumps([PAYLOAD]).encode()), clean=400, faulty=200),
    ),
    Fault(
        "syntax-forgiven",
        "A comma after the last field is forgiven.",
        "NC001",
        _forgiven,
        status(post_bytes(_TRAILING_COMMA), clean=400, faulty=200),
    ),
    Fault(
        "crash-on-syntax",
        "A body that is not JSON crashes the server.",
        "NC001",
        crash("NC001"),
        status(post_bytes(b"{"), clean=400, faulty=500),
    ),
    Fault(
        "crash-on-empty",
        "An empty body crashes the server.",
        "NC001",
        crash_when(lambda r: not r.body),
        status(post_bytes(b""), clean=400, faulty=500),
    ),
    Fault(
        "crash-on-bytes",
        "A body that is not UTF-8 crashes the server.",
        "NC002",
        crash("NC002"),
        status(post_bytes(b"\xff"), clean=400, faulty=500),
    ),
    Fault(
        "crash-on-type",
        "A value of another type crashes the server.",
        "NC102",
        crash("NC102"),
        status(post(name=7), clean=400, faulty=500),
    ),
    Fault(
        "crash-on-array",
        "A body that is no object crashes the server.",
        "NC100",
        crash("NC100"),
        status(post_bytes(b"[]"), clean=400, faulty=500),
    ),
    Fault(
        "crash-on-missing", "A missing field crashes the server.", "NC101", crash("NC101"), status(post(name=None), clean=400, faulty=500)
    ),
    Fault(
        "crash-on-depth",
        "Deep nesting crashes the server.",
        "NC006",
        crash("NC006"),
        status(post_bytes(b'{"x": ' + b"[" * 100 + b"]" * 100 + b"}"), clean=400, faulty=500),
    ),
    Fault(
        "crash-on-surrogate",
        "A lone surrogate crashes the server.",
        "NC007",
        crash("NC007"),
        status(post(name="\ud83d"), clean=400, faulty=500),
    ),
    Fault(
        "crash-on-astral",
        "A character beyond the basic plane in a name crashes the server, as with a three-byte column.",
        "NC111",
        crash_when(lambda r: b"\xf0" in r.body or b"\\ud83" in r.body),
        status(post(name="\U0001f600"), clean=200, faulty=500),
    ),
    Fault(
        "duplicate-key-first-checked",
        "Of a name that occurs twice the first value is checked and the last one used.",
        "NC004",
        only(lambda f: f.rule not in {"NC004", "NC120"}),
        status(post_bytes(_TWICE), clean=400, faulty=200),
    ),
)
