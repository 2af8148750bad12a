"""The HTML report in Chromium: under its own policy, on a telephone, without its script, in light and in dark, from a hostile server."""

import dataclasses
import html
import json
import re
import struct
import subprocess
import zlib
from collections import Counter
from pathlib import Path

import pytest

from nclue_contract.check.results import State
from tests.support.html_reports import FAULTS, HOSTILE, check, one_failure, page, report
from tests.support.tools import chromium_command

OPTIONS = [
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # no network lookups
]


@pytest.fixture
def chromium(tmp_path):
    """Return a function (page, options) that opens a text in Chromium and returns what it prints."""
    chromium = chromium_command()

    def run(text, *options):
        file = tmp_path / "page.html"
        file.write_text(text, encoding="utf-8")
        command = [*chromium, *OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", *options, file.as_uri()]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def in_frame(text, script, *, width=1280, sandbox=None):
    """Return a page that contains a report in a frame of this width (windows are never narrower than 500 pixels), policy included.

    `script` is run outside of it when it is there; what it returns stands as JSON in the page. `page` is the document in the frame.
    """
    box = "" if sandbox is None else f' sandbox="{sandbox}"'
    return f"""<!DOCTYPE html><meta charset="utf-8"><body style="margin: 0"><pre id="result"></pre>
<iframe{box} style="width: {width}px; height: 900px; border: 0" srcdoc="{html.escape(text)}"></iframe>
<script>
const problems = [];
addEventListener("load", async () => {{
  const frame = document.querySelector("iframe");
  const page = frame.contentDocument;
  const view = frame.contentWindow;
  const turn = () => new Promise((done) => setTimeout(done, 50));
  let result;
  try {{ result = await (async () => {{ {script} }})(); }} catch (error) {{ result = String(error); }}
  document.getElementById("result").textContent = JSON.stringify(result);
  frame.remove();
}});
</script>"""


def printed(output):
    return json.loads(html.unescape(re.search(r'<pre id="result">(.*?)</pre>', output, re.DOTALL)[1]))


BUDGET = "--virtual-time-budget=8000"


@pytest.mark.parametrize("faults", [FAULTS, ()], ids=["with failures", "clean"])
def test_nothing_is_wider_than_a_telephone_even_when_everything_is_open(chromium, faults):
    script = """
        for (const details of page.querySelectorAll("details")) details.open = true;
        const wide = [...page.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > 400.5
            && !one.closest("pre, .wide, .hidden, .skip")).map((one) => one.outerHTML.slice(0, 200));
        return [view.innerWidth, page.documentElement.scrollWidth, wide.slice(0, 3)];
    """
    assert printed(chromium(in_frame(report(check(*faults)), script, width=400), "--dump-dom", BUDGET)) == [400, 400, []]


def test_the_policy_lets_style_and_script_work(chromium):
    script = """
        const tile = page.querySelector(".tile.failed");
        return [page.getElementById("filter").hidden, view.getComputedStyle(tile).borderLeftStyle,
            page.querySelectorAll("button").length === page.querySelectorAll("[data-copy]").length];
    """
    assert printed(chromium(in_frame(report(check(*FAULTS)), script), "--dump-dom", BUDGET)) == [False, "double", True]


def test_without_script_everything_is_there_and_no_dead_control(chromium):
    script = """
        const drawn = (one) => one.getClientRects().length > 0;
        const details = page.getElementById("rule-NC120");
        details.open = true;
        return [[...page.querySelectorAll("input, button")].some(drawn), drawn(page.querySelector("article pre")),
            [...details.querySelectorAll(".case")].every(drawn), [...page.querySelectorAll(".tile")].every(drawn)];
    """
    assert printed(chromium(in_frame(report(check(*FAULTS)), script, sandbox="allow-same-origin"), "--dump-dom", BUDGET)) == [
        False,
        True,
        True,
        True,
    ]


def test_cases_can_be_filtered_by_state_and_by_words(chromium):
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
    counts = printed(chromium(in_frame(report(result), script), "--dump-dom", BUDGET))
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


def test_a_link_opens_what_it_leads_to_even_if_the_filter_had_hidden_it(chromium):
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
    assert printed(chromium(in_frame(report(check(*FAULTS)), script), "--dump-dom", BUDGET)) == [True, False, True, True, True]


def test_a_curl_line_is_copied_whole(chromium):
    script = """
        let copied = null;
        Object.defineProperty(view.navigator, "clipboard", { value: { writeText: async (text) => { copied = text; } } });
        const button = page.querySelector("article button");
        button.click();
        await turn();
        return [copied, button.textContent, button.getAttribute("aria-label"), page.getElementById("status").textContent];
    """
    line = "curl --data '{\"a\": \"<&>\"}' \\\n 'http://127.0.0.1/'"
    answer = printed(chromium(in_frame(report(one_failure(), curl=lambda _: line), script), "--dump-dom", BUDGET))
    assert answer == [line, "Copied", "Copy the curl command", "Copied the curl command"]


def test_a_hostile_server_runs_nothing_in_a_browser(chromium):
    text = "".join(HOSTILE[:9]).replace("alert(1)", "parent.problems.push(1)")
    result = dataclasses.replace(one_failure(body=text.encode(), error=text), target=text, stop_reason=text, notes=(text,))
    script = "return [problems, page.scripts.length, page.images.length, page.querySelectorAll('svg[onload]').length];"
    assert printed(chromium(in_frame(report(result, curl=lambda _: text), script), "--dump-dom", BUDGET)) == [[], 1, 0, 0]


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


@pytest.mark.parametrize(("scheme", "name"), [(1, "light"), (0, "dark")], ids=["light", "dark"])
def test_it_is_rendered_in_light_and_in_dark(chromium, tmp_path, scheme, name):
    shot = tmp_path / "shot.png"
    chromium(report(check(*FAULTS)), f"--blink-settings=preferredColorScheme={scheme}", "--window-size=900,700", f"--screenshot={shot}")
    width, height, colours = pixels(shot)
    assert (width, height) == (900, 700)
    assert len(colours) > 100
    (most, area) = colours.most_common(1)[0]
    assert most == {"light": (0xF3, 0xF5, 0xF8), "dark": (0x0E, 0x12, 0x17)}[name]
    assert area < 0.95 * width * height
    red = {"light": (0xC4, 0x18, 0x2B), "dark": (0xFF, 0x7B, 0x82)}[name]
    green = {"light": (0x1A, 0x7F, 0x37), "dark": (0x4A, 0xC2, 0x6B)}[name]
    assert min(colours[red], colours[green]) > 1000
