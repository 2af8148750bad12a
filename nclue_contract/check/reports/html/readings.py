"""The readings of the server: a card for each question that the documentation leaves open, and the pins for what was found."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element

from nclue_contract.check.reports.html.page import tag
from nclue_contract.check.reports.text import observed
from nclue_contract.check.results import CheckResult
from nclue_contract.contract.model import Option, Reading, contract
from nclue_contract.contract.rules import Certainty

FOUND, PINNED, OPEN = "found", "pinned", "open"

_WHY = {Certainty.CONTESTED: "the pages contradict each other", Certainty.UNDECIDED: "the pages are silent"}


def readings(result: CheckResult, anchors: Mapping[str, str]) -> list[Element]:
    """Return the cards, and the lines for pyproject.toml. `anchors` holds the ID of the element about each case."""
    known = contract().readings
    cards = [_card(known[name], left, result, anchors) for name, left in result.readings.items() if name in known]
    states = [card_state(name, result) for name in result.readings]
    intro = (
        f"{states.count(FOUND)} found, {states.count(PINNED)} pinned, {states.count(OPEN)} still open. "
        "Where the pages contradict each other or are silent, a server may choose either option: a reading is no failure. It must choose "
        "the same one everywhere. A pinned reading was chosen before the run, and a server with another option fails."
    )
    return [tag("p", intro, class_="intro"), tag("ul", *cards, class_="readings"), *_pins(result)]


def card_state(name: str, result: CheckResult) -> str:
    """Return `pinned`, `found` when one option is left, or else `open`."""
    return PINNED if name in result.pinned else FOUND if len(result.readings[name]) == 1 else OPEN


def _card(reading: Reading, left: tuple[str, ...], result: CheckResult, anchors: Mapping[str, str]) -> Element:
    state = card_state(reading.id, result)
    options = (_option(option, left, state) for option in reading.options)
    name, url = tag("code", reading.id), contract().reading_url(reading.id)
    return tag(
        "li",
        tag("h3", tag("a", name, href=url) if url else name, " ", tag("span", state, class_=f"badge {state}")),
        tag("p", reading.question, " ", tag("small", f"({_WHY.get(reading.certainty, str(reading.certainty))})"), class_="question"),
        tag("ul", *options, class_="options"),
        tag("p", *_evidence(reading, state, result, anchors), class_="evidence"),
        class_=f"reading {state}",
    )


def _option(option: Option, left: tuple[str, ...], state: str) -> Element:
    if option.id not in left:
        mark, word, class_ = "✗", "ruled out" if state == PINNED else "refuted", "gone"
    elif len(left) == 1:
        mark, word, class_ = "●", "pinned" if state == PINNED else "the server's", "chosen"
    else:
        mark, word, class_ = "○", "possible", "possible"
    symbol = tag("span", mark, class_="mark", aria_hidden="true")
    return tag("li", symbol, " ", tag("code", option.id), tag("span", f" {word}", class_="word"), ": ", option.meaning, class_=class_)


def _evidence(reading: Reading, state: str, result: CheckResult, anchors: Mapping[str, str]) -> list[Element | str]:
    cases = result.evidence.get(reading.id, ())
    if state == PINNED:
        return [f"Pinned before the run ({result.sources[reading.id]})."]
    if state == OPEN and not cases:
        return [f"Still open: {observed(result, reading.id)}."]
    if not cases:
        return ["No response has refuted an option."]
    parts: list[Element | str] = ["Refuted by "]
    for number, case in enumerate(cases):
        parts += [", " if number else "", case_link(case, anchors)]
    return parts + ([f". Still open: {observed(result, reading.id)}."] if state == OPEN else [])


def case_link(case: str, anchors: Mapping[str, str]) -> Element:
    """Return the ID of a case, as a link to its entry in the report."""
    code = tag("code", case)
    return tag("a", code, href=f"#{anchors[case]}") if case in anchors else code


def _pins(result: CheckResult) -> list[Element]:
    known = [f'{name} = "{left[0]}"' for name, left in result.readings.items() if len(left) == 1]
    if not known:
        return []
    lines = ["[tool.nclue-contract.readings]", *known]
    summary = tag("summary", "Pins for pyproject.toml: later checks then require these readings")
    return [tag("details", summary, tag("pre", "\n".join(lines), data_copy="the pins"), class_="more")]
