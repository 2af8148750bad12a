"""The lives of tasks as a picture: a lane for each task that was watched, its states along the time, and the same as a table.

A state is drawn from where it was seen first to where the next one was; each dot is a sighting. So a change lies between two dots.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from nclue_contract.check.cases.contract_facts import lifecycle as task_lifecycle
from nclue_contract.check.reports.html.page import shown, tag
from nclue_contract.check.results import StatusSample
from nclue_contract.contract.wording import counted

_AXIS, _LANE, _BAR = 26, 52, 20  # heights in pixels: the scale, a lane, and the bar in it
_FROM, _TO = 0.5, 98.5  # where the time begins and ends, in percent of the width
_LEAST = 0.9  # percent that a state takes at least, so that one sighting can be seen
_NARROW, _WIDE = 3.2, 8.5  # pixels for each percent of the width, on a telephone and on a desk
_SHORT_MS = 100  # milliseconds that the scale has at least


@dataclass(frozen=True, slots=True)
class Span:
    """A task in one state: from when to when (milliseconds), when it was seen in it, and by which operations."""

    status: str
    begin_ms: int
    end_ms: int
    seen_ms: tuple[int, ...]
    operations: tuple[str, ...]


def lifecycle(sightings: Sequence[StatusSample]) -> list[Element]:
    """The picture with its legend, and the table."""
    if not sightings:
        return [tag("p", "No task was watched in this run, so there is nothing to draw.", class_="empty")]
    ordered = sorted(sightings, key=lambda sighting: sighting.at_ms)
    lives = {task_id: spans([one for one in ordered if one.task_id == task_id]) for task_id in dict.fromkeys(s.task_id for s in ordered)}
    begin_ms, total_ms = ordered[0].at_ms, ordered[-1].at_ms - ordered[0].at_ms
    scale = _Scale(begin_ms, max(total_ms, _SHORT_MS))
    said = (
        f"{counted(len(lives), 'task')}, {counted(len(ordered), 'sighting')} in {total_ms / 1000:,.1f} s. Each dot is a sighting; a state "
        "is drawn until the next one was seen, so the change itself lies somewhere between two dots. Times count from the first sighting."
    )
    return [
        tag("p", said, class_="said"),
        _legend(dict.fromkeys(s.status for s in sorted(ordered, key=lambda s: (_stage(s.status), s.status)))),
        tag("div", _picture(lives, scale), class_="chart"),
        tag("details", tag("summary", "The same as a table"), tag("div", _table(lives, scale), class_="wide"), class_="more"),
    ]


def spans(life: Iterable[StatusSample]) -> list[Span]:
    """The states that one task was seen in, one after the other; each lasts until the next was seen, the last until it was seen last."""
    runs = [(status, list(group)) for status, group in itertools.groupby(life, key=lambda sighting: sighting.status)]
    ends = [group[0].at_ms for _, group in runs[1:]] + [runs[-1][1][-1].at_ms]
    return [
        Span(status, group[0].at_ms, end, tuple(s.at_ms for s in group), tuple(dict.fromkeys(s.operation for s in group)))
        for (status, group), end in zip(runs, ends, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where a time stands, in percent of the width."""

    begin_ms: int
    total_ms: int

    def at(self, ms: float) -> float:
        return _FROM + (ms - self.begin_ms) / self.total_ms * (_TO - _FROM)

    def told(self, ms: int) -> str:
        return f"{(ms - self.begin_ms) / 1000:,.2f} s"

    def ticks_ms(self) -> Iterator[float]:
        """Times since the beginning at round numbers, not more than seven."""
        power = 10.0 ** math.floor(math.log10(self.total_ms / 6))
        step = next(power * factor for factor in (1, 2, 5, 10) if self.total_ms / (power * factor) <= 6)
        return (number * step for number in range(int(self.total_ms / step) + 1))


def _stage(status: str) -> int:
    """The number of a state in the order of the page; words that no page knows come last."""
    stage = task_lifecycle().stage(status)
    return len(task_lifecycle().statuses) if stage is None else stage


def _percent(number: float) -> str:
    return f"{number:.2f}%"


def _picture(lives: dict[str, list[Span]], scale: _Scale) -> Element:
    height = _AXIS + _LANE * len(lives)
    label = "; ".join(f"{_short(task_id)}: {', '.join(shown(span.status, 40) for span in life)}" for task_id, life in lives.items())
    lanes = (_lane(task_id, life, _AXIS + _LANE * row, scale) for row, (task_id, life) in enumerate(lives.items()))
    return tag(
        "svg",
        _patterns(),
        *_axis(scale, height),
        *lanes,
        width="100%",
        height=height,
        role="img",
        aria_label=f"States of the tasks over time. {label[:2000]}",
    )


def _axis(scale: _Scale, height: int) -> Iterator[Element]:
    for number, since_ms in enumerate(scale.ticks_ms()):
        x = _percent(scale.at(scale.begin_ms + since_ms))
        yield tag("line", x1=x, x2=x, y1=_AXIS - 6, y2=height, class_="grid")
        # The first and the last one would be cut off in the middle.
        anchor = "start" if number == 0 else "end" if scale.at(scale.begin_ms + since_ms) > _TO - 4 else "middle"
        yield tag("text", f"{since_ms / 1000:g} s", x=x, y=12, text_anchor=anchor, class_="tick")


def _lane(task_id: str, life: list[Span], top: int, scale: _Scale) -> Element:
    last = life[-1]
    stage, number = _stage(last.status), len(task_lifecycle().statuses)
    ended = stage in {number - 2, number - 1}
    result = f"{shown(last.status, 40)} {'after' if ended else 'since'} {scale.told(last.begin_ms)}"
    return tag(
        "g",
        tag("text", _short(task_id), tag("title", shown(task_id, 120)), x=_percent(_FROM), y=top + 16, class_="task"),
        tag("text", result, x=_percent(_TO), y=top + 16, text_anchor="end", class_="result"),
        *(part for span in life for part in _segment(span, top + 22, scale)),
        class_="lane",
    )


def _segment(span: Span, top: int, scale: _Scale) -> Iterator[Element]:
    left = scale.at(span.begin_ms)
    width = max(_LEAST, scale.at(span.end_ms) - left)
    place: dict[str, str | int] = {"x": _percent(left), "y": top, "width": _percent(width), "height": _BAR}
    status = shown(span.status, 40)
    told = f"{status}: seen {counted(len(span.seen_ms), 'time')}, from {scale.told(span.seen_ms[0])} to {scale.told(span.seen_ms[-1])}"
    yield tag("rect", tag("title", told), **place, rx=3, class_=f"state stage-{_stage(span.status)}")
    if fill := _PATTERN.get(_stage(span.status)):
        yield tag("rect", **place, rx=3, fill=f"url(#{fill})", class_="over")
    drawn = -1.0
    for ms in span.seen_ms:
        if (x := scale.at(ms)) - drawn >= _LEAST or drawn < 0:  # hundreds of sightings need not be hundreds of dots
            drawn = x
            yield tag("circle", cx=_percent(x), cy=top + _BAR, r=2, class_="seen")
    needed = 7 * len(status) + 12  # pixels
    if width * _WIDE >= needed:
        class_ = "name" if width * _NARROW >= needed else "name roomy"
        yield tag("text", status, x=_percent(left + width / 2), y=top + 14, text_anchor="middle", class_=class_)


_PATTERN = {1: "dots", 2: "stripes", 4: "crosses"}  # by stage: so that states differ without colour, too


def _patterns() -> Element:
    size: dict[str, str | int] = {"width": 7, "height": 7, "patternUnits": "userSpaceOnUse"}
    return tag(
        "defs",
        tag("pattern", tag("circle", cx=2, cy=2, r=1), id="dots", **size),
        tag("pattern", tag("path", d="M-1 8L8 -1M-1 1L1 -1M6 8L8 6"), id="stripes", **size),
        tag("pattern", tag("path", d="M0 0L7 7M0 7L7 0"), id="crosses", **size),
    )


def _legend(statuses: Iterable[str]) -> Element:
    items = []
    for status in statuses:
        box: dict[str, str | int] = {"x": 1, "y": 1, "width": 26, "height": 12, "rx": 3}
        fill = _PATTERN.get(_stage(status))
        over = tag("rect", **box, fill=f"url(#{fill})", class_="over") if fill else None
        swatch = tag("svg", tag("rect", **box, class_=f"state stage-{_stage(status)}"), over, width=28, height=14, aria_hidden="true")
        items.append(tag("li", swatch, f" {shown(status, 40)}"))
    return tag("ul", *items, class_="legend")


def _table(lives: dict[str, list[Span]], scale: _Scale) -> Element:
    names = ("task", "state", "first seen", "last seen", "sightings", "by")
    rows = (
        tag(
            "tr",
            tag("td", tag("code", shown(task_id, 80))),
            tag("td", shown(span.status, 40)),
            tag("td", scale.told(span.seen_ms[0]), class_="number"),
            tag("td", scale.told(span.seen_ms[-1]), class_="number"),
            tag("td", f"{len(span.seen_ms):,}", class_="number"),
            tag("td", ", ".join(span.operations)),
        )
        for task_id, life in lives.items()
        for span in life
    )
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in names)))
    return tag("table", head, tag("tbody", *rows))


def _short(task_id: str) -> str:
    """An ID by its beginning and its end; those of one server often differ at one of them only."""
    text = shown(task_id, 80)
    return text if len(text) <= 20 else f"{text[:8]}…{text[-8:]}"  # a telephone has room for so many
