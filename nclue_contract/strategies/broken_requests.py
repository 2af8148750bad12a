"""Strategies for requests that break a rule of the contract: bodies with invalid JSON, or payloads from `broken_payloads`.

Users import these from `nclue_contract.strategies`.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.contract.wording import nearest, pointer_to
from nclue_contract.strategies.broken_payloads import BREAKERS, BY_READING, Breaker, BreakingContext, Drawn, Expected, PayloadDict
from nclue_contract.strategies.payloads import JSON_VALUES, unknown_names, weighted

# Common mistakes in JSON: a piece of text, and the offset in it at which a parser must report an error.
_BEFORE = [("'", 0), ("// churn\n", 0), ("/* */", 0), ("<", 0), ("\ufffd", 0), ("payload = ", 0), (",", 0)]
_INSIDE = [
    (",", 1),
    (' "x": 1', 1),
    (', "x" 1', 6),
    (", x: 1", 2),
    (", 'x': 1", 2),
    *((f', "x": {word}', 7) for word in ("None", "True", "undefined", "'a'", "+1", "01", ".5", "1.", "0x1F", "1_000", "")),
    (', "x": "a\nb"', 9),
    (', "x": "\0"', 8),
    (', "x": "\\x41"', 8),
    (', "x": "a', 7),
]
_BEHIND = [("}", 0), (",", 0), (";", 0), ("{}", 0), ("\n{}", 1), ("\0", 0), ("\u00a0", 0), (" // churn", 1)]
_INVALID_UTF8 = [b"\xff", b"\x80", b"\xc0\x80", b"\xe9", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xcc\xc5\xbb"]
_WIDE = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
_INVALID_NUMBERS = ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 400]
_INVALID_KEYS = [1, None, True, 1.5, (), b"name"]
_NOT_JSON = [float("nan"), float("inf"), float("-inf"), b"", frozenset(), 1j, (float("nan"),), (b"",)]
_NESTED: list[tuple[str, str, str, str | int]] = [("[", "", "]", 0), ('{"a":', "1", "}", "a")]
_LEVELS = (0, 0, 1, 2000)


def _json_text(draw: DrawFn, payload: PayloadDict) -> str:
    return json.dumps(payload, ensure_ascii=draw(st.booleans()))


def _break_syntax(draw: DrawFn, context: BreakingContext) -> Drawn:
    text = _json_text(draw, draw(context.valid))
    # Pieces inserted, or the end cut off: all of it, all but the first brace, the last one, or also the quotation mark before it.
    at, (piece, offset), rest = draw(
        st.one_of(
            st.sampled_from([(0, ("", 0), ""), (1, ("", 0), ""), (len(text) - 1, ("", 0), "")]),
            st.sampled_from(_INSIDE).map(lambda slip: (len(text) - 1, slip, text[-1])),
            st.sampled_from(_BEFORE).map(lambda slip: (0, slip, text)),
            st.sampled_from(_BEHIND).map(lambda slip: (len(text), slip, "")),
        )
    )
    return (text[:at] + piece + rest).encode(), context.expected("NC001", "", at + offset)


def _break_encoding(draw: DrawFn, context: BreakingContext) -> Drawn:
    payload = draw(context.valid)
    text, invalid = json.dumps(payload, ensure_ascii=False), st.sampled_from(_INVALID_UTF8)
    way = st.one_of(st.tuples(st.just(0), invalid), st.sampled_from(_WIDE), st.tuples(st.integers(0, len(text)), invalid))
    chosen = draw(way)
    if isinstance(chosen, str):
        return json.dumps(payload).encode(chosen), context.expected("NC002", "", 0)
    at, invalid_bytes = chosen
    return text[:at].encode() + invalid_bytes + text[at:].encode(), context.expected("NC002", "", at)


def _add_byte_order_mark(draw: DrawFn, context: BreakingContext) -> Drawn:
    return _json_text(draw, draw(context.valid)).encode("utf-8-sig"), context.expected("NC003", "", 0)


def _duplicate_name(draw: DrawFn, context: BreakingContext) -> Drawn:
    payload = draw(context.valid)
    name = draw(st.sampled_from(list(payload)))
    text = _json_text(draw, payload | {name: draw(weighted((1, st.just(payload[name])), (1, JSON_VALUES)))})
    findings: list[Expected] = []
    for _ in range(draw(st.integers(1, 2))):
        quoted = draw(st.sampled_from([json.dumps(name), f'"\\u{ord(name[0]):04x}{name[1:]}"']))
        findings += context.expected("NC004", pointer_to(name), len(text) + 1)
        text = f"{text[:-1]}, {quoted}: {json.dumps(payload[name])}}}"  # parsers that use the last value see a valid payload
    return text.encode(), findings


def _break_number(draw: DrawFn, context: BreakingContext) -> Drawn:
    text, pointer, at, findings = _raw_value(draw, context, draw(st.sampled_from(_INVALID_NUMBERS)))
    return text.encode(), context.expected("NC005", pointer, at) + findings


def _break_depth(draw: DrawFn, context: BreakingContext) -> Drawn:
    limit = contract().rules["NC006"].limit
    levels = limit + draw(st.sampled_from(_LEVELS))  # beside the one of the payload itself
    opening, middle, closing, key = draw(st.sampled_from(_NESTED))
    text, pointer, at, findings = _raw_value(draw, context, opening * levels + middle + closing * levels)
    keys = [key] * (limit - 1)
    return text.encode(), context.expected("NC006", pointer + pointer_to(*keys), at + len(opening) * len(keys)) + findings


def _raw_value(draw: DrawFn, context: BreakingContext, raw: str) -> tuple[str, str, int, list[Expected]]:
    """Draw a payload with a value that json.dumps cannot write: text, pointer and offset, and the findings about its type or name."""
    known = [field.name for field in contract().request if field.required]
    name = draw(weighted((3, st.sampled_from(known)), (1, unknown_names())))
    payload = {key: value for key, value in draw(context.valid).items() if key != name}
    head = f"{_json_text(draw, payload)[:-1]}, {json.dumps(name)}: "
    pointer = pointer_to(name)
    return f"{head}{raw}}}", pointer, len(head), context.expected("NC102" if name in known else "NC104", pointer)


def _add_surrogate(draw: DrawFn, context: BreakingContext) -> Drawn:
    name = draw(st.sampled_from([field.name for field in contract().request]))
    payload, pointer = draw(context.payload_with(name)), pointer_to(name)
    lone = draw(st.characters(categories=["Cs"])) * draw(st.integers(1, 2))
    before, behind = (draw(context.path_parts if name in contract().rules["NC120"].fields else st.text(max_size=5)) for _ in range(2))
    text = before + lone + behind
    bucket_findings = context.expected("NC130", pointer) if name in contract().rules["NC130"].fields else []
    if name in contract().rules["NC131"].fields:
        text += payload[name][len(text) :]  # keeps the length valid
    return payload | {name: text}, bucket_findings + context.expected("NC007", pointer, len(before))


def _break_json_type(draw: DrawFn, context: BreakingContext) -> Drawn:
    payload = draw(context.valid)
    if draw(st.booleans()):
        name, value = draw(unknown_names()), draw(st.sampled_from(_NOT_JSON))
        return payload | {name: value}, context.expected("NC104", pointer_to(name)) + context.expected("NC008", pointer_to(name))
    return payload | {draw(st.sampled_from(_INVALID_KEYS)): draw(JSON_VALUES)}, context.expected("NC008")


# -- all of them ------------------------------------------------------------------------------------------------------------------------

_ALL_BREAKERS: dict[str, Breaker] = {
    **BREAKERS,
    "NC001": _break_syntax,
    "NC002": _break_encoding,
    "NC003": _add_byte_order_mark,
    "NC004": _duplicate_name,
    "NC005": _break_number,
    "NC006": _break_depth,
    "NC007": _add_surrogate,
    "NC008": _break_json_type,
}


class BrokenRequest(NamedTuple):
    """A request, the code of the rule that it breaks, and all findings that it must produce, in the order of a report.

    `request` is the body as bytes where the rule is about the JSON itself, and otherwise the payload as a Python value. Where all findings
    are warnings, a server may accept the request.
    """

    rule: str
    request: Any
    findings: tuple[Expected, ...]


def broken(readings: Readings, rule: str | None = None) -> SearchStrategy[BrokenRequest]:
    """Return requests that break a rule (code or slug), or any. Raises `ValueError` for a rule that requests cannot break."""
    context = BreakingContext(readings)
    if rule is None:
        return st.one_of(*(_broken(context, code) for code in _ALL_BREAKERS if context.applied(code)))
    code = _code_of(rule)
    if context.applied(code) is None:
        reading, _ = BY_READING[code]
        raise ValueError(
            f"no payload breaks {_name_of(code)} under the pin {reading}={readings[reading]}; leave it out, or pin the other option"
        )
    return _broken(context, code)


@st.composite
def _broken(draw: DrawFn, context: BreakingContext, code: str) -> BrokenRequest:
    request, findings = _ALL_BREAKERS[code](draw, context)
    return BrokenRequest(code, request, tuple(findings))


def _code_of(name: str) -> str:
    rule = contract().rule(str(name))
    if rule is None:
        known = [name for code in _ALL_BREAKERS for name in (code, contract().rules[code].slug)]
        near = nearest(str(name), known)
        hint = f"did you mean {near}?" if near else "`nclue-contract explain` lists them"
        raise ValueError(f"unknown rule {name!r:.80}; {hint}")
    if rule.code not in _ALL_BREAKERS:
        raise ValueError(f"{_name_of(rule.code)} is not about the payload of createTask, so no payload can break it; NC0xx and NC1xx are")
    return rule.code


def _name_of(code: str) -> str:
    return f"{code} ({contract().rules[code].slug})"
