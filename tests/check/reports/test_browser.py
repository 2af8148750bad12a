"""The HTML report in Chromium: under its own policy, on a telephone, without its script, in light and in dark, from a hostile server."""

import dataclasses
import itertools
import struct
import zlib
from collections import Counter
from pathlib import Path

import pytest

from nclue_contract.check.results import State
from tests.support.devtools import chromium
from tests.support.html_reports import FAULTS, HOSTILE, check, one_failure, page, report

TURN = "const turn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));"
"""Until what was caused by an event has happened, and was drawn."""


class Browser:
    """One Chromium for all tests: it opens one report after the other, each from a file of its own."""

    def __init__(self, run, folder):
        self._run = run
        self._folder = folder
        self._numbers = itertools.count()

    def look(self, text, script, *, width=1280, scripts=True):
        """Open a report in a window of this width, and return what a script returns in it; `scripts`: whether those of the page are run."""

        async def use(tools):
            await self._open(tools, text, width, 900, scripts=scripts)
            return await tools.evaluate(f"(async () => {{ const page = document, view = window; {TURN} {script} }})()")

        return self._run(use)

    def photograph(self, text, width, height, scheme):
        """Return the file of a picture of a report in a window of this size, in a light or a dark scheme."""
        file = self._folder / f"{scheme}.png"

        async def use(tools):
            await tools.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            await self._open(tools, text, width, height)
            await tools.screenshot(file)

        self._run(use)
        return file

    async def _open(self, tools, text, width, height, *, scripts=True):
        file = self._folder / f"{next(self._numbers)}.html"
        file.write_text(text, encoding="utf-8")
        await tools.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        await tools.resize(width, height)
        await tools.open(file.as_uri())


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    with chromium(folder, "--hide-scrollbars") as run:
        yield Browser(run, folder)


@pytest.mark.parametrize("faults", [FAULTS, ()], ids=["with failures", "clean"])
def test_nothing_is_wider_than_a_telephone_even_when_everything_is_open(browser, faults):
    script = """
        for (const details of page.querySelectorAll("details")) details.open = true;
        const wide = [...page.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > 400.5
            && !one.closest("pre, .wide, .hidden, .skip")).map((one) => one.outerHTML.slice(0, 200));
        return [view.innerWidth, page.documentElement.scrollWidth, wide.slice(0, 3)];
    """
    assert browser.look(report(check(*faults)), script, width=400) == [400, 400, []]


def test_the_policy_lets_style_and_script_work(browser):
    script = """
        const tile = page.querySelector(".tile.failed");
        return [page.getElementById("filter").hidden, view.getComputedStyle(tile).borderLeftStyle,
            page.querySelectorAll("button").length === page.querySelectorAll("[data-copy]").length];
    """
    assert browser.look(report(check(*FAULTS)), script) == [False, "double", True]


def test_without_script_everything_is_there_and_no_dead_control(browser):
    script = """
        const drawn = (one) => one.getClientRects().length > 0;
        const details = page.getElementById("rule-NC120");
        details.open = true;
        return [[...page.querySelectorAll("input, button")].some(drawn), drawn(page.querySelector("article pre")),
            [...details.querySelectorAll(".case")].every(drawn), [...page.querySelectorAll(".tile")].every(drawn)];
    """
    assert browser.look(report(check(*FAULTS)), script, scripts=False) == [
        False,
        True,
        True,
        True,
    ]


def test_cases_can_be_filtered_by_state_and_by_words(browser):
    script = """
        const shown = (kind) => [...page.querySelectorAll(kind)].filter((one) => !one.closest("[hidden]")).length;
        const counts = () => ["#cases .case", ".tile", "article", "[data-group]"].map(shown);
        const pick = async (state, words) => {
            page.querySelector(`[name=state][value="${state}"]`).click();
            const search = page.getElementById("search");
            search.value = words;
            search.dispatchEvent(new view.InputEvent("input", { bubbles: true }));
            await turn();
            return counts();
        };
        return {
            all: await pick("", ""), untested: await pick("untested", ""), failed: await pick("failed", ""),
            words: await pick("", "U+007E Path[Train"), rule: await pick("", "nc401"), nothing: await pick("passed", "no such words"),
            again: await pick("", ""), told: page.getElementById("status").textContent,
        };
    """
    result, document = check(*FAULTS), page(*FAULTS)
    counts = browser.look(report(result), script)
    tiles, articles = len(result.rows()), len(document.all("article"))
    groups = len([node for node in document.all() if "data-group" in node.attributes])
    failed_rules = sum(row.state is State.FAILED for row in result.rows())
    tildes = sum(case_id.startswith("path[train") and "U+007E" in case_id for case_id in result.outcomes)
    assert counts["all"] == counts["again"] == [len(result.outcomes), tiles, articles, groups]
    assert counts["untested"][:3] == [result.counts[State.NOT_TESTED], 0, 0]
    assert counts["failed"][:3] == [result.counts[State.FAILED], failed_rules, articles]
    assert counts["words"] == [tildes, 0, 0, 1]
    assert tildes > 0
    assert counts["rule"][:2] == [sum(o.case.rule == "NC401" for o in result.outcomes.values()), 1]
    assert counts["nothing"] == [0, 0, 0, 0]
    assert counts["told"] == ""


def test_a_link_opens_what_it_leads_to_even_if_the_filter_had_hidden_it(browser):
    script = """
        page.querySelector('[name=state][value="failed"]').click();
        await turn();
        const target = page.querySelector('#cases .case[data-state="passed"]');
        const before = target.hidden;
        view.location.hash = target.id;
        await turn();
        const rows = [target, target.querySelector("details"), target.closest(".rule")];
        return [before, target.hidden, rows[1].open, rows[2].open, target.getClientRects().length > 0];
    """
    assert browser.look(report(check(*FAULTS)), script) == [True, False, True, True, True]


def test_a_curl_line_is_copied_whole(browser):
    script = """
        let copied = null;
        Object.defineProperty(view.navigator, "clipboard", { value: { writeText: async (text) => { copied = text; } } });
        const button = page.querySelector("article button");
        button.click();
        await turn();
        return [copied, button.textContent, button.getAttribute("aria-label"), page.getElementById("status").textContent];
    """
    line = "curl --data '{\"a\": \"<&>\"}' \\\n 'http://127.0.0.1/'"
    answer = browser.look(report(one_failure(), curl=lambda _: line), script)
    assert answer == [line, "Copied", "Copy the curl command", "Copied the curl command"]


def test_a_hostile_server_runs_nothing_in_a_browser(browser):
    text = "".join(HOSTILE[:9]).replace("alert(1)", "document.documentElement.dataset.hacked=1")
    result = dataclasses.replace(one_failure(body=text.encode(), error=text), target=text, stop_reason=text, notes=(text,))
    script = """return [page.documentElement.dataset.hacked ?? null, page.scripts.length, page.images.length,
        page.querySelectorAll('svg[onload]').length];"""
    assert browser.look(report(result, curl=lambda _: text), script) == [None, 1, 0, 0]


def pixels(file):
    """Width, height and the colours of the rows of a PNG (8 bits, RGB or RGBA, not interlaced), with the standard library."""
    data = Path(file).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, head = 8, b"", b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        head, packed = (body if kind == b"IHDR" else head), packed + (body if kind == b"IDAT" else b"")
        at += 12 + length
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", head)
    assert (depth, interlace) == (8, 0)
    step = {2: 3, 6: 4}[colour]
    stream, size = zlib.decompress(packed), width * step
    before, colours = bytearray(size), Counter()
    for row in range(height):
        start = row * (size + 1)
        line = bytearray(stream[start + 1 : start + 1 + size])
        unfilter(stream[start], line, before, step)
        colours.update(zip(*(line[part::step] for part in range(3)), strict=True))
        before = line
    return width, height, colours


def unfilter(kind, line, before, step):
    """Undo the filter of a row in place (PNG, third edition, section 9)."""
    for at in range(len(line) if kind else 0):
        left, up = line[at - step] if at >= step else 0, before[at]
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = up
        elif kind == 3:
            guess = (left + up) // 2
        else:
            corner = before[at - step] if at >= step else 0
            guess = min((abs(up - corner), 0, left), (abs(left - corner), 1, up), (abs(left + up - 2 * corner), 2, corner))[2]
        line[at] = (line[at] + guess) & 255


@pytest.mark.parametrize("name", ["light", "dark"])
def test_it_is_rendered_in_light_and_in_dark(browser, name):
    width, height, colours = pixels(browser.photograph(report(check(*FAULTS)), 600, 450, name))
    assert (width, height) == (600, 450)
    assert len(colours) > 100
    (most, area) = colours.most_common(1)[0]
    assert most == {"light": (0xF3, 0xF5, 0xF8), "dark": (0x0E, 0x12, 0x17)}[name]
    assert area < 0.95 * width * height
    red = {"light": (0xC4, 0x18, 0x2B), "dark": (0xFF, 0x7B, 0x82)}[name]
    green = {"light": (0x1A, 0x7F, 0x37), "dark": (0x4A, 0xC2, 0x6B)}[name]
    assert min(colours[red], colours[green]) > 1000
