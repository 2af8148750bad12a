"""Ways to plant faults, and witnesses that several of them share; the catalogues are made of these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nclue_contract.contract.model import contract
from nclue_contract.service.faults.catalogue import PAYLOAD, TEST, Step, Witness, post, wrap
from nclue_contract.service.messages import Refusal, Request
from nclue_contract.service.service import Service
from nclue_contract.validation.findings import Finding

Findings = Callable[[Request], list[Finding]]


Plant = Callable[[Service, str], None]


def only(keep: Callable[[Finding], bool]) -> Plant:
    """Plant: of the findings only some are kept."""
    return lambda service, _: wrap(service, "findings", lambda original, request: [f for f in original(request) if keep(f)])


def refuse(rule: str, field: str, wrong: Callable[[Any], bool]) -> Plant:
    """Plant: a field that keeps the rules is answered like one that breaks the rule."""
    answer = contract().rules[rule].expected_for(field)

    def plant(service: Service, _: str) -> None:
        def fields(original: Callable[[Mapping[str, Any]], Any], payload: Mapping[str, Any]) -> Any:  # noqa: ANN401  # the fields
            if wrong(payload.get(field)):
                raise Refusal(answer.status, answer.code, "REFUSED_BY_MISTAKE")
            return original(payload)

        wrap(service, "fields", fields)

    return plant


def changed_payload(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Plant:
    """Plant: the payload is changed before anything is judged."""

    def plant(service: Service, _: str) -> None:
        def payload(original: Callable[[Request], dict[str, Any] | None], request: Request) -> dict[str, Any] | None:
            value = original(request)
            return value if value is None else change(value)

        wrap(service, "payload", payload)
        wrap(service, "findings", lambda _, request: _judged(service, request))

    return plant


def _judged(service: Service, request: Request) -> list[Finding]:
    value = service.payload(request)
    if value is None:
        return list(service.validator.validate_request_json(request.body).errors)
    return list(service.validator.validate_request(value).errors)


def crash(rule: str) -> Plant:
    """Plant: a broken rule is not refused, but crashes the server."""

    def findings(original: Findings, request: Request) -> list[Finding]:
        found = original(request)
        if any(f.rule == rule for f in found):
            raise RuntimeError
        return found

    return lambda service, _: wrap(service, "findings", findings)


def crash_when(odd: Callable[[Request], bool]) -> Plant:
    """Plant: some requests crash the server."""

    def findings(original: Findings, request: Request) -> list[Finding]:
        if odd(request):
            raise RuntimeError
        return original(request)

    return lambda service, _: wrap(service, "findings", findings)


def answer(rule: str, change: Callable[[Refusal], None]) -> Plant:
    """Plant: a broken rule is answered with something else."""

    def refusal(original: Callable[[list[Finding]], Refusal], findings: list[Finding]) -> Refusal:
        answer = original(findings)
        if findings[0].rule == rule:
            change(answer)
        return answer

    return lambda service, _: wrap(service, "refusal", refusal)


def set_to(**values: Any) -> Callable[[Refusal], None]:  # noqa: ANN401  # attributes of Refusal
    """A change of a refusal, for `answer`."""

    def change(refusal: Refusal) -> None:
        for name, value in values.items():
            setattr(refusal, name, value)

    return change


def status(*steps: Any, clean: int, faulty: int) -> Callable[[str], Witness]:  # noqa: ANN401  # steps
    """A witness that looks at the status code."""
    return lambda _: Witness(steps, "status", clean, faulty)


def lenient(rule: str, change: Callable[[Any], Any]) -> Plant:
    """Plant: a field named by the argument that breaks the rule is repaired instead of refused."""

    def plant(service: Service, field: str) -> None:
        only(lambda f: f.rule != rule or f.pointer != f"/{field}")(service, "")
        wrap(service, "fields", lambda original, payload: original(payload | {field: change(payload.get(field))}))

    return plant


def witness(look: str, clean: object, faulty: object, *steps: Step) -> Callable[[str], Witness]:
    """The same witness whatever the argument is."""
    return lambda _: Witness(steps, look, clean, faulty)


def created(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Plant:
    """Plant: the eleven fields are changed before they are shown."""
    return lambda service, _: wrap(service.views, "created", lambda original, task: change(original(task)))


def look(look: str, clean: object, faulty: object, *steps: Step) -> Callable[[str], Witness]:
    """A witness of what the usual creation with test data gives, or other steps."""
    return lambda _: Witness(steps or (post(**TEST),), look, clean, faulty)


def shown_value(name: str) -> Any:  # noqa: ANN401  # any JSON value
    """What the usual payload with test data gives for a field of the answer."""
    feature = {"train_feature_name": "feature-0ccc59f9", "task_id": "00000000-0000-4000-8000-000000000001"}
    made = feature | {"created_at": "2025-11-25T01:00:00+09:00"}
    return made.get(name) or (PAYLOAD | TEST)["name" if name == "task_name" else name]
