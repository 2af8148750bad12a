"""The record `Fault`, and the injections that several modules of faults use.

An injection wraps methods of one service. What a fault remembers between requests is kept in `Service.fault_state`, so that no service
affects another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any

from nclue_contract.contract.model import contract
from nclue_contract.service.messages import Rejection, Request
from nclue_contract.service.service import Service
from nclue_contract.validation.findings import Finding

Value = dict[str, Any]
"""A JSON object: a payload, or the body of a response."""

Injection = Callable[[Service, str], None]
"""Injects a fault into a service; the second parameter is the argument of the fault, empty for faults without one."""

REQUIRED = tuple(field.name for field in contract().request if field.required)
OPTIONAL = tuple(field.name for field in contract().request if not field.required)


@dataclass(frozen=True, slots=True)
class Fault:
    """A bug that real servers have: its ID, one sentence about it, the code of the rule it breaks, and how it is injected.

    `arguments` are the arguments that the measurement of the check uses, the default first; `("",)` for a fault without an argument.
    """

    id: str
    sentence: str
    rule: str
    inject: Injection
    arguments: tuple[str, ...] = ("",)

    def instances(self) -> tuple[str, ...]:
        """Return `ID`, or `ID:ARGUMENT` for each of the arguments."""
        return tuple(f"{self.id}:{argument}" if argument else self.id for argument in self.arguments)


def wrap_method(owner: object, name: str, wrapper: Callable[..., Any]) -> None:
    """Replace a method of one object: calls with `(…)` become `wrapper(original, …)`."""
    setattr(owner, name, partial(wrapper, getattr(owner, name)))


def wrapping(method: str, wrapper: Callable[..., Any]) -> Injection:
    """Return an injection that wraps a method of the service, or of one of its parts (`serializer.created`)."""
    part, _, name = method.rpartition(".")

    def inject(service: Service, _: str) -> None:
        wrap_method(attrgetter(part)(service) if part else service, name, wrapper)

    return inject


def changing(method: str, change: Callable[[Any], Any]) -> Injection:
    """Return an injection that changes what a method returns."""
    return wrapping(method, lambda original, *arguments: change(original(*arguments)))


# -- findings and payloads -----------------------------------------------------------------------------------------------------------


def findings_only(keep: Callable[[Finding], bool]) -> Injection:
    """Return an injection that keeps only some of the findings about a create request."""
    return changing("findings", lambda findings: [finding for finding in findings if keep(finding)])


def reject_field(rule: str, field: str, condition: Callable[[Any], bool]) -> Injection:
    """Return an injection that rejects a valid value of a field as if it broke the rule."""
    expected = next(error for error in contract().rules[rule].expects if error.field in {None, field})

    def fields(original: Callable[[Value], Value], payload: Value) -> Value:
        if condition(payload.get(field)):
            raise Rejection(expected.status, expected.code, "REJECTED_BY_MISTAKE")
        return original(payload)

    return wrapping("fields", fields)


def change_payload(change: Callable[[Value], Value]) -> Injection:
    """Return an injection that changes the payload before it is validated."""

    def inject(service: Service, _: str) -> None:
        def findings(_: object, request: Request) -> list[Finding]:
            value = service.payload(request)
            if value is None:
                return list(service.validator.validate_request_json(request.body).errors)
            return list(service.validator.validate_request(value).errors)

        wrap_method(service, "payload", lambda original, request: None if (value := original(request)) is None else change(value))
        wrap_method(service, "findings", findings)

    return inject


def repair_field(rule: str, repair: Callable[[Any], Any]) -> Injection:
    """Return an injection that repairs a value that breaks the rule instead of rejecting it; the argument names the field."""

    def inject(service: Service, field: str) -> None:
        findings_only(lambda finding: finding.rule != rule or finding.pointer != f"/{field}")(service, "")
        wrap_method(service, "fields", lambda original, payload: original(payload | {field: repair(payload.get(field))}))

    return inject


# -- crashes and rejections ----------------------------------------------------------------------------------------------------------


def crash_on_rule(rule: str) -> Injection:
    """Return an injection that lets a payload that breaks the rule crash the server."""

    def findings(original: Callable[[Request], list[Finding]], request: Request) -> list[Finding]:
        found = original(request)
        if any(finding.rule == rule for finding in found):
            raise RuntimeError
        return found

    return wrapping("findings", findings)


def crash_when(condition: Callable[[Request], bool]) -> Injection:
    """Return an injection that lets some create requests crash the server."""

    def findings(original: Callable[[Request], list[Finding]], request: Request) -> list[Finding]:
        if condition(request):
            raise RuntimeError
        return original(request)

    return wrapping("findings", findings)


def set_attributes(rejection: Rejection, **values: object) -> None:
    """Set attributes of a rejection, such as `status` and `code`."""
    for name, value in values.items():
        setattr(rejection, name, value)


def change_rejection(rule: str, **values: object) -> Injection:
    """Return an injection that sets attributes of the rejection for a rule, such as `status=400`."""

    def rejection(original: Callable[[list[Finding]], Rejection], findings: list[Finding]) -> Rejection:
        rejected = original(findings)
        if findings[0].rule == rule:
            set_attributes(rejected, **values)
        return rejected

    return wrapping("rejection", rejection)
