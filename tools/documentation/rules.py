"""A page per rule and per reading, and their two lists, from the contract, its examples and the catalogue of faults."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import groupby

from nclue_contract import Finding, Report, Severity
from nclue_contract.check.reports.text import group_of
from nclue_contract.contract.model import Option, Reading, contract
from nclue_contract.contract.rules import Rule
from nclue_contract.service.faults.catalogue import CATALOGUE
from nclue_contract.validation.explain import expected_responses
from nclue_contract.validation.reports.text import render_report
from tools.documentation.examples import SOURCES, Example, examples
from tools.documentation.markdown import block, escaped, page, table

_BASE_URL = "http://127.0.0.1:8000/api/v1"

_FAULTS_SHOWN = 8
"""How many faults the page of a rule lists."""


def pages() -> dict[str, str]:
    """Return the pages by their paths."""
    found = {"rules/index.md": _rule_list(), "readings/index.md": _reading_list()}
    found |= {f"rules/{rule.code}.md": _rule_page(rule) for rule in contract().rules.values()}
    return found | {f"readings/{reading.id}.md": _reading_page(reading) for reading in contract().readings.values()}


# -- rules ----------------------------------------------------------------------------------------------------------------------------


def _rule_list() -> str:
    groups = [list(members) for _, members in groupby(contract().rules.values(), key=lambda rule: group_of(rule.code))]
    names = json.loads((SOURCES / "rules.schema.json").read_text(encoding="utf-8"))["items"]["properties"]["page"]["description"]
    sources = ["## Names of sources", "Each rule names its source in NAVER Cloud's public documentation.", escaped(names)]
    return page("# Rules", _ABOUT_RULES, *(part for rules in groups for part in _group(rules)), *sources)


_ABOUT_RULES = """\
A **rule** is one statement of the contract: of what NAVER Cloud's public pages say about the tasks API. It has a code, such as `NC120`,
and a name, such as `path-character`. Both can be used wherever a command or an option asks for a rule.

The **severity** says how a violation counts. An *error* breaks the contract. A *warning* does not, but is worth a look; `--strict` turns
warnings into errors.

The **certainty** says how sure the rule is:

- *documented*: a page says so;
- *contested*: pages contradict each other;
- *undecided*: the pages are silent. The rule is then inferred, for example from a standard such as RFC 8259.

Where pages contradict each other or are silent, a [reading](../readings/index.md) decides, and you can choose it."""


def _group(rules: list[Rule]) -> Iterator[str]:
    title = group_of(rules[0].code)
    yield f"## {title[0].upper()}{title[1:]}"
    rows = [[f"[{rule.code}]({rule.code}.md)", rule.slug, escaped(rule.sentence), f"{rule.severity}, {rule.certainty}"] for rule in rules]
    yield table(["code", "name", "what must hold", "severity and certainty"], rows)


def _rule_page(rule: Rule) -> str:
    reason = f" {escaped(rule.certainty_reason)}" if rule.certainty_reason else ""
    facts = [
        f"- **Severity**: {rule.severity}",
        f"- **Certainty**: {rule.certainty}{'.' if reason else ''}{reason}",
        f"- **Source**: {escaped(rule.page)}",
    ]
    if rule.fields:
        facts.append(f"- **Fields**: {', '.join(f'`{field}`' for field in rule.fields)}")
    return page(
        f"# {rule.code} {rule.slug}",
        f"**{escaped(rule.sentence)}**",
        "\n".join(facts),
        "## Why",
        escaped(rule.why),
        *_example(rule, examples().rules[rule.code]),
        "## Common causes",
        escaped(rule.cause),
        "## How to fix it",
        escaped(rule.fix),
        *_responses(rule),
        *_readings(rule),
        *_faults(rule),
        "## On the command line",
        block(f"$ nclue-contract explain {rule.code}", "console"),
    )


def _example(rule: Rule, example: Example) -> Iterator[str]:
    yield "## An example that breaks it"
    if example.kind == "check":
        value = example.entry["check"]
        fault = f" --fault {value['fault']}" if "fault" in value else ""
        pins = "".join(f" --reading {name}={option}" for name, option in value.get("readings", {}).items())
        yield "Only several requests and their responses show this. Run a server that breaks the rule:"
        yield block(f"$ nclue-contract serve --port 8000 --progress seconds{fault}", "console")
        yield "In another terminal, check it:"
        yield block(f"$ nclue-contract check {_BASE_URL}{pins} --only {value.get('only', rule.code)}", "console")
        if pins:
            yield "Unless the reading is pinned, the server may choose it."
    elif example.kind == "server":
        yield escaped(example.entry["server"])
    else:
        yield block(example.text(), example.language)
        if encoding := example.entry.get("encoding"):
            yield f"The text is sent in the encoding {encoding.upper()}."
        yield "The validator reports:"
        yield block(render_report(_only(rule.code, example.validate()), width=72))


def _only(code: str, report: Report) -> Report:
    return Report(tuple(finding for finding in report.findings if finding.rule == code))


def _responses(rule: Rule) -> Iterator[str]:
    if responses := expected_responses(rule):
        yield "## What a server responds"
        yield "To a request that breaks this rule, any of these responses is right: the status code, and the error code in the body."
        yield "\n".join(f"- {escaped(response)}" for response in responses)


def _readings(rule: Rule) -> Iterator[str]:
    if rule.readings:
        yield "## Readings"
        yield "Where the documentation does not decide, these readings move the boundary of the rule:"
        known = contract().readings
        yield "\n".join(f"- [{name}](../readings/{name}.md): {escaped(known[name].question)}" for name in rule.readings)


def _faults(rule: Rule) -> Iterator[str]:
    faults = [fault for fault in CATALOGUE if fault.rule == rule.code]
    if not faults:
        return
    yield "## Bugs of servers"
    yield "`nclue-contract serve --fault ID` starts a server with one of these bugs. `nclue-contract check` finds them."
    yield table(
        ["ID", "what the server does"], [[f"`{fault.instances()[0]}`", escaped(fault.sentence)] for fault in faults[:_FAULTS_SHOWN]]
    )
    if more := len(faults) - _FAULTS_SHOWN:
        yield f"`nclue-contract faults` lists {more} more." if more > 0 else ""


# -- readings -------------------------------------------------------------------------------------------------------------------------


def _reading_list() -> str:
    rows = [
        [f"[{reading.id}]({reading.id}.md)", escaped(reading.question), ", ".join(f"`{option.id}`" for option in reading.options)]
        for reading in contract().readings.values()
    ]
    names = json.loads((SOURCES / "readings.schema.json").read_text(encoding="utf-8"))["$defs"]["page"]["description"]
    sources = ["## Names of pages", "Each reading and each option names its pages in NAVER Cloud's public documentation.", escaped(names)]
    return page("# Readings", _ABOUT_READINGS, table(["reading", "question", "options, the default first"], rows), *sources)


_ABOUT_READINGS = """\
The documentation of the tasks API is silent in places, and some of its pages contradict each other. Each such open question is a
**reading**. It has options, and the first option is the default: what the page of the operation says or, where that page is silent, the
option that rejects less.

What the default forbids is an error. What the default allows, but another option forbids, is a warning. If you know which option is right,
*pin* it. A pinned reading decides, without warnings. The settings of a project hold for the commands and the pytest plugin:

```toml title="pyproject.toml"
[tool.nclue-contract.readings]
path-characters = "page-2025"
```

On the command line, write `--reading path-characters=page-2025`. In Python, nothing reads the settings: write
`Validator({"path-characters": "page-2025"})`, and give that validator to `preflight()` and the others.

`nclue-contract probe URL` finds out which options a server has, as far as a test can show it."""


def _reading_page(reading: Reading) -> str:
    rules = [rule for rule in contract().rules.values() if reading.id in rule.readings]
    other = reading.options[1].id
    return page(
        f"# {reading.id}",
        f"**{escaped(reading.question)}**",
        f"- **Certainty**: {_CERTAINTY[str(reading.certainty)]}\n- **Source**: {escaped(reading.page)}",
        "## Options",
        table(["option", "meaning", "pages"], [_option(option, reading) for option in reading.options]),
        *_characters(reading),
        *_difference(reading),
        "## Rules that depend on it",
        "\n".join(f"- [{rule.code} {rule.slug}](../rules/{rule.code}.md): {escaped(rule.sentence)}" for rule in rules),
        "## How to pin it",
        block(f'[tool.nclue-contract.readings]\n{reading.id} = "{other}"', 'toml title="pyproject.toml"'),
        f"Or on the command line: `--reading {reading.id}={other}`.",
    )


_CERTAINTY = {"contested": "contested: pages contradict each other", "undecided": "undecided: the pages are silent"}


def _option(option: Option, reading: Reading) -> list[str]:
    name = f"`{option.id}`" + (" (default)" if option.id == reading.default else "")
    return [name, escaped(option.meaning), escaped("; ".join(option.pages)) or "no page states this"]


def _characters(reading: Reading) -> Iterator[str]:
    options = [option for option in reading.options if option.characters]
    if options:
        yield "### Forbidden characters"
        yield block("\n".join(f"{option.id}: {option.characters!s}" for option in options))


def _difference(reading: Reading) -> Iterator[str]:
    yield "## An example on which they differ"
    example = examples().readings.get(reading.id)
    if example is None:
        yield "One message does not show the difference. `nclue-contract probe URL` sends several requests to find out."
        return
    yield block(example.text(), example.language)
    unpinned = example.validate()
    rows = [["not pinned", _result(unpinned)]]
    rows += [[f"`{reading.id}={option.id}`", _result(example.validate({reading.id: option.id}))] for option in reading.options]
    yield table(["reading", "result of the validator"], rows)


def _result(report: Report) -> str:
    if not report.findings:
        return "valid"
    found: Mapping[str, Finding] = {f"{finding.severity} {finding.rule}": finding for finding in report.findings}
    listed = [f"{finding.severity} [{finding.rule}](../rules/{finding.rule}.md)" for finding in found.values()]
    return ("valid, with " if all(finding.severity is Severity.WARNING for finding in report.findings) else "") + ", ".join(listed)
