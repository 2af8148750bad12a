"""The strategies draw what they document: compared with the validator, with the witness written by hand, and with jsonschema.

The values of the pages are typed here by hand. Draws are the same in every run of the same code, with a margin: the worst of
sixteen seeds needed 371 of the 600 draws for the 185 characters, and the worst of eight 135 of the 250 samples for every option.
Draws that several tests look at are made once.
"""

import ast
import dataclasses
import importlib.metadata
import itertools
import json
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from random import Random

import jsonschema
import pytest
from hypothesis import Phase, find, given, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.observability import with_observability_callback

from nclue_contract.contract.model import contract
from nclue_contract.contract.openapi import document
from nclue_contract.contract.payloads import TaskRequest
from nclue_contract.contract.readings import Readings
from nclue_contract.service.lifecycle import ProgressMode
from nclue_contract.service.messages import Request
from nclue_contract.service.service import Service
from nclue_contract.service.store import ExternalData
from nclue_contract.strategies import (
    Expected,
    broken_task_requests,
    file_paths,
    lifecycles,
    responses,
    task_names,
    task_requests,
)
from nclue_contract.strategies import entry as hypothesis_entry
from nclue_contract.strategies.payloads import BucketShape
from nclue_contract.validation.validator import Validator
from tests.support.tools import ROOT, missing
from tests.support.witness import ALWAYS, OPTIONAL, OPTIONS, REQUIRED, findings

FIELDS = {*REQUIRED, *OPTIONAL}
MODULES = ["__init__", "payloads", "broken_payloads", "broken_requests", "service_responses", "entry"]
JSON_RULES = ["NC001", "NC002", "NC003", "NC004", "NC005", "NC006"]  # about the body as it goes over the wire
RULES = [
    *JSON_RULES,
    *("NC007", "NC008", "NC100", "NC101", "NC102", "NC103", "NC104", "NC105", "NC106"),
    *("NC110", "NC111", "NC120", "NC121", "NC130", "NC131"),
]
# Without a pin these give only a warning.
WARNINGS = {"NC103", "NC104", "NC105", "NC106", "NC121", "NC130", "NC131"}
# Letters, digits and seven others are what every generation of the page allows in a path.
SAFE_IN_PATHS = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!()-./_")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
ADDRESS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")
ZERO = "00000000-0000-0000-0000-000000000000"
PLAINEST = {"name": "0", "train_feature_id": ZERO, "train_bucket": "answers", "train_file_path": "0"}
PINS = [(reading, option) for reading, options in OPTIONS.items() for option in options]

each_option = pytest.mark.parametrize(("reading", "option"), PINS, ids=[f"{reading}={option}" for reading, option in PINS])
each_rule = pytest.mark.parametrize("rule", RULES)


def draws(strategy, count):
    """Return the first values that Hypothesis draws, the same in every run, with all health checks enabled."""
    found = []

    @settings(max_examples=count, phases=[Phase.generate], database=None, derandomize=True, deadline=None)
    @given(strategy)
    def collect(value):
        found.append(value)

    collect()
    return found


def samples(strategy, count):
    """Return values that are drawn independently of each other, the same in every run; three times as different as `draws`.

    From the eleventh value on, Hypothesis repeats parts of earlier values, so each run ends before.
    """
    found = []
    for number in range(count // 10):

        @seed(number)
        @settings(max_examples=10, phases=[Phase.generate], database=None, deadline=None)
        @given(strategy)
        def collect(value):
            found.append(value)

        collect()
    return found


# How many requests that break a rule the tests look at; 40 where no number stands here. Of NC120, 600 as a user would draw them.
COUNTS = {"NC111": 100, "NC001": 100, "NC002": 100, "NC004": 100, "NC005": 100}


@cache
def broken_by(rule):
    """Return the first requests that break this rule, which several tests use."""
    if rule == "NC120":
        return draws(broken_task_requests(rule), 600)
    return samples(broken_task_requests(rule), COUNTS.get(rule, 40))


def pins_of(options):
    return st.fixed_dictionaries({}, optional={reading: st.sampled_from(choices) for reading, choices in options.items()})


@cache
def parties(pins):
    """Return a lenient and a strict validator with these pins, and a schema validator with the schema generated for them."""
    chosen = dict(pins)
    schema = {"$ref": "#/components/schemas/TaskRequest", "components": document(Readings.of(chosen))["components"]}
    return Validator(chosen), Validator(chosen, strict=True), jsonschema.Draft202012Validator(schema)


@cache
def strategy_with(function, pins, **options):
    return function(readings=dict(pins), **options)


def key(pins):
    return tuple(sorted(pins.items()))


def utf16(text):
    return len(text.encode("utf-16-le")) // 2


def rows(found):
    return [(f.rule, str(f.severity), f.pointer, f.offset, f.reading) for f in found]


def witnessed(payload, pins):
    """Return the findings of the witness, and NC130 for a bucket name that looks like an IP address, which it does not implement."""
    found = findings(payload, pins)
    if isinstance(payload, dict):
        for field in ("test_bucket", "train_bucket"):
            if isinstance(payload.get(field), str) and ADDRESS.fullmatch(payload[field]):
                found.append(("NC130", "warning", f"/{field}", None, None))
    return found


def assert_accepted(payload, pins, *, strict):
    lenient, severe, schema = parties(key(pins))
    assert (severe if strict else lenient).validate_request(payload).errors == ()
    assert [one for one in witnessed(payload, pins) if strict or one[1] == "error"] == []
    assert schema.is_valid(payload)
    assert lenient.validate_request_json(json.dumps(payload)).errors == ()


# -- payloads that keep the contract ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strict", [False, True], ids=["lenient", "strict"])
@given(pins=pins_of(OPTIONS), data=st.data())
def test_validator_witness_and_schema_accept_every_payload_under_any_readings(strict, pins, data):
    """A draw has no error under its readings, and with strict no finding at all."""
    payload = data.draw(strategy_with(task_requests, key(pins), strict=strict))
    assert_accepted(payload, pins, strict=strict)


def paths_of(payload):
    return [payload[field] for field in ("train_file_path", "test_file_path") if payload.get(field) is not None]


def ids_of(payload):
    names = ("train_feature_id", "train_bucket", "test_feature_id", "test_bucket")
    return [payload[field] for field in names if payload.get(field) is not None]


def given_of(payload):
    return sum(payload.get(field) is not None for field in OPTIONAL)


def holds(text):
    return lambda payload: any(text in path for path in paths_of(payload))


def beyond(first):
    return lambda payload: any(ord(character) >= first for path in paths_of(payload) for character in path)


# What some payload under an option shows, and what none does.
TELLING = {
    "path-characters=page-2024": (holds(" "), holds("=")),
    "path-characters=page-2025": (holds("dt="), holds("&")),
    "path-characters=page-2026": (holds("dt="), holds(" ")),
    "path-high-codes=code-points": (holds("이탈"), holds("\xff")),
    "path-high-codes=utf8-bytes": (holds("\x7f"), beyond(128)),
    "path-del=allowed": (holds("\x7f"), holds("\x1f")),
    "path-del=forbidden": (beyond(256), holds("\x7f")),
    "path-empty=allowed": (lambda p: "" in paths_of(p), lambda p: p["name"] == ""),
    "path-empty=refused": (lambda p: 1 in map(len, paths_of(p)), lambda p: "" in paths_of(p)),
    "name-unit=code-points": (lambda p: utf16(p["name"]) > 100, lambda p: len(p["name"]) > 100),
    "name-unit=utf16": (lambda p: len(p["name"]) < 99 <= utf16(p["name"]), lambda p: utf16(p["name"]) > 100),
    "name-edge=100": (lambda p: len(p["name"]) == 100, lambda p: len(p["name"]) > 100),
    "name-edge=99": (lambda p: len(p["name"]) == 99, lambda p: len(p["name"]) > 99),
    "optional-null=accepted": (lambda p: None in p.values(), lambda p: None in [p[field] for field in REQUIRED]),
    "optional-null=refused": (lambda p: given_of(p) == 2, lambda p: any(p.get(field, "") is None for field in OPTIONAL)),
    "unknown-field=ignored": (lambda p: p.keys() - FIELDS, lambda p: set(REQUIRED) - p.keys()),
    "unknown-field=refused": (lambda p: p.keys() == FIELDS, lambda p: p.keys() - FIELDS),
    "test-triple=independent": (lambda p: given_of(p) == 1, lambda p: set(REQUIRED) - p.keys()),
    "test-triple=all-or-none": (lambda p: given_of(p) == 3, lambda p: given_of(p) in {1, 2}),
    "empty-id=allowed": (lambda p: "" in ids_of(p), lambda p: p["name"] == ""),
    "empty-id=refused": (lambda p: len(p["train_feature_id"]) == 1, lambda p: "" in ids_of(p)),
}


def test_every_option_has_something_telling():
    assert set(TELLING) == {f"{reading}={option}" for reading, option in PINS}


# Every option is pinned once, together with others that leave something telling to draw.
TOGETHER = (
    {reading: options[0] for reading, options in OPTIONS.items()},
    {"path-characters": "page-2025", "path-high-codes": "utf8-bytes", "path-empty": "refused", "name-unit": "utf16"}
    | {"optional-null": "refused", "unknown-field": "refused", "empty-id": "refused"},
    {"path-characters": "page-2026", "path-del": "forbidden", "name-edge": "99", "test-triple": "all-or-none"},
)


@cache
def drawn_with(reading, option):
    """Return pins with this option, and 250 payloads under them."""
    (pins,) = [pins for pins in TOGETHER if pins.get(reading) == option]
    return pins, _drawn_under(key(pins))


@cache
def _drawn_under(pins):
    return samples(task_requests(readings=dict(pins)), 250)


@each_option
def test_payloads_show_what_an_option_allows_and_never_what_it_rejects(reading, option):
    shown, never = TELLING[f"{reading}={option}"]
    _, drawn = drawn_with(reading, option)
    assert any(map(shown, drawn))
    assert not any(map(never, drawn))


@pytest.mark.parametrize("pins", TOGETHER)
def test_payloads_respect_the_options_that_are_pinned(pins):
    for payload in _drawn_under(key(pins))[:50]:
        assert_accepted(payload, pins, strict=False)
    for payload in samples(task_requests(strict=True, readings=pins), 50):
        assert_accepted(payload, pins, strict=True)


@cache
def strict_payloads():
    """Return 250 strict payloads under the default readings."""
    return samples(task_requests(strict=True), 250)


def test_strict_payloads_keep_every_rule_as_it_is_typed_here():
    for payload in strict_payloads():
        assert payload.keys() in (set(REQUIRED), FIELDS)
        assert all(isinstance(value, str) for value in payload.values())
        assert 1 <= utf16(payload["name"]) <= 99
        for part in ("train", "test") if len(payload) == 7 else ("train",):
            assert len(payload[f"{part}_feature_id"]) == 36
            assert BUCKET.fullmatch(payload[f"{part}_bucket"])
            assert not ADDRESS.fullmatch(payload[f"{part}_bucket"])
            assert payload[f"{part}_file_path"]
            assert set(payload[f"{part}_file_path"]) <= SAFE_IN_PATHS


def test_strict_payloads_may_use_what_a_pin_has_decided():
    drawn = samples(task_requests(strict=True, readings={"path-characters": "page-2025", "optional-null": "accepted"}), 100)
    assert any(map(holds("dt="), drawn))
    assert any(None in payload.values() for payload in drawn)


@pytest.mark.parametrize(
    ("pins", "strict", "measure", "edges", "never"),
    [
        ({}, False, len, {1, 2, 99, 100}, 101),
        ({}, True, utf16, {1, 2, 98, 99}, 100),
        ({"name-unit": "utf16"}, False, utf16, {1, 2, 99, 100}, 101),
        ({"name-unit": "utf16", "name-edge": "99"}, False, utf16, {1, 2, 98, 99}, 100),
        ({"name-unit": "code-points", "name-edge": "100"}, True, len, {1, 2, 99, 100}, 101),
    ],
    ids=["default readings", "strict", "utf16", "utf16 and 99", "strict with both pinned"],
)
def test_names_reach_both_edges_in_the_unit_of_the_readings(pins, strict, measure, edges, never):
    sizes = Counter(map(measure, samples(task_names(strict=strict, readings=pins), 150)))
    assert edges <= sizes.keys()
    assert 0 not in sizes
    assert max(sizes) < never


def test_names_of_the_edge_are_ascii_hangul_and_emoji():
    edge = [name for name in draws(task_names(), 400) if len(name) == 100]
    assert any(name.isascii() for name in edge)
    assert any("가" in name for name in edge)
    assert any(utf16(name) > 150 for name in edge)


def test_paths_look_realistic_and_also_unusual():
    drawn = draws(file_paths(), 600)
    assert sum("/" in path for path in drawn) > 90
    assert sum(path.endswith((".tsv", ".csv", ".gz")) for path in drawn) > 60
    for character in "!()-./09AZ_az \x7f\u0100":  # next to a forbidden one
        assert any(character in path for path in drawn), repr(character)
    for odd in ("/", "..", "a//b", "e\u0301", "\u0301"):
        assert odd in drawn
    assert any(len(path) > 1000 for path in drawn)
    assert any(ord(max(path, default="a")) > 0xFFFF for path in drawn)


def test_the_shape_of_a_bucket_is_read_from_the_pattern_of_the_rule():
    shape = BucketShape.of(contract().rules["NC130"].pattern)
    assert set(shape.ends) == set("abcdefghijklmnopqrstuvwxyz0123456789")
    assert set(shape.inside) == set(shape.ends) | {"-", "."}
    assert (shape.shortest, shape.longest, shape.dot) == (3, 63, ".")


def test_buckets_reach_both_edges_and_hold_dots_and_hyphens():
    drawn = [payload["train_bucket"] for payload in strict_payloads()]
    assert {3, 63} <= set(map(len, drawn))
    assert any("." in bucket for bucket in drawn)
    assert any("-" in bucket for bucket in drawn)
    assert any(bucket.isdigit() for bucket in drawn)


@pytest.mark.parametrize("function", [task_requests, task_names, file_paths, broken_task_requests, responses, lifecycles])
@pytest.mark.parametrize(
    ("pins", "message"),
    [({"path-dell": "allowed"}, "did you mean path-del?"), ({"path-del": "maybe"}, "it has: allowed, forbidden")],
    ids=["unknown reading", "unknown option"],
)
def test_an_invalid_pin_is_reported_at_once(function, pins, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        function(readings=pins)


# -- requests that break a rule ----------------------------------------------------------------------------------------------------------


def assert_found(broken, pins):
    """Assert that the findings equal those of the validator, and those of the witness where it implements the rule."""
    request, (validator, _, schema) = broken.request, parties(key(pins))
    in_bytes = isinstance(request, bytes)
    report = validator.validate_request_json(request) if in_bytes else validator.validate_request(request)
    assert [Expected.of(finding) for finding in report.findings] == list(broken.findings)
    assert broken.rule in {finding.rule for finding in broken.findings}
    assert in_bytes == (broken.rule in JSON_RULES)
    if not in_bytes and broken.rule != "NC008":
        assert Counter(rows(report.findings)) == Counter(witnessed(request, pins))
    if not in_bytes and broken.rule not in {"NC007", "NC008"} and not {"name-unit", "name-edge"} & {f.reading for f in broken.findings}:
        assert schema.is_valid(request) == report.ok


@each_rule
def test_a_broken_request_produces_exactly_the_findings_that_it_states(rule):
    drawn = broken_by(rule)
    for broken in drawn:
        assert broken.rule == rule
        assert_found(broken, {})
    assert {finding.severity for broken in drawn for finding in broken.findings if finding.rule == rule} == (
        {"warning"} if rule in WARNINGS else {"error", "warning"} if rule in {"NC111", "NC120"} else {"error"}
    )


def test_the_rules_here_are_all_of_the_contract_about_json_and_payloads():
    assert set(RULES) == {code for code in contract().rules if code.startswith(("NC0", "NC1"))}


def test_without_a_rule_all_of_them_are_drawn():
    assert {broken.rule for broken in samples(broken_task_requests(), 300)} == set(RULES)


@given(pins=pins_of(OPTIONS), rule=st.sampled_from(RULES), data=st.data())
def test_the_stated_findings_are_correct_under_any_readings(pins, rule, data):
    """A rule can be broken unless a pin allows what it forbids, and then exactly the stated findings come."""
    allowing = {
        "NC103": ("optional-null", "accepted"),
        "NC104": ("unknown-field", "ignored"),
        "NC105": ("test-triple", "independent"),
        "NC106": ("empty-id", "allowed"),
        "NC121": ("path-empty", "allowed"),
    }
    reading, option = allowing.get(rule, ("", ""))
    if reading and pins.get(reading) == option:
        message = f"no payload breaks {rule} ({contract().rules[rule].slug}) under the pin {reading}={option}; leave it out"
        with pytest.raises(ValueError, match=re.escape(message)):
            broken_task_requests(rule, readings=pins)
    else:
        assert_found(data.draw(strategy_with(broken_task_requests, key(pins), rule=rule)), pins)


def test_without_a_rule_those_that_a_pin_allows_are_left_out():
    pins = {"optional-null": "accepted", "unknown-field": "ignored", "test-triple": "independent", "empty-id": "allowed"}
    drawn = samples(broken_task_requests(readings=pins | {"path-empty": "allowed"}), 300)
    assert {broken.rule for broken in drawn} == set(RULES) - {"NC103", "NC104", "NC105", "NC106", "NC121"}


def test_a_rule_can_be_named_by_its_slug_in_any_case():
    assert draws(broken_task_requests("path-Character"), 20) == draws(broken_task_requests("nc120"), 20)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("path-charakter", "unknown rule 'path-charakter'; did you mean path-character?"),
        ("NC12O", "unknown rule 'NC12O'; did you mean NC1"),
        ("zzz", "unknown rule 'zzz'; `nclue-contract explain` lists them"),
        (120, "unknown rule 120; did you mean NC120?"),
        ("NC203", "NC203 (timestamp-skew) is not about the payload of createTask, so no payload can break it; NC0xx and NC1xx are"),
        ("response-echo", "NC307 (response-echo) is not about the payload"),
        ("NC500", "NC500 (page-echo) is not about the payload"),
    ],
)
def test_a_rule_that_cannot_be_broken_is_reported_at_once(rule, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        broken_task_requests(rule)


def test_each_of_the_185_forbidden_characters_is_in_a_path_within_600_draws():
    paths = [path for broken in broken_by("NC120") for path in paths_of(broken.request)]
    assert len(ALWAYS | {"="}) == 185
    assert (ALWAYS | {"="}) - set("".join(paths)) == set()


def test_at_least_a_quarter_of_the_forbidden_characters_are_alone_within_600_draws():
    alone = [broken for broken in broken_by("NC120") if len(broken.findings) == 1 and broken.findings[0].severity == "error"]
    assert len(alone) > 300
    field = {"/train_file_path": "train_file_path", "/test_file_path": "test_file_path"}
    characters = {b.request[field[b.findings[0].pointer]][b.findings[0].offset] for b in alone}
    assert len(characters & (ALWAYS | {"="})) > 185 / 4


def test_forbidden_characters_are_at_the_start_in_the_middle_at_the_end_and_at_high_offsets():
    places = Counter()
    for broken in broken_by("NC120"):
        first = broken.findings[0]
        size = len(broken.request[first.pointer[1:]])
        places.update(
            {"front": first.offset == 0, "alone": size == 1, "end": first.offset == size - 1 > 0, "far": first.offset > 999}
            | {"middle": 0 < first.offset < size - 1, "a folder before": "/" in broken.request[first.pointer[1:]][: first.offset]}
        )
    assert min(places.values()) > 0, places


@pytest.mark.parametrize(
    ("pins", "severities"),
    [
        ({}, {"=": "error", " ": "warning", "\x7f": "warning", "beyond": "warning"}),
        ({"path-characters": "page-2025"}, {"=": None, " ": None}),
        ({"path-characters": "page-2026", "path-del": "forbidden"}, {"=": None, " ": "error", "\x7f": "error"}),
        ({"path-high-codes": "utf8-bytes", "path-del": "allowed"}, {"beyond": "error", "\x7f": None}),
        ({"path-high-codes": "code-points"}, {"beyond": None}),
    ],
    ids=["default readings", "page 2025", "page 2026 and DEL forbidden", "bytes", "code points"],
)
def test_a_character_that_a_reading_decides_is_broken_as_it_is_read(pins, severities):
    seen = {}
    for broken in samples(broken_task_requests("path-character", readings=pins), 240):
        for finding in broken.findings:
            character = broken.request[finding.pointer[1:]][finding.offset]
            seen.setdefault("beyond" if character > "\xff" else character, set()).add(str(finding.severity))
    for character, severity in severities.items():
        assert seen.get(character, set()) == ({severity} if severity else set()), repr(character)


@pytest.mark.parametrize(
    ("rule", "pointer", "answers"),
    [
        ("NC120", "/train_file_path", {(422, "10104")}),
        ("NC120", "/test_file_path", {(422, "10105")}),
        ("NC111", "/name", {(422, "10101")}),
        ("NC101", "/train_bucket", {(400, None), (404, None), (409, None), (422, None)}),
        ("NC001", "", {(400, "100"), (400, None), (404, None), (409, None), (422, None)}),
        ("NC003", "", {(200, None), (400, "100"), (400, None), (404, None), (409, None), (422, None)}),
    ],
)
def test_the_allowed_responses_are_stated(rule, pointer, answers):
    expected = [f for broken in broken_by(rule) for f in broken.findings if f.pointer == pointer]
    assert expected
    assert all({(answer.status, answer.code) for answer in finding.expects} == answers for finding in expected)


def test_names_that_are_too_long_are_so_in_every_way_that_the_readings_allow():
    sizes = {(len(b.request["name"]), utf16(b.request["name"])) for b in broken_by("NC111")}
    assert (101, 101) in sizes  # under every reading
    assert (100, 100) in sizes  # where the limit itself is rejected
    assert any(points < 100 < units for points, units in sizes)  # in UTF-16 code units only
    assert any(units > points > 100 for points, units in sizes)
    assert max(points for points, _ in sizes) > 400


# -- bodies with invalid JSON -----------------------------------------------------------------------------------------------------------


def pairs_seen(body):
    """Every object of a body as pairs, as Python's own parser reads it."""
    seen = []
    json.loads(body, object_pairs_hook=lambda pairs: seen.append(pairs) or dict(pairs))
    return seen


def nesting(body):
    """How deep brackets go in a text whose strings hold none."""
    depth = deepest = 0
    for character in re.sub(r'"(?:[^"\\]|\\.)*"', "", body.decode()):
        depth += (character in "[{") - (character in "]}")
        deepest = max(deepest, depth)
    return deepest


def test_bodies_that_are_no_json_are_rejected_by_python_s_parser_as_well():
    for broken in broken_by("NC001"):
        with pytest.raises(ValueError):  # noqa: PT011  # whatever its words are
            json.loads(broken.request.decode())


def test_bodies_that_are_not_utf8_cannot_be_decoded_or_hold_nul_and_the_offset_is_where_python_stops():
    ways = Counter()
    for broken in broken_by("NC002"):
        text = broken.request.decode("utf-8", "surrogateescape")  # what cannot be decoded becomes U+DC80 to U+DCFF
        undecodable = re.search("[\udc80-\udcff]", text)
        assert undecodable or "\0" in text[:4]
        assert broken.findings[0].offset == (undecodable.start() if undecodable else 0)
        ways["undecodable" if undecodable else "wide"] += 1
    assert min(ways["wide"], ways["undecodable"]) > 10


def test_bodies_with_a_byte_order_mark_are_clean_without_it():
    for broken in broken_by("NC003"):
        assert broken.request.startswith(b"\xef\xbb\xbf")
        assert Validator().validate_request_json(broken.request[3:]).findings == ()


def test_bodies_with_a_repeated_name_are_valid_for_parsers_that_use_the_last_value():
    differing = 0
    for broken in broken_by("NC004"):
        pairs = pairs_seen(broken.request)[-1]
        assert len(pairs) - len(dict(pairs)) == len(broken.findings)
        assert Validator().validate_request(dict(pairs)).findings == ()
        differing += len({json.dumps(value) for name, value in pairs if name == broken.findings[0].pointer[1:]}) > 1
    assert differing > 15


def test_bodies_with_an_odd_number_hold_one_that_no_double_can_be():
    for broken in broken_by("NC005"):
        values = [value for _, value in pairs_seen(broken.request)[-1] if isinstance(value, int | float)]
        assert any(value != value or abs(value) > 1.79e308 for value in values)  # noqa: PLR0124  # NaN is not itself
        text, offset = broken.request.decode(), broken.findings[0].offset
        assert re.match(r"NaN|-?Infinity|-?1e999|9{400}", text[offset:])


def test_bodies_that_are_too_deep_are_deeper_than_64_and_the_offset_is_that_of_the_65th_bracket():
    for broken in broken_by("NC006"):
        assert nesting(broken.request) > 64
        offset = broken.findings[0].offset
        before = broken.request.decode()[:offset].encode()
        assert nesting(before) == 64
        assert broken.request.decode()[offset] in "[{"


# -- responses and lifecycles -------------------------------------------------------------------------------------------------------------

BOTH = {400, 401, 403, 404, 429, 500, 503, 504}
STATUSES = {
    "createTask": {200, 409, 413, 422} | BOTH,
    "listTasks": {200, 422} | BOTH,
    "getTask": {200, 409, 422} | BOTH,
    "deleteTask": {200, 409, 422} | BOTH,
}
SCHEMAS = {"createTask": "CreatedTask", "listTasks": "TaskList", "getTask": "Task", "deleteTask": "DeletedTask"}
OF_ANSWERS = {
    "error-shape": ("nested", "flat"),
    "error-code-type": ("string", "integer"),
    "status-word": ("completed", "complete"),
    "list-index": ("offset", "page"),
    "list-total": ("all", "page"),
    "auroc-type": ("string", "number"),
    "check-order": ("rules-first", "existence-first"),
    "auth-refusal": ("nclue", "gateway"),
}
ANSWER_PINS = {
    "none": {},
    "defaults": {reading: options[0] for reading, options in OF_ANSWERS.items()},
    "others": {reading: options[1] for reading, options in OF_ANSWERS.items()},
}


@cache
def engine_for(pins, name):
    api = document(Readings.of(dict(pins)))
    return jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": api["components"]})


@pytest.mark.parametrize("pins", ANSWER_PINS.values(), ids=ANSWER_PINS)
def test_validator_and_schema_find_nothing_in_a_response(pins):
    seen = Counter()
    for answer in draws(responses(readings=pins), 100):
        report = parties(key(pins))[0].validate_response(*vars_of(answer))
        assert report.findings == (), (answer, report)
        name = SCHEMAS[answer.operation_id] if answer.status == 200 else "Error"
        assert engine_for(key(pins), name).is_valid(json.loads(answer.body)), answer
        seen[answer.operation_id, answer.status == 200] += 1
    assert len(seen) >= 7, seen


def vars_of(answer):
    return [getattr(answer, field.name) for field in dataclasses.fields(answer)]


@pytest.mark.parametrize("operation", STATUSES)
def test_every_documented_status_can_be_drawn_and_no_other(operation):
    for status in STATUSES[operation]:
        drawn = draws(responses(operation, status=status), 5)
        assert {(answer.operation_id, answer.status) for answer in drawn} == {(operation, status)}
    for status in {201, 204, 302, 405, 413, 502} - STATUSES[operation]:
        with pytest.raises(ValueError, match=f"the documentation has no status {status} for {operation}; documented: 200, 400, 401"):
            responses(operation, status=status)


def test_a_status_that_no_operation_has_is_reported_at_once():
    with pytest.raises(ValueError, match="the documentation has no status 'ok' for any operation; documented: 200"):
        responses(status="ok")


@pytest.mark.parametrize(
    ("operation", "message"),
    [("createTasks", "unknown operation 'createTasks'; did you mean createTask?"), ("x", "unknown operation 'x'; known: ")],
)
def test_an_operation_that_does_not_exist_is_reported_at_once(operation, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        responses(operation)


def test_every_code_of_422_has_a_request_that_explains_it():
    codes = Counter()
    for answer in samples(responses("createTask", status=422), 100):
        code = json.loads(answer.body)["error"]["errorCode"]
        found = {(rule, pointer) for rule, _, pointer, _, _ in witnessed(answer.request, {})}
        codes[code] += 1
        assert (("NC111", "/name") in found) >= (code == "10101")
        assert (("NC120", "/train_file_path") in found) >= (code == "10104")
        assert (("NC120", "/test_file_path") in found) >= (code == "10105")
    assert codes.keys() == {"10101", "10103", "10104", "10105", "10109", None}


def test_a_created_task_echoes_what_was_sent():
    for answer in draws(responses("createTask", status=200), 100):
        body = json.loads(answer.body)
        assert len(body) == 11
        assert body["task_name"] == answer.request["name"]
        for field in FIELDS - {"name"}:
            assert body[field] == answer.request.get(field)
        assert (body["test_feature_name"] is None) == (answer.request.get("test_feature_id") is None)


@pytest.mark.parametrize("total", ["all", "page"])
@pytest.mark.parametrize("index", ["offset", "page"])
def test_the_numbers_of_a_list_are_those_of_a_service_with_so_many_tasks(index, total):
    sizes = Counter()
    for answer in draws(responses("listTasks", status=200, readings={"list-index": index, "list-total": total}), 60):
        body = json.loads(answer.body)
        shown, limit = len(body["tasks"]), int(answer.request.get("limit", 20))
        assert body["limit"] == limit
        assert body["index"] == int(answer.request.get("index", 0))
        start = body["index"] * (limit if index == "page" else 1)
        if total == "page":
            assert body["total"] == shown
        else:
            assert shown == max(0, min(limit, body["total"] - start))
        assert len({task["task_id"] for task in body["tasks"]}) == len({task["task_name"] for task in body["tasks"]}) == shown
        sizes["empty" if not shown else "full" if shown == limit else "some"] += 1
        sizes["long"] += shown >= 20
    assert min(sizes[size] for size in ("empty", "full", "some", "long")) > 0, sizes


def test_answers_differ_in_what_the_contract_leaves_open():
    drawn = samples(responses("getTask", status=200), 100)
    bodies = [json.loads(answer.body) for answer in drawn]
    assert {body["status"] for body in bodies} == {"registered", "pending", "in_progress", "completed", "failed"}
    assert {"0", "1"} & {body["AUROC"] for body in bodies}
    assert {body["created_at"][-6:] for body in bodies} >= {"+09:00", "-05:30", "+14:00"}
    assert any(body["created_at"].endswith("Z") for body in bodies)
    assert any("." in body["created_at"] for body in bodies)
    assert len({answer.headers for answer in drawn}) == 4
    assert any(b"\n" in answer.body for answer in drawn)
    assert any(b'":"' in answer.body for answer in drawn)
    assert any(not answer.body.isascii() for answer in drawn)


def test_a_response_cannot_be_changed():
    answer = draws(responses(), 1)[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        answer.status = 500


ORDER = ["registered", "pending", "in_progress", "completed"]


def test_lives_go_forward_from_registered_to_an_end_and_their_fields_fit():
    seen = Counter()
    for life in draws(lifecycles(), 150):
        states = [shown["status"] for shown in life]
        steps = [ORDER.index(state) if state in ORDER else 3 for state in states]
        assert states[0] == "registered"
        assert states[-1] in {"completed", "failed"}
        assert steps == sorted(steps)
        assert not {"completed", "failed"} <= set(states)
        for shown in life:
            status = shown["status"]
            assert (shown["completed_at"] is None) == (status in {"registered", "pending", "in_progress"})
            assert (shown["AUROC"] is None) == (shown["line_count"] is None) == (shown["disk_usage"] is None) == (status != "completed")
            assert (shown["fail_message"] is None) == (status != "failed")
            assert shown["completed_at"] is None or len(shown["completed_at"]) == len(shown["created_at"])
        changing = {"status", "completed_at", "AUROC", "line_count", "disk_usage", "fail_message"}
        assert len({json.dumps({k: v for k, v in shown.items() if k not in changing}) for shown in life}) == 1
        assert all(after == before for before, after in itertools.pairwise(life) if before["status"] == after["status"])
        seen.update({"failed": states[-1] == "failed", "missed": len(set(steps)) < 4, "again": len(states) > len(set(states))})
    assert min(seen.values()) > 10, seen


@pytest.mark.parametrize("pins", [{}, {"status-word": "complete", "auroc-type": "number"}], ids=["default", "other words"])
def test_lives_are_what_the_service_shows_of_such_a_task(pins):
    for life in draws(lifecycles(readings=pins), 40):
        first, last = life[0], life[-1]
        payload = {"name": first["task_name"]} | {field: first[field] for field in FIELDS - {"name"} if first[field] is not None}
        failing = {payload["name"]: last["fail_message"]} if last["fail_message"] else {}
        service = Service(readings=pins, progress=ProgressMode("manual"), fixture_data=ExternalData(failing_names=failing))
        created = service.handle(Request("POST", "/api/v1/tasks", (), json.dumps(payload).encode()), 0)
        task_id = json.loads(created.body)["task_id"]
        by_status = {}
        for now_ms in range(4):
            shown = json.loads(service.handle(Request("GET", f"/api/v1/tasks/{task_id}", ()), now_ms).body)
            by_status[shown["status"]] = shown
            service.advance(now_ms=now_ms)
        assert [status for status in by_status if status in {shown["status"] for shown in life}] == list(
            dict.fromkeys(shown["status"] for shown in life)
        )
        for shown in life:
            theirs = by_status[shown["status"]]
            assert shown.keys() == theirs.keys()
            assert {name: type(value) for name, value in shown.items() if name != "AUROC"} == {
                name: type(value) for name, value in theirs.items() if name != "AUROC"
            }
            report = parties(key(pins))[0].validate_response(
                "getTask", 200, {"content-type": "application/json"}, json.dumps(shown).encode()
            )
            assert report.findings == ()


# -- use with Hypothesis -----------------------------------------------------------------------------------------------------------------


MINIMAL = {
    "a payload": (task_requests(strict=True), lambda _: True, PLAINEST),
    "a payload with a test path": (
        task_requests(strict=True),
        lambda p: len(p.get("test_file_path", "")) > 2,
        PLAINEST | {"test_feature_id": ZERO, "test_bucket": "answers", "test_file_path": "000"},
    ),
    "a payload with another name": (task_requests(), lambda p: p.keys() - FIELDS, PLAINEST | {"train_file_path": "", "x": None}),
    "a long name": (task_names(), lambda name: len(name) > 5, "000000"),
    "a path with a folder": (file_paths(strict=True), lambda path: path.startswith("/"), "/"),
}
MINIMAL_BROKEN = {
    "no name": ("required", lambda _: True, {name: value for name, value in PLAINEST.items() if name != "name"}),
    "no bucket": ("required", lambda b: "train_bucket" not in b.request, {n: v for n, v in PLAINEST.items() if n != "train_bucket"}),
    "null for a name": ("type", lambda _: True, PLAINEST | {"name": None}),
    "the first character": ("path-character", lambda _: True, PLAINEST | {"train_file_path": "&"}),
    "a tilde": ("path-character", lambda b: "~" in b.request["train_file_path"], PLAINEST | {"train_file_path": "~"}),
    "a character behind another": ("path-character", lambda b: b.findings[0].offset, PLAINEST | {"train_file_path": "0&"}),
    "an accent in the test path": (
        "path-character",
        lambda b: "\u00e9" in (b.request.get("test_file_path") or ""),
        PLAINEST | {"test_feature_id": ZERO, "test_bucket": "answers", "test_file_path": "\u00e9"},
    ),
    "a long name": ("name-length", lambda _: True, PLAINEST | {"name": "0" * 101}),
    "an empty name": ("name-empty", lambda _: True, PLAINEST | {"name": ""}),
    "an odd bucket": ("bucket-name", lambda b: len(b.request["train_bucket"]) > 63, PLAINEST | {"train_bucket": "0" * 64}),
    "an odd ID": ("id-length", lambda _: True, PLAINEST | {"train_feature_id": "0"}),
    "one null": ("optional-null", lambda _: True, PLAINEST | {"test_feature_id": None}),
    "one unknown name": ("unknown-field", lambda _: True, PLAINEST | {"x": None}),
    "a lone surrogate": ("lone-surrogate", lambda _: True, PLAINEST | {"name": "\ud800"}),
    "no object": ("body-object", lambda _: True, None),
    "a repeated name": ("json-duplicate-key", lambda _: True, (json.dumps(PLAINEST)[:-1] + ', "name": "0"}').encode()),
    "nothing": ("json-syntax", lambda _: True, b""),
    "a byte that is not UTF-8": ("json-encoding", lambda _: True, b"\xff" + json.dumps(PLAINEST).encode()),
}


# Without the phase that explains a failure, which takes longer than the shrinking.
SHRINKING = settings(database=None, max_examples=3000, phases=[Phase.generate, Phase.shrink])


@pytest.mark.parametrize(("strategy", "telling", "plainest"), MINIMAL.values(), ids=MINIMAL)
def test_what_is_drawn_shrinks_to_the_plainest(strategy, telling, plainest):
    assert find(strategy, telling, settings=SHRINKING, random=Random(0)) == plainest


@pytest.mark.parametrize(("rule", "telling", "plainest"), MINIMAL_BROKEN.values(), ids=MINIMAL_BROKEN)
def test_a_broken_request_shrinks_to_the_required_fields_and_the_slip(rule, telling, plainest):
    broken = find(broken_task_requests(rule), telling, settings=SHRINKING, random=Random(0))
    assert broken.request == plainest


def rejected(strategy):
    """How often Hypothesis discarded what a filter or an assumption rejected."""
    reasons = Counter()

    def note(observation):
        if observation.type == "test_case" and observation.status == "gave_up":
            reasons["size" if "maximum test case size" in observation.status_reason else "filter"] += 1

    with with_observability_callback(note):
        draws(strategy, 20)
    return reasons["filter"]


@pytest.mark.parametrize(
    "strategy",
    [task_requests(), task_requests(strict=True), broken_task_requests(), responses(), lifecycles()],
    ids=["payloads", "strict payloads", "broken requests", "answers", "lives"],
)
def test_nothing_is_drawn_and_thrown_away(strategy):
    assert rejected(strategy) == 0


def test_a_strategy_with_a_filter_would_be_noticed():
    assert rejected(task_requests().filter(lambda payload: len(payload) == 4)) > 0


@pytest.mark.parametrize("name", MODULES)
def test_no_module_filters_assumes_or_switches_a_health_check_off(name):
    tree = ast.parse((ROOT / "nclue_contract" / "strategies" / f"{name}.py").read_text(encoding="utf-8"))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | {
        node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)
    }
    assert not used & {"filter", "assume", "reject", "suppress_health_check", "HealthCheck", "from_regex", "unique", "unique_by"}


@pytest.mark.parametrize("function", [task_requests, task_names, file_paths, broken_task_requests, responses, lifecycles])
def test_a_strategy_is_not_too_long_to_be_printed(function):
    # Hypothesis prints strategies in its reports, and warns of long ones, which is an error where warnings are errors.
    assert len(repr(function())) < 25_000


# -- from_type ----------------------------------------------------------------------------------------------------------------------------


def run(script, *flags):
    done = subprocess.run([sys.executable, "-I", *flags, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_entry_point_loads_the_type_and_nothing_else_until_a_payload_is_drawn():
    lines = run(
        f"""
import os, sys, warnings
os.environ["HYPOTHESIS_NO_PLUGINS"] = "1"
sys.path.insert(0, {str(ROOT)!r})
import hypothesis.strategies as st
st.register_type_strategy(type("Other", (), {{}}), st.none())  # what Hypothesis loads for the first type is not ours
before = set(sys.modules)
from nclue_contract.strategies.entry import register
register()
print(*sorted(set(sys.modules) - before))
from nclue_contract.contract.payloads import TaskRequest
st.from_type(TaskRequest).validate()
print("nclue_contract.strategies.payloads" in sys.modules)
"""
    )
    loaded = set(lines[0].split())
    ours = ("", ".contract", ".contract.extras", ".contract.payloads", ".strategies", ".strategies.entry")
    assert loaded == {f"nclue_contract{name}" for name in ours}
    assert lines[1] == "True"


@pytest.fixture
def registered():
    hypothesis_entry.register()


@pytest.mark.usefixtures("registered")
def test_from_type_draws_payloads_of_the_type():
    drawn = draws(st.from_type(TaskRequest), 100)
    for payload in drawn:
        assert set(REQUIRED) <= payload.keys() <= FIELDS
        assert all(type(value) is str for value in payload.values())
        assert_accepted(payload, {}, strict=False)
    assert any(payload.keys() == FIELDS for payload in drawn)


@pytest.mark.usefixtures("registered")
def test_from_type_is_used_for_annotations_of_given():
    def send(payload: TaskRequest) -> int:
        assert_accepted(payload, {}, strict=False)
        return len(payload)

    assert {4, 7} <= set(draws(st.builds(send), 50))


def test_the_entry_point_is_installed():
    entries = [entry for entry in importlib.metadata.entry_points(group="hypothesis") if entry.value.startswith("nclue_contract.")]
    if not entries:
        missing("the entry point of Hypothesis is not installed; run: make test")
    assert [entry.load() for entry in entries] == [hypothesis_entry.register]


def test_without_hypothesis_the_error_is_the_line_that_installs_it():
    lines = run(
        f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
try:
    import nclue_contract.strategies
except ModuleNotFoundError as error:
    print(error.name)
    print(error)
""",
        "-S",
    )
    assert lines == ["hypothesis", "the strategies need Hypothesis; run: pip install 'nclue-contract[strategies]'"]
