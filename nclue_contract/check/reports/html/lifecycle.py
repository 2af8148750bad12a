"""The lifecycle of tasks as a picture: a lane for each tracked task with its states over time, and the same as a table.

A state is drawn from its first status sample to the first one of the next state; each dot is a sample. So a change lies between two dots.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from nclue_contract.check.cases.tracking import stage_of, words
from nclue_contract.check.reports.html.page import clip, tag
from nclue_contract.check.results import StatusSample
from nclue_contract.contract.wording import counted

_AXIS, _LANE, _BAR = 26, 52, 20  # heights in pixels: the scale, a lane, and the bar in it
_FROM, _TO = 0.5, 98.5  # where the time axis begins and ends, in percent of the width
_LEAST = 0.9  # percent; the narrowest state, so that a single sample is visible
_NARROW, _WIDE = 3.2, 8.5  # pixels for each percent of the width, on a telephone and on a desktop
_SHORT_MS = 100  # milliseconds; the shortest scale


@dataclass(frozen=True, slots=True)
class Span:
    """A task in one state: begin and end, the times of its samples (milliseconds), and the operations that returned them."""

    status: str
    begin_ms: int
    end_ms: int
    samples_ms: tuple[int, ...]
    operations: tuple[str, ...]


def lifecycle(samples: Sequence[StatusSample]) -> list[Element]:
    """Return the picture with its legend, and the table."""
    if not samples:
        return [tag("p", "No task was tracked in this run.", class_="empty")]
    ordered = sorted(samples, key=lambda sample: sample.at_ms)
    tracks = {task_id: spans([one for one in ordered if one.task_id == task_id]) for task_id in dict.fromkeys(s.task_id for s in ordered)}
    begin_ms, total_ms = ordered[0].at_ms, ordered[-1].at_ms - ordered[0].at_ms
    scale = _Scale(begin_ms, max(total_ms, _SHORT_MS))
    intro = (
        f"{counted(len(tracks), 'task')}, {counted(len(ordered), 'status sample')} in {total_ms / 1000:,.1f} s. Each dot is a sample; a "
        "state is drawn until the first sample of the next one, so the change lies between two dots. Times count from the first sample."
    )
    return [
        tag("p", intro, class_="intro"),
        _legend(dict.fromkeys(s.status for s in sorted(ordered, key=lambda s: (_stage(s.status), s.status)))),
        tag("div", _picture(tracks, scale), class_="chart"),
        tag("details", tag("summary", "The same as a table"), tag("div", _table(tracks, scale), class_="wide"), class_="more"),
    ]


def spans(samples: Iterable[StatusSample]) -> list[Span]:
    """Return the states of one task in order; each lasts until the first sample of the next one, the last until its last sample."""
    runs = [(status, list(group)) for status, group in itertools.groupby(samples, key=lambda sample: sample.status)]
    ends = [group[0].at_ms for _, group in runs[1:]] + [runs[-1][1][-1].at_ms]
    return [
        Span(status, group[0].at_ms, end, tuple(s.at_ms for s in group), tuple(dict.fromkeys(s.operation for s in group)))
        for (status, group), end in zip(runs, ends, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Scale:
    """The time axis: positions in percent of the width."""

    begin_ms: int
    total_ms: int

    def at(self, ms: float) -> float:
        return _FROM + (ms - self.begin_ms) / self.total_ms * (_TO - _FROM)

    def seconds(self, ms: int) -> str:
        return f"{(ms - self.begin_ms) / 1000:,.2f} s"

    def ticks_ms(self) -> Iterator[float]:
        """Return at most seven round times since the beginning."""
        power = 10.0 ** math.floor(math.log10(self.total_ms / 6))
        step = next(power * factor for factor in (1, 2, 5, 10) if self.total_ms / (power * factor) <= 6)
        return (number * step for number in range(int(self.total_ms / step) + 1))


def _stage(status: str) -> int:
    """Return the number of a state in the order of the page; undocumented words come last."""
    stage = stage_of(status)
    return len(words()) if stage is None else stage


def _percent(number: float) -> str:
    return f"{number:.2f}%"


def _picture(tracks: dict[str, list[Span]], scale: _Scale) -> Element:
    height = _AXIS + _LANE * len(tracks)
    label = "; ".join(f"{_short(task_id)}: {', '.join(clip(span.status, 40) for span in track)}" for task_id, track in tracks.items())
    lanes = (_lane(task_id, track, _AXIS + _LANE * row, scale) for row, (task_id, track) in enumerate(tracks.items()))
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
        # Centred, the first and the last label would be cut off.
        anchor = "start" if number == 0 else "end" if scale.at(scale.begin_ms + since_ms) > _TO - 4 else "middle"
        yield tag("text", f"{since_ms / 1000:g} s", x=x, y=12, text_anchor=anchor, class_="tick")


def _lane(task_id: str, track: list[Span], top: int, scale: _Scale) -> Element:
    last = track[-1]
    ended = _stage(last.status) in {len(words()) - 2, len(words()) - 1}
    result = f"{clip(last.status, 40)} {'after' if ended else 'since'} {scale.seconds(last.begin_ms)}"
    return tag(
        "g",
        tag("text", _short(task_id), tag("title", clip(task_id, 120)), x=_percent(_FROM), y=top + 16, class_="task"),
        tag("text", result, x=_percent(_TO), y=top + 16, text_anchor="end", class_="result"),
        *(part for span in track for part in _segment(span, top + 22, scale)),
        class_="lane",
    )


def _segment(span: Span, top: int, scale: _Scale) -> Iterator[Element]:
    left = scale.at(span.begin_ms)
    width = max(_LEAST, scale.at(span.end_ms) - left)
    place: dict[str, str | int] = {"x": _percent(left), "y": top, "width": _percent(width), "height": _BAR}
    status = clip(span.status, 40)
    first, final = scale.seconds(span.samples_ms[0]), scale.seconds(span.samples_ms[-1])
    title = f"{status}: {counted(len(span.samples_ms), 'sample')}, from {first} to {final}"
    yield tag("rect", tag("title", title), **place, rx=3, class_=f"state stage-{_stage(span.status)}")
    if fill := _PATTERN.get(_stage(span.status)):
        yield tag("rect", **place, rx=3, fill=f"url(#{fill})", class_="over")
    drawn = -1.0
    for ms in span.samples_ms:
        if (x := scale.at(ms)) - drawn >= _LEAST or drawn < 0:  # hundreds of samples need no hundreds of dots
            drawn = x
            yield tag("circle", cx=_percent(x), cy=top + _BAR, r=2, class_="seen")
    needed = 7 * len(status) + 12  # pixels
    if width * _WIDE >= needed:
        class_ = "name" if width * _NARROW >= needed else "name roomy"
        yield tag("text", status, x=_percent(left + width / 2), y=top + 14, text_anchor="middle", class_=class_)


_PATTERN = {1: "dots", 2: "stripes", 4: "crosses"}  # by stage, so that states also differ without colour


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
        items.append(tag("li", swatch, f" {clip(status, 40)}"))
    return tag("ul", *items, class_="legend")


def _table(tracks: dict[str, list[Span]], scale: _Scale) -> Element:
    names = ("task", "state", "first seen", "last seen", "samples", "by")
    rows = (
        tag(
            "tr",
            tag("td", tag("code", clip(task_id, 80))),
            tag("td", clip(span.status, 40)),
            tag("td", scale.seconds(span.samples_ms[0]), class_="number"),
            tag("td", scale.seconds(span.samples_ms[-1]), class_="number"),
            tag("td", f"{len(span.samples_ms):,}", class_="number"),
            tag("td", ", ".join(span.operations)),
        )
        for task_id, track in tracks.items()
        for span in track
    )
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in names)))
    return tag("table", head, tag("tbody", *rows))


def _short(task_id: str) -> str:
    """Return the beginning and the end of an ID; those of one server often differ at one of them only."""
    text = clip(task_id, 80)
    return text if len(text) <= 20 else f"{text[:8]}…{text[-8:]}"  # as many as fit on a telephone
