"""Which answers the contract allows to a request, under given readings, and what is wrong with an answer.

The expectation is computed from the bytes that were really sent, never from what somebody meant to send.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from nclue_contract.check.requests import value_of
from nclue_contract.contract import test_data
from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Policy, Readings
from nclue_contract.contract.rules import Answer
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.response import SUCCESS
from nclue_contract.validation.validator import Validator, default_validator

TAKEN = Answer(SUCCESS, None)
"""The answer to a request that is carried out."""

CLIENT_ERROR = frozenset(Answer(answer.status, None) for answer in contract().rules["NC101"].expects)
"""The refusals for which the pages name no code."""


MISSING = tuple(Answer(answer.status, answer.code) for answer in contract().rules["NC120"].expects if answer.when)
"""The answers about files that do not exist; the rule for paths lists them, for the reading in which they come first."""


EITHER = frozenset({TAKEN, *CLIENT_ERROR})
"""The answers to what no page decides, where another answer to something similar tells nothing."""


MALFORMED = tuple(Answer(answer.status, answer.code) for answer in contract().rules["NC002"].expects)
"""The refusals of a request that a gateway cannot read."""


GATEWAY = frozenset(answer.status for answer in contract().rules["NC208"].expects)
"""The status of refusals that may come from the gateway before the service, as those for a wrong signature."""


OWN = "nclue-check/"
"""The folder of the paths that checks make up; nobody has files in it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a server under test knows: a feature, a bucket, a file in it, and perhaps a file that lets a task fail."""

    feature_id: str = test_data.FEATURE_ID
    bucket: str = test_data.BUCKET
    file: str = test_data.FILE
    failing_file: str | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """The answers that are right, as a function of the readings, and the readings that change them.

    `reasons` gives the findings about the request under readings: they say why it is refused.
    """

    answers: Callable[[Readings], frozenset[Answer]]
    readings: tuple[str, ...] = ()
    reasons: Callable[[Readings], tuple[Finding, ...]] = lambda _: ()


def taken(*also: Answer) -> Expectation:
    """The request is carried out, or gets one of the answers named besides."""
    answers = frozenset({TAKEN, *also})
    return Expectation(lambda _: answers)


def refused(rule: str, *also: Answer) -> Expectation:
    """The request is refused as the rule says, or gets one of the answers named besides."""
    expects = contract().rules[rule].expects
    readings = tuple(dict.fromkeys(name for answer in expects for name in answer.when))

    def answers(chosen: Readings) -> frozenset[Answer]:
        return frozenset(Answer(a.status, a.code) for a in expects if all(chosen[n] == o for n, o in a.when.items())) | {*also}

    return Expectation(answers, readings)


def refused_under(rule: str, reading: str, option: str) -> Expectation:
    """The request is refused as the rule says under one option of a reading, and carried out under the others."""
    refusal = refused(rule)
    return Expectation(
        lambda chosen: refusal.answers(chosen) if chosen[reading] == option else frozenset({TAKEN}), (reading, *refusal.readings)
    )


def creation(
    body: bytes, content_types: Iterable[str], known: Known, also: Iterable[Answer] = (), *, searches: bool = False
) -> Expectation:
    """What createTask answers to a body: success if it keeps every rule, else what the rules say that it breaks.

    A file that the server is not known to have may be missing: then 404 is as right as success. A server that `searches` has said so of a
    file before; one that looks for files first says it of a path with a forbidden character as well, since nobody has such a file.
    """
    types = [("content-type", value) for value in content_types]
    missing = _missing(body, known)
    own = _missing(body, known, surely=True) if searches else frozenset()
    named = {finding.reading for finding in default_validator().validate_request_json(body).findings}
    named |= {finding.reading for finding in default_validator().validate_headers(types).findings if finding.pointer == "/content-type"}
    readings = [name for name in contract().readings if name in named]
    if {"name-unit", "name-edge"} & set(readings):
        readings += ["name-unit", "name-edge"]
    if missing:
        readings.append("check-order")

    def reasons(chosen: Readings) -> tuple[Finding, ...]:
        validator = validator_of(chosen)
        headers = [f for f in validator.validate_headers(types).errors if f.pointer == "/content-type"]
        return (*headers, *validator.validate_request_json(body).errors)

    def answers(chosen: Readings) -> frozenset[Answer]:
        found = reasons(chosen)
        if searches and missing and chosen["check-order"] == "existence-first" and {f.rule for f in found} == {"NC120"}:
            return missing | frozenset(also)
        if own and not found:
            return own | frozenset(also)
        # Missing files are looked for before the rules only under one option; NC120 lists that among its answers by itself.
        unless = missing if not found else frozenset()
        allowed = {answer for finding in found for answer in finding.expects} or {TAKEN}
        return frozenset(allowed) | unless | frozenset(also)

    return Expectation(answers, tuple(dict.fromkeys(readings)), reasons)


def _missing(body: bytes, known: Known, *, surely: bool = False) -> frozenset[Answer]:
    """The answers of a server that does not have the files of a payload; `surely`: only for files that nobody has."""
    payload = value_of(body)
    if not isinstance(payload, dict):
        return frozenset()
    existing = {known.file, known.failing_file, None}
    fields = contract().rules["NC120"].fields
    strange = {
        name for name in fields if isinstance(path := payload.get(name), str) and path not in existing and (OWN in path or not surely)
    }
    late = (answer for answer in contract().rules["NC120"].expects if answer.when)
    return frozenset(Answer(a.status, a.code) for a in late if strange and (a.field is None or a.field in strange))


def fits(answer: Answer, allowed: frozenset[Answer]) -> bool:
    """Whether an answer is among those that are right. A code is not judged where the pages name none."""
    return answer in allowed or (answer.status >= 400 and Answer(answer.status, None) in allowed)


def response_readings(operation: str, status: int) -> tuple[str, ...]:
    """The readings that an answer shows by its shape and its words, whatever was asked."""
    if status != SUCCESS:
        return ("error-shape", "error-code-type") if status >= 400 else ()
    return {"getTask": ("status-word", "auroc-type"), "listTasks": ("status-word", "list-total")}.get(operation, ())


def response_problems(
    operation: str, answer: tuple[int, object, bytes], request: object, readings: Readings, *, strict: bool = False
) -> tuple[Finding, ...]:
    """What is wrong with an answer by itself and against what was sent: status code, headers and body.

    Whether it fits the request is told by `Expectation`, which is stricter than NC313 because it knows what else is wrong with the request.
    """
    status, headers, body = answer
    report = validator_of(readings).validate_response(operation, status, headers, body, request)
    # NC313 is told by the expectation. Half a character is what a case has sent, and comes back as it is.
    findings = (finding for finding in report.findings if finding.rule not in {"NC007", "NC313"})
    # Fields that contradict the status are only a warning to a client. A server contradicts itself, and that no reading allows.
    return tuple(f for f in findings if strict or f.severity == "error" or f.rule == "NC314")


def said(rule: str, problem: str, pointer: str = "") -> Finding:
    """A finding of a rule in words of its own, for what no payload or answer shows by itself."""
    applied = Policy(Readings.of(None)).documented(rule)
    return Finding(replace(applied, rule=replace(applied.rule, message="{problem}")), pointer, detail={"problem": problem})


def validator_of(readings: Readings) -> Validator:
    """The validator of readings; made once."""
    return _validator(tuple(readings.options.items()), tuple(readings.sources.items()))


@lru_cache(maxsize=512)
def _validator(options: tuple[tuple[str, str], ...], sources: tuple[tuple[str, str], ...]) -> Validator:
    return Validator(Readings(dict(options), dict(sources)))
