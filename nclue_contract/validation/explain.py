"""Explanations of rules, readings and error codes as text. The texts are in `openapi/rules.yaml` and `openapi/readings.yaml`."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from contextlib import suppress

from nclue_contract.contract.model import Contract, DocumentedError, Reading
from nclue_contract.contract.readings import Readings
from nclue_contract.contract.rules import Rule
from nclue_contract.contract.wording import format_status, nearest

_INDENT = " " * 16
_WIDTH = 100


def overview(contract: Contract) -> str:
    """Return the list of all rules and readings, one line each."""
    lines = ["Rules (explain CODE for details):"]
    lines += [f"  {rule.code}  {rule.severity:7}  {rule.slug:22}  {rule.sentence}" for rule in contract.rules.values()]
    lines += ["", "Readings, where the documentation does not decide (the default is first):"]
    for reading in contract.readings.values():
        lines.append(f"  {reading.id:22}  {' | '.join(option.id for option in reading.options)}")
    return "\n".join(lines) + "\n"


def explain(contract: Contract, name: str, readings: Readings) -> str:
    """Return the explanation of a rule (code or slug; also a group or range), a reading (id) or an error code (`10104`, or its message).

    An error code of five digits behind the last one that could be read is explained as unknown.

    Raises `ValueError` with the nearest known name when there is none of that name.
    """
    errors = contract.errors.items()
    parts = ["\n".join(_error(error, contract)) for word, error in errors if name.upper() in {word, error.code, error.message.upper()}]
    if (rule := contract.rule(name)) is not None:
        parts.append("\n".join(_rule(rule, contract)))
    if (reading := contract.readings.get(name.lower())) is not None:
        parts.append("\n".join(_reading(reading, contract, readings)))
    if not parts and _is_unread(name, contract):
        parts.append("\n".join(_unread_error(name, contract)))
    if not parts:
        with suppress(ValueError):
            parts = ["\n".join(_rule(contract.rules[code], contract)) for code in contract.select_rules([name])]
    if not parts:
        slugs = [rule.slug for rule in contract.rules.values()]
        codes = [error.code for error in contract.errors.values()]
        near = nearest(name, [*contract.rules, *slugs, *contract.readings, *contract.errors, *codes])
        hint = f"did you mean {near}?" if near else "explain without a name lists them"
        message = f"there is no rule, reading or error code {name!r:.80}; {hint}"
        raise ValueError(message)
    return "\n\n".join(parts) + "\n"


def _error(error: DocumentedError, contract: Contract) -> Iterator[str]:
    yield f"error {error.code} (status {error.status}, {error.message})"
    if error.meaning:
        yield from _paragraph("what", f"{error.meaning}.")
    rules = [rule for rule in contract.rules.values() if rule.code in error.rules or any(a.code == error.code for a in rule.expects)]
    for rule in rules:
        yield from _paragraph("for", f"{rule.code} {rule.slug}: {rule.sentence}")
    if not rules:
        yield from _paragraph("for", "conditions without a rule, such as the load or the permissions of an account")


def _is_unread(name: str, contract: Contract) -> bool:
    """Return whether this is an error code of the part of NCLUE's table that could not be read."""
    return re.fullmatch("[0-9]{5}", name) is not None and int(name) >= contract.rules["NC312"].limit


def _unread_error(code: str, contract: Contract) -> Iterator[str]:
    rule = contract.rules["NC312"]
    yield f"error {code} (status and message are not known)"
    yield from _paragraph("what", rule.certainty_reason)
    yield from _paragraph("for", f"{rule.code} {rule.slug}: {rule.sentence}")


def _rule(rule: Rule, contract: Contract) -> Iterator[str]:
    yield f"{rule.code} {rule.slug} ({rule.severity}, {rule.certainty})"
    yield from _paragraph("what", rule.sentence)
    yield from _paragraph("why", rule.why)
    if rule.certainty_reason:
        yield from _paragraph("certainty", f"{rule.certainty}: {rule.certainty_reason}")
    yield from _paragraph("page", rule.page)
    if rule.fields:
        yield from _paragraph("fields", ", ".join(rule.fields))
    yield from _paragraph("common cause", rule.cause)
    yield from _paragraph("fix", rule.fix)
    if responses := expected_responses(rule):
        yield from _paragraph("responses", "; ".join(responses))
    for name in rule.readings:
        options = " | ".join(option.id for option in contract.readings[name].options)
        yield from _paragraph("reading", f"{name}: {options}")
    yield from _link(contract.rule_url(rule.code))


def expected_responses(rule: Rule) -> list[str]:
    """Return the responses to a request that breaks the rule, in words, each with the field and the options under which it is expected."""
    return [
        (f"{a.status} with any code" if a.code is None else format_status(a.status, a.code)) + _condition(a.field, dict(a.when))
        for a in rule.expects
    ]


def _condition(field: str | None, when: dict[str, str]) -> str:
    conditions = ([f"for {field}"] if field else []) + [f"under {name}={option}" for name, option in when.items()]
    return f" ({', '.join(conditions)})" if conditions else ""


def _reading(reading: Reading, contract: Contract, readings: Readings) -> Iterator[str]:
    yield f"reading {reading.id} ({reading.certainty})"
    yield from _paragraph("question", reading.question)
    yield from _paragraph("page", reading.page)
    for option in reading.options:
        default = ", the default" if option.id == reading.default else ""
        pages = f" Pages: {', '.join(option.pages)}." if option.pages else " No page states this."
        forbids = f" Forbids {option.characters}" if option.characters else ""
        yield from _paragraph("option", f"{option.id}{default}: {option.meaning}.{pages}{forbids}")
    rules = [f"{rule.code} {rule.slug}" for rule in contract.rules.values() if reading.id in rule.readings]
    yield from _paragraph("rules", ", ".join(rules))
    yield from _paragraph("in force", f"{readings[reading.id]} (from: {readings.sources[reading.id]})")
    other, *_ = (option.id for option in reading.options if option.id != readings[reading.id])
    yield from _paragraph("to pin", f"--reading {reading.id}={other}, or in pyproject.toml:")
    yield f"{_INDENT}[tool.nclue-contract.readings]"
    yield f'{_INDENT}{reading.id} = "{other}"'
    yield from _link(contract.reading_url(reading.id))


def _link(url: str | None) -> list[str]:
    return _paragraph("more", url) if url else []


def _paragraph(label: str, text: str) -> list[str]:
    wrapped = textwrap.fill(text, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False)
    return [f"  {label:14}{wrapped[16:]}"]
