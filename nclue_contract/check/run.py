"""The commands `nclue-contract check`, `probe` and `cleanup`: a plan, a server and what may be done to it go in, a result comes out."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

from nclue_contract.check.cases.plan import BUDGET, asks_readings, plan
from nclue_contract.check.expectations import FixtureData
from nclue_contract.check.ledger import Cleaned, Ledger, Remains, read_ledger, take_away
from nclue_contract.check.requests import Exchange, RequestSpec, value_of
from nclue_contract.check.results import Case, CheckResult, State
from nclue_contract.check.runner import Runner
from nclue_contract.check.sender import Limits, RunObserver, Transport
from nclue_contract.check.session import PREFIX, CheckSession
from nclue_contract.check.transport_memory import Direct
from nclue_contract.cli.progress import Progress as Bar
from nclue_contract.contract.hosts import Target, is_loopback, is_real
from nclue_contract.contract.readings import Readings
from nclue_contract.service.lifecycle import ProgressMode
from nclue_contract.service.service import Service
from nclue_contract.service.store import ExternalData
from nclue_contract.signing import EXAMPLE, VARIABLES, Credentials
from nclue_contract.validation.response import SUCCESS
from nclue_contract.validation.validator import Validator

REAL_RATE = 1.0
"""Requests per second to the real service, at most: the documented limit, which no option lifts."""

INSTALL = "pip install 'nclue-contract[check]'"
"""How to get what a check over HTTP needs."""

EMBEDDED = "the embedded reference server"
FAILING_FILE = "churn/broken.tsv"
"""A file of the embedded server with which tasks fail."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a user asks for. `url` None is the embedded server; `allow_create` is None, a number, or `all`."""

    url: str | None = None
    known: FixtureData = field(default_factory=FixtureData)
    credentials: Credentials | None = None
    signed_prefix: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    cafile: str | None = None
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    full: bool = False
    budget: int | None = None
    rate: float = 0.0
    timeout_s: float = 10.0
    lifecycle_s: float = 60.0
    allow_create: str | None = None
    ledger: Path | None = None
    probe: bool = False
    strict: bool = False
    ids: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Permission:
    """What may be done to a server: how many creations (None: as many as it takes), how fast, and whether a ledger must be kept."""

    creations: int | None
    rate: float
    ledger: bool
    mode: str


def permission(options: Options) -> Permission:
    """What the kind of host and the options allow. Raises `ValueError` for what the real service must never see."""
    if options.url is None:
        return Permission(None, 0.0, ledger=False, mode="in this process, with a clock of its own")
    host = Target.parse(options.url).host
    allowed = None if options.allow_create is None else options.allow_create.lower()
    if allowed is not None and allowed != "all" and not re.fullmatch("[0-9]{1,6}", allowed):
        raise ValueError(f"--allow-create is a number or all, not {options.allow_create!r:.40}")
    if is_real(host):
        if allowed == "all":
            raise ValueError("--allow-create all is not for the real service, where tasks are billed; give a number")
        creations = int(allowed or 0)
        rate = min(options.rate or REAL_RATE, REAL_RATE)
        what = f"at most {creations} creations" if creations else "read-only; --allow-create N lets it create tasks, which are billed"
        return Permission(creations, rate, ledger=bool(creations), mode=f"the real service: {what}, one request per second")
    if is_loopback(host):
        number = None if allowed in {None, "all"} else int(allowed or 0)
        return Permission(number, options.rate, ledger=False, mode="loopback" if number is None else f"at most {number} creations")
    number = None if allowed == "all" else int(allowed or 0)
    mode = "creations allowed" if number is None else f"at most {number} creations"
    return Permission(number, options.rate, ledger=number != 0, mode=mode if number != 0 else "read-only; --allow-create N|all lifts that")


def cases(options: Options) -> list[Case]:
    """The plan that the options ask for."""
    may_create = permission(options).creations != 0
    chosen = plan(full=options.full, may_create=may_create, only=options.only, skip=options.skip, ids=options.ids)
    if len(chosen) == 1 and (options.only or options.skip):
        raise ValueError("with --only and --skip as they are, no case is left; `nclue-contract check --dry-run` lists the cases")
    return [chosen[0], *(case for case in chosen[1:] if not options.probe or asks_readings(case))]


def require_usable(known: FixtureData, readings: Readings) -> None:
    """Raise `ValueError` for what a server cannot know, since it breaks a rule: all cases would be refused, and for another reason."""
    base = {"name": PREFIX, "train_feature_id": known.feature_id, "train_bucket": known.bucket}
    for option, path in (("--file", known.file), ("--failing-file", known.failing_file or known.file)):
        payload = base | {"train_file_path": path}
        for finding in Validator(readings, strict=True).validate_request(payload).findings:
            if finding.pointer == "/train_file_path":
                raise ValueError(f"{option} {path!r:.80} is not allowed under every reading: {finding.message}")
        for finding in Validator(readings).validate_request(payload).errors:
            raise ValueError(f"--feature-id or --bucket cannot be sent: {finding.message}")


def budget(options: Options, chosen: Sequence[Case]) -> int:
    """Requests that may be sent: what the user says, else that of the default plan, or what a full one takes."""
    if options.budget is not None:
        return options.budget
    return max(BUDGET, sum(case.requests for case in chosen) + BUDGET // 4) if options.full else BUDGET


def check(options: Options, readings: Readings, environment: Mapping[str, str], stderr: TextIO, *, bar: bool) -> CheckResult:
    """Run the plan. Raises `ValueError` with a sentence for what the user can mend, and `OSError` for a ledger that cannot be written."""
    allowed, chosen = permission(options), cases(options)
    require_usable(options.known, readings)
    keys = credentials(options, environment)
    run = secrets.token_hex(3)
    limits = Limits(budget(options, chosen), allowed.creations, allowed.rate, clean_up=options.url is not None)
    with ExitStack() as stack:
        transport, target = _transport(options, keys, readings, stack)
        book = _ledger(options, allowed, run, transport, stack)
        progress = Bar(stderr, limits.budget, enabled=bar, doing="checking", spell=lambda number: f"{number:,} requests")
        stack.callback(progress.clear)

        def heard(exchange: Exchange, *_: int) -> None:
            progress.advance(1)
            if book is not None:
                book.exchange(exchange)

        bench = CheckSession(
            readings,
            options.known if options.url is not None else replace(options.known, failing_file=FAILING_FILE),
            run=run,
            prefix=transport.prefix,
            now_ms=transport.now_ms,
            credentials=keys,
            strict=options.strict,
            exact_clock=transport.exact_clock,
            lifecycle_s=options.lifecycle_s,
        )
        observer = RunObserver(exchange=heard, creation=book.creation if book else lambda _: None)
        result = Runner(bench, chosen, transport, limits, observer).run(target, allowed.mode)
        if result.failures and keys is EXAMPLE and options.url is not None:
            pair = " ".join(f"{name}={value}" for name, value in zip(VARIABLES, (keys.access_key, keys.secret_key), strict=True))
            result = replace(result, notes=(*result.notes, f"to send a request again, first: export {pair}"))
        return book.closed(result) if book else result


def credentials(options: Options, environment: Mapping[str, str]) -> Credentials:
    """Those of the options, or of the environment. On loopback, and only there, the fake ones stand in when nobody gave any."""
    if options.credentials is not None:
        return options.credentials
    given = any(environment.get(name, "").strip() for name in VARIABLES)
    if options.url is None or (not given and is_loopback(Target.parse(options.url).host)):
        return EXAMPLE
    if not given:
        names = " and ".join(VARIABLES)
        raise ValueError(f"{options.url} is not on this machine, where a fake key pair would do: the environment needs {names}")
    return Credentials.from_environment(environment)


def _transport(options: Options, keys: Credentials, readings: Readings, stack: ExitStack) -> tuple[Transport, str]:
    if options.url is None:
        fixture_data = ExternalData(failing_files={FAILING_FILE: "NUM_OF_LABEL_INSUFFICIENT"})
        service = Service(
            {keys.access_key: keys.secret_key}, readings=readings, progress=ProgressMode("seconds", 0.5), fixture_data=fixture_data
        )
        return Direct(service.handle, service.prefix, keys), EMBEDDED
    target = Target.parse(options.url, options.signed_prefix)
    return connection(options, target, keys, stack), target.url


def connection(options: Options, target: Target, keys: Credentials, stack: ExitStack) -> Transport:
    """A transport over HTTP, closed by the stack. Raises `ValueError` with the line that installs what it needs, if that is missing."""
    try:
        from nclue_contract.check.transport_http import Wire  # noqa: PLC0415  # the embedded server needs no HTTP
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "h11":
            raise
        raise ValueError(f"a check over HTTP needs h11; install it with: {INSTALL}") from error
    known = options.known
    names = (known.feature_id, known.bucket, known.file, known.failing_file or "")
    wire = Wire(target, keys, headers=options.headers, cafile=options.cafile, timeout_s=options.timeout_s, ordinary=names)
    stack.callback(wire.close)
    return wire


# -- the ledger ----------------------------------------------------------------------------------------------------------------------


class _Book:
    """Writes the ledger while a check runs, and takes the file away when nothing is left behind and nobody asked for it."""

    def __init__(self, ledger: Ledger, *, keep: bool) -> None:
        self._ledger = ledger
        self._keep = keep

    def creation(self, ask: RequestSpec) -> None:
        """Before a creation is sent."""
        self._ledger.creating(_name(ask))

    def exchange(self, exchange: Exchange) -> None:
        """After a request was answered. Half an answer, or one without an ID, leaves open what became of a creation."""
        task_id = exchange.fields.get("task_id") if exchange.accepted else None
        refused = (400 <= exchange.status < 500 and not exchange.error) or exchange.not_sent
        if exchange.request.creates and (refused or isinstance(task_id, str)):
            self._ledger.answered(_name(exchange.request), task_id)
        elif exchange.request.operation == "deleteTask" and exchange.status in {SUCCESS, 404}:
            self._ledger.deleted(exchange.target.rpartition("/")[2])

    def closed(self, result: CheckResult) -> CheckResult:
        """The result, with a note about the ledger if there is something in it."""
        self._ledger.close()
        remains = read_ledger(self._ledger.path)
        if not remains.task_ids and not remains.uncertain:
            if not self._keep:
                self._ledger.path.unlink(missing_ok=True)
            return result
        note = f"the ledger is {self._ledger.path}; `nclue-contract cleanup {self._ledger.path}` deletes what is left"
        return replace(result, notes=(*result.notes, note))


def _name(ask: RequestSpec) -> str:
    payload = value_of(ask.body)
    name = payload.get("name") if isinstance(payload, dict) else None
    return name if isinstance(name, str) else ""


def _ledger(options: Options, allowed: Permission, run: str, transport: Transport, stack: ExitStack) -> _Book | None:
    if options.ledger is None and not allowed.ledger:
        return None
    path = options.ledger or Path(f"nclue-check-{run}.jsonl")
    ledger = Ledger(path, {"url": options.url or "", "signed_prefix": transport.prefix, "run": run})
    stack.callback(ledger.close)
    return _Book(ledger, keep=options.ledger is not None)


# -- what was accepted before --------------------------------------------------------------------------------------------------------


def baseline(path: Path) -> frozenset[tuple[str, str]]:
    """Cases and rules of the failures in an earlier JSON report. Raises `ValueError` for a file that is none, or cannot be read."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        return frozenset((entry["case"], entry["rule"]) for entry in report["failures"])
    except OSError as error:
        raise ValueError(f"--baseline: {path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"--baseline: {path} is no JSON report of a check") from error


def accept(result: CheckResult, known: Collection[tuple[str, str]]) -> CheckResult:
    """Mark the failures that a baseline knows."""
    for outcome in result.outcomes.values():
        outcome.failures = [replace(failure, accepted=failure.key in known) for failure in outcome.failures]
        if outcome.failures and all(failure.accepted for failure in outcome.failures):
            outcome.state, outcome.reason = State.INCONCLUSIVE, "its failures stand in the baseline"
    return result


# -- cleaning up later ---------------------------------------------------------------------------------------------------------------


def clean_up(remains: Remains, options: Options, environment: Mapping[str, str]) -> Cleaned:
    """Delete what a ledger says is left on its server. Raises `ValueError` as `check` does."""
    options = replace(options, url=remains.url)
    target = Target.parse(remains.url, remains.signed_prefix)
    with ExitStack() as stack:
        transport = connection(options, target, credentials(options, environment), stack)
        return take_away(remains, transport, permission(options).rate)
