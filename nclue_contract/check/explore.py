"""Exploration after a check: Schemathesis makes up requests for some time, and our check judges the answers under the readings found.

It runs as a process of its own in a folder of its own, with our hooks; the keys are in its environment only.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

from nclue_contract.check.expectations import said
from nclue_contract.check.results import Case, CheckResult, Failure, Outcome, State
from nclue_contract.check.run import CheckOptions, credentials, permission
from nclue_contract.contract.hosts import Target
from nclue_contract.contract.model import contract
from nclue_contract.contract.openapi import document
from nclue_contract.contract.readings import Readings
from nclue_contract.signing import VARIABLES
from nclue_contract.validation.findings import Finding

INSTALL = "pip install 'nclue-contract[schemathesis]'"
"""How to get Schemathesis."""

GRACE_S = 120
"""Seconds for the start, and for the smallest example of a failure to be found."""

_COMMAND = "from schemathesis.cli import schemathesis; schemathesis()"


def require_allowed(options: CheckOptions) -> None:
    """Raise `ValueError` with a sentence when an exploration cannot be run; to be called before anything is sent."""
    if options.url is None:
        raise ValueError("--explore needs a URL: Schemathesis explores over HTTP")
    if permission(options).creations is not None:
        raise ValueError("--explore creates as many tasks as it can, so it needs a server on loopback, or --allow-create all")
    if importlib.util.find_spec("schemathesis") is None:
        raise ValueError(f"--explore needs Schemathesis; install it with: {INSTALL}")


def explore(options: CheckOptions, result: CheckResult, *, seconds: float, seed: int | None, environment: Mapping[str, str]) -> CheckResult:
    """The result of a check with what the exploration adds."""
    require_allowed(options)
    if result.trouble:
        return result
    readings = {name: left[0] for name, left in result.readings.items() if len(left) == 1}
    with tempfile.TemporaryDirectory() as folder:
        command = _prepared(Path(folder), options, readings, seconds, seed)
        keys = credentials(options, environment)
        variables = {**environment, **dict(zip(VARIABLES, (keys.access_key, keys.secret_key), strict=True))}
        variables |= {"NCLUE_FEATURE_ID": options.known.feature_id, "NCLUE_BUCKET": options.known.bucket, "NCLUE_FILE": options.known.file}
        try:
            done = subprocess.run(  # noqa: S603  # our own interpreter
                command, cwd=folder, env=variables, capture_output=True, text=True, timeout=seconds + GRACE_S, check=False
            )
        except subprocess.TimeoutExpired:
            return replace(result, notes=(*result.notes, "the exploration did not end in time"))
        report = Path(folder) / "report.xml"
        if done.returncode not in {0, 1} or not report.is_file():
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            return replace(result, trouble=f"the exploration did not run: {' '.join(last)}")
        return _with(result, list(_failures(report)), seconds, seed)


def _prepared(folder: Path, options: CheckOptions, readings: Mapping[str, str], seconds: float, seed: int | None) -> list[str]:
    """Write what Schemathesis reads, and give its command line."""
    pinned = Readings.choose(("probe", readings))
    (folder / "openapi.json").write_text(json.dumps(document(pinned)), encoding="utf-8")
    pins = "".join(f'{name} = "{option}"\n' for name, option in readings.items())
    settings = f'hooks = "nclue_contract.schemathesis_hooks"\n[checks.NclueContract.readings]\n{pins}'
    (folder / "schemathesis.toml").write_text(settings, encoding="utf-8")
    target = Target.parse(str(options.url))
    words = [sys.executable, "-c", _COMMAND, "run", "openapi.json", "--url", target.url, "--no-color", "--continue-on-failure"]
    words += ["--checks", "NclueContract,not_a_server_error", "--report", "junit", "--report-junit-path", "report.xml"]
    words += ["--max-time", str(max(1, round(seconds))), "--request-timeout", str(options.timeout_s)]
    words += [] if seed is None else ["--seed", str(seed)]
    words += [] if options.cafile is None else ["--tls-verify", str(Path(options.cafile).absolute())]
    words += [word for name, value in options.headers for word in ("--header", f"{name}:{value}")]
    return words + ([] if not options.rate else ["--rate-limit", f"{max(1, round(options.rate))}/s"])


_PROBLEM = re.compile(r"^- \S+ (?P<title>.+)\n(?P<text>(?:(?!- |\[\d{3}\] ).*\n)*)", re.MULTILINE)
"""One of the problems with a request in the JUnit report: `- ST901 NC305 response-type`, and what is told about it."""


def _failures(report: Path) -> Iterator[tuple[str, str, str]]:
    """Operation, rule and sentence of each failure in the JUnit report."""
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314  # the file is our own
        for failure in [*case.iter("failure"), *case.iter("error")]:
            for part in re.split(r"(?m)^\d+\. Test Case ID: .*\n", failure.text or ""):
                request = " ".join(part.partition("Reproduce with:")[2].split())
                for problem in _PROBLEM.finditer(part):
                    # On ground that is still open, another reading would allow what came.
                    if not re.search(r"(?m)^\s*pin:", problem["text"]):
                        yield str(case.get("name")), *_told(problem["title"], problem["text"], request)


def _told(title: str, text: str, request: str) -> tuple[str, str]:
    """The rule and a sentence: what our check says of the answer, or the words of Schemathesis, and the request."""
    rule = re.match(r"NC[0-9]{3}\b", title)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = lines[1] if rule and len(lines) > 1 else " ".join([title, *lines])
    return rule.group() if rule else "NC601", f"{said}; sent with: {request}" if request else said


def _with(result: CheckResult, found: list[tuple[str, str, str]], seconds: float, seed: int | None) -> CheckResult:
    outcomes = dict(result.outcomes)
    for operation, rule, sentence in found:
        known = rule if rule in contract().rules else "NC601"
        case = Case(f"explore[{operation}]", known)
        outcome = outcomes.setdefault(case.id, Outcome(case, State.FAILED))
        finding: Finding = said(known, sentence[:900])
        outcome.failures.append(Failure(case.id, known, finding))
    if not found:
        case = Case("explore[all operations]", "NC601")
        outcomes[case.id] = Outcome(case, State.PASSED)
    drawn = "" if seed is None else f", seed {seed}"
    note = f"Schemathesis explored for {seconds:g} s{drawn}; the tasks that it created are left on the server"
    return replace(result, outcomes=outcomes, notes=(*result.notes, note))
