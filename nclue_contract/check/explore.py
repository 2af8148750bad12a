"""Exploration after a check: Schemathesis generates requests, and our check validates the responses under the readings found.

Schemathesis runs as a process of its own in a folder of its own, with the hooks in `schemathesis_hooks.exploration`; the keys are in its
environment only. Each finding comes back as one line of a JSON Lines file, so that findings are not lost when the time limit ends the
process.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path

from nclue_contract.check.expectations import finding_of
from nclue_contract.check.request_builder import NAME_PREFIX
from nclue_contract.check.results import Case, CheckResult, Failure, Outcome, State
from nclue_contract.check.run import CheckOptions, credentials, permission
from nclue_contract.contract.hosts import Target
from nclue_contract.contract.masking import Masker, header_secrets
from nclue_contract.contract.model import contract
from nclue_contract.contract.openapi import document
from nclue_contract.contract.readings import Readings
from nclue_contract.contract.wording import counted
from nclue_contract.signing import VARIABLES, Credentials

INSTALL = "pip install 'nclue-contract[schemathesis]'"
"""How to get Schemathesis."""

FINDINGS_FILE = "NCLUE_FINDINGS_FILE"
"""The environment variable that names the file of findings; internal."""

EVERYTHING = "all operations"
"""The operation of a finding that is about no single one."""

SERVER_ERROR = "NC601"
"""The rule of a server that fails, or gives no response."""

GRACE_S = 5.0
"""Seconds that the process has between the request to end and its forced end."""

_COMMAND = "from schemathesis.cli import schemathesis; schemathesis()"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where an exploration ends: after so many examples per operation and phase, drawn with a seed, and after so many seconds at most."""

    seconds: float
    examples: int
    seed: int


@dataclass(frozen=True, slots=True)
class Found:
    """One line of the file of findings.

    `rule` is empty for an error of Schemathesis itself. `pin` names the option of an open reading that would allow the response. `request`
    is a curl command without secrets.
    """

    operation: str
    rule: str
    message: str
    pin: str | None = None
    request: str = ""

    def append_to(self, path: Path) -> None:
        """Append the whole line with one write call."""
        _append(path, asdict(self))


def finish(path: Path, reason: str) -> None:
    """Append the last line, which says that the run finished."""
    _append(path, {"finished": reason})


def _append(path: Path, value: Mapping[str, object]) -> None:
    with path.open("ab", buffering=0) as file:
        file.write(json.dumps(value).encode() + b"\n")


def read_findings(path: Path) -> tuple[list[Found], bool]:
    """Return the findings in a file, and whether the run finished. A last line without its line break is incomplete, and is ignored."""
    found, finished = [], False
    for line in path.read_bytes().split(b"\n")[:-1] if path.is_file() else ():
        value = json.loads(line)
        if "finished" in value:
            finished = True
        else:
            found.append(Found(**value))
    return found, finished


def require_allowed(options: CheckOptions) -> None:
    """Raise `ValueError` with a sentence when an exploration cannot be run; to be called before anything is sent."""
    if options.url is None:
        raise ValueError("--explore needs a URL: Schemathesis explores over HTTP")
    if permission(options).create_requests is not None:
        raise ValueError("--explore creates as many tasks as it can, so it needs a server on loopback, or --allow-create all")
    if importlib.util.find_spec("schemathesis") is None:
        raise ValueError(f"--explore needs Schemathesis; install it with: {INSTALL}")


def explore(options: CheckOptions, result: CheckResult, bounds: Bounds, environment: Mapping[str, str]) -> CheckResult:
    """Return the result of a check, with the findings of an exploration added."""
    require_allowed(options)
    if result.stop_reason:
        return result
    readings = {name: left[0] for name, left in result.readings.items() if len(left) == 1}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = _prepared(folder, options, readings, bounds)
        keys = credentials(options, environment)
        variables = {**environment, **dict(zip(VARIABLES, (keys.access_key, keys.secret_key), strict=True))}
        variables |= {"NCLUE_FEATURE_ID": options.known.feature_id, "NCLUE_BUCKET": options.known.bucket, "NCLUE_FILE": options.known.file}
        variables |= {FINDINGS_FILE: str(folder / "findings.jsonl"), "PYTHONUTF8": "1"}
        ended_by_limit, output = _run(command, folder, variables, bounds.seconds)
        found, finished = read_findings(folder / "findings.jsonl")
    masker = _masker(options, keys)
    output = masker.text(output)
    found = [replace(one, message=masker.text(one.message), request=masker.text(one.request)) for one in found]
    if not finished and not ended_by_limit:
        result = replace(result, stop_reason=f"the exploration did not run to its end: {' '.join(output.strip().splitlines()[-1:])}")
    return _with(result, found, bounds, finished=finished)


def _masker(options: CheckOptions, keys: Credentials) -> Masker:
    """Return what masks the keys and the values of `--header`. The hooks have masked the signatures, which only they know."""
    secrets = [secret for _, value in options.headers for secret in header_secrets(value)]
    public = " ".join((json.dumps(document()), NAME_PREFIX, *filter(None, astuple(options.known))))
    return Masker([keys.access_key, keys.secret_key, *secrets], public=public)


def _prepared(folder: Path, options: CheckOptions, readings: Mapping[str, str], bounds: Bounds) -> list[str]:
    """Write what Schemathesis reads, and give its command line."""
    pinned = Readings.choose(("probe", readings))
    (folder / "openapi.json").write_text(json.dumps(document(pinned)), encoding="utf-8")
    pins = "".join(f'{name} = "{option}"\n' for name, option in readings.items())
    settings = f'hooks = "nclue_contract.schemathesis_hooks.exploration"\n[checks.NclueExploration.readings]\n{pins}'
    (folder / "schemathesis.toml").write_text(settings, encoding="utf-8")
    target = Target.parse(str(options.url))
    words = [sys.executable, "-c", _COMMAND, "run", "openapi.json", "--url", target.url, "--no-color", "--checks", "NclueExploration"]
    # Not --max-time: with it, Schemathesis repeats what it has done until the time is over. Health checks measure the speed of the machine.
    words += ["--max-examples", str(bounds.examples), "--seed", str(bounds.seed), "--generation-database", "none", "--workers", "1"]
    words += ["--suppress-health-check", "all", "--request-timeout", str(options.timeout_s)]
    words += [] if options.cafile is None else ["--tls-verify", str(Path(options.cafile).absolute())]
    words += [word for name, value in options.headers for word in ("--header", f"{name}:{value}")]
    return words + ([] if not options.rate else ["--rate-limit", f"{max(1, round(options.rate))}/s"])


def _run(command: list[str], folder: Path, variables: Mapping[str, str], seconds: float) -> tuple[bool, str]:
    """Run a process; whether the time limit has ended it, and its output."""
    with subprocess.Popen(  # noqa: S603  # our own interpreter
        command, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
    ) as process:
        try:
            return False, process.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            process.terminate()
            try:
                return True, process.communicate(timeout=GRACE_S)[0]
            except subprocess.TimeoutExpired:
                return True, ""
        finally:
            process.kill()  # without effect on a process that has ended


def _with(result: CheckResult, found: Iterable[Found], bounds: Bounds, *, finished: bool) -> CheckResult:
    outcomes, notes, failures = dict(result.outcomes), [*result.notes], _failures(found)
    for one in failures:
        case = Case(f"explore[{one.operation}]", one.rule)
        outcome = outcomes.setdefault(case.id, Outcome(case, State.FAILED))
        sentence = f"{one.message}; sent with: {one.request}" if one.request else one.message
        outcome.failures.append(Failure(case.id, one.rule, finding_of(one.rule, sentence[:900])))
    if not failures:
        case = Case(f"explore[{EVERYTHING}]", SERVER_ERROR)
        reason = "" if finished else "the exploration did not come to its end"
        outcomes[case.id] = Outcome(case, State.PASSED if finished else State.NOT_TESTED, reason)
    if not result.stop_reason:
        drawn = f"{counted(bounds.examples, 'example')} per operation and phase, seed {bounds.seed}"
        notes.append(f"Schemathesis explored with {drawn}; the tasks that it created are left on the server")
    if not finished and not result.stop_reason:
        limit = f"the time limit of {bounds.seconds:g} s ended the exploration before all examples were sent"
        notes.append(f"{limit}; the findings up to then are in this report")
    notes += dict.fromkeys(f"Schemathesis reports an error for {one.operation}: {one.message}"[:900] for one in found if not one.rule)
    return replace(result, outcomes=outcomes, notes=tuple(notes))


def _failures(found: Iterable[Found]) -> list[Found]:
    """One finding per operation and rule, the one with the shortest request.

    A finding with a pin is no failure: on ground that is still open, another reading would allow the response.
    """
    shortest: dict[tuple[str, str], Found] = {}
    for one in found:
        if one.rule in contract().rules and one.pin is None:
            key = (one.operation, one.rule)
            shortest[key] = min(shortest.get(key, one), one, key=lambda found: len(found.request))
    return list(shortest.values())
