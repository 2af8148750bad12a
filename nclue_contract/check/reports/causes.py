"""Failures by their cause: what one bug of a server makes of many test cases and rules is shown once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nclue_contract.check.requests import Exchange
from nclue_contract.check.results import Failure
from nclue_contract.contract.rules import Answer
from nclue_contract.validation.headers import media_type
from nclue_contract.validation.response import SUCCESS

FORM_RULES = frozenset({"NC001", "NC002", "NC302", "NC303", "NC311"})
"""The rules about the form of a response; a response that breaks one of them has no error code that could be compared."""


@dataclass(frozen=True, slots=True)
class Cause:
    """The failures that have one cause, in the order of the plan. `title` names the cause where several rules or cases show it."""

    title: str
    failures: tuple[Failure, ...]

    @property
    def rules(self) -> list[str]:
        """Return the codes of all rules that are broken, in their order."""
        return sorted({failure.rule for failure in self.failures})

    @property
    def cases(self) -> list[str]:
        """Return the IDs of all test cases that show it, each once."""
        return list(dict.fromkeys(failure.case for failure in self.failures))

    @property
    def accepted(self) -> bool:
        """Return whether a baseline accepts all of it."""
        return all(failure.accepted for failure in self.failures)


def causes(failures: Iterable[Failure]) -> list[Cause]:
    """Return the failures by their causes: those that responses of a wrong form have in common first, then by rule and problem."""
    failures = list(failures)
    broken_forms: dict[int, set[str]] = {}
    expected: dict[int, tuple[Answer, ...]] = {}
    for failure in failures:
        if failure.exchange is not None and failure.rule in FORM_RULES:
            broken_forms.setdefault(id(failure.exchange), set()).add(failure.rule)
        if failure.exchange is not None and failure.expected:
            expected.setdefault(id(failure.exchange), failure.expected)
    grouped: dict[tuple[object, ...], list[Failure]] = {}
    titles: dict[tuple[object, ...], str] = {}
    for failure in failures:
        place = id(failure.exchange)
        key, title = _cause_of(failure, broken_forms.get(place, set()), expected.get(place, ()))
        grouped.setdefault(key, []).append(failure)
        titles.setdefault(key, title)
    found = [Cause("" if _says_itself(members) else titles[key], tuple(members)) for key, members in grouped.items()]
    return sorted(found, key=lambda cause: (not cause.title, cause.rules[0]))


def _says_itself(failures: list[Failure]) -> bool:
    """Return whether failures without a complete response need no title: they are of one rule, and their sentence is the same."""
    first = failures[0]
    return bool(first.exchange and first.exchange.error) and len({(one.rule, one.sentence) for one in failures}) == 1


def _cause_of(failure: Failure, broken_forms: set[str], expected: tuple[Answer, ...]) -> tuple[tuple[object, ...], str]:
    """Return what identifies the cause of a failure, and its title; the title is empty for a problem of one rule.

    `broken_forms` are the rules about the form that the response breaks, `expected` the responses that were expected in its place, if any
    failure says so.
    """
    exchange = failure.exchange
    usual = (failure.accepted, failure.rule, failure.sentence)
    if exchange is None:
        return usual, ""
    if exchange.error:
        kind = "late" if exchange.late else "incomplete"
        return (failure.accepted, kind, exchange.status), f"A request gets no complete response{' in time' * exchange.late}"
    kind = media_type(next((value for name, value in exchange.headers if name.lower() == "content-type"), ""))
    if exchange.status >= 500:
        return (failure.accepted, exchange.status, kind), f"The server responds with {exchange.status}{_form(exchange, kind)}"
    if broken_forms and (failure.rule in FORM_RULES or _lacks_code(failure, exchange.answer)):
        what = "success" if exchange.status < 400 else "errors"
        return (failure.accepted, what, kind, frozenset(broken_forms)), _title(exchange, what, kind, broken_forms)
    codes = sorted(one.code for one in expected if one.status == exchange.status and one.code is not None)
    if codes and exchange.answer.code not in {None, *codes} and (failure.expected or failure.rule == "NC312"):
        title = f"An error response with status {exchange.status} has code {exchange.answer.code} instead of {' or '.join(codes)}"
        return (failure.accepted, exchange.answer, *codes), title
    return usual, ""


def _title(exchange: Exchange, what: str, kind: str, broken_forms: set[str]) -> str:
    subject = "An error response" if what == "errors" else "A response"
    if broken_forms == {"NC311"}:
        return f"{subject} has no error code where the pages show it"
    if broken_forms == {"NC302"}:
        return f"{subject} has the content type {kind or '(none)'}"
    if broken_forms & {"NC001", "NC002"}:
        return f"{subject} is not JSON{_form(exchange, kind)}"
    return f"{subject} is not a JSON object"


def _form(exchange: Exchange, kind: str) -> str:
    """Return what a body is, where it is no object."""
    if exchange.fields:
        return ""
    if not exchange.body:
        return " and without a body" if exchange.status >= 500 else ": it has no body"
    return f" ({kind or 'no content type'})"


def _lacks_code(failure: Failure, answer: Answer) -> bool:
    """Return whether a response differs from the expected ones only in its error code, which cannot be read."""
    return answer.code is None and answer.status != SUCCESS and any(one.status == answer.status for one in failure.expected)


def examples(found: Sequence[Failure]) -> list[Failure]:
    """Return the failures of one cause that say something different: the first of each sentence."""
    return list({failure.sentence: failure for failure in reversed(found)}.values())[::-1]
