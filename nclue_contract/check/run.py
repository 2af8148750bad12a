"""One check run, for the command and the pytest plugin: from options to permissions, plan, transport and ledger, and to the result."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote

from nclue_contract.check.cases.plan import BUDGET, plan
from nclue_contract.check.expectations import FixtureData
from nclue_contract.check.ledger import CleanupResult, Ledger, LedgerContents, delete_remaining, read_ledger
from nclue_contract.check.request_builder import NAME_PREFIX
from nclue_contract.check.requests import Exchange, RequestSpec, value_of
from nclue_contract.check.results import Case, CheckResult, State
from nclue_contract.check.runner import Runner
from nclue_contract.check.sender import WAIT_S, Limits, RunObserver, StopError, StopReason, Transport
from nclue_contract.check.session import CheckSession
from nclue_contract.check.task_ids import why_unusable
from nclue_contract.check.transport_memory import MemoryTransport
from nclue_contract.contract.extras import require_extra
from nclue_contract.contract.hosts import Target, is_loopback, is_real
from nclue_contract.contract.readings import Readings
from nclue_contract.service.lifecycle import ProgressMode
from nclue_contract.service.service import Service
from nclue_contract.service.store import ExternalData
from nclue_contract.signing import EXAMPLE, VARIABLES, Credentials
from nclue_contract.validation.validator import Validator

REAL_RATE = 1.0
"""Requests per second to the real service, at most: the documented limit, which no option lifts."""

CONNECTIONS = 8
"""Requests that are under way at the same moment, at most, unless an option says otherwise."""

EMBEDDED = "the embedded reference server"
"""The target of a check without a URL, in reports."""

FAILING_FILE = "churn/broken.tsv"
"""A file of the embedded server whose tasks fail."""


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """The options of a check.

    `url` None is the embedded server. `allow_create` is None, a number, or `all`. `only` and `skip` are prefixes of rule codes, `ids` the
    test cases to run (None: all). `probe` runs only the cases that tell readings apart; `strict` makes advisories failures, `fail_on`
    those of rules with these prefixes. `wait_s`: seconds for which a server that does not respond at the beginning is waited for.
    `connections`: how many requests are under way at the same moment, at most, where there is no `rate`.
    """

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
    fail_on: tuple[str, ...] = ()
    ids: frozenset[str] | None = None
    wait_s: float = WAIT_S
    connections: int = CONNECTIONS


@dataclass(frozen=True, slots=True)
class Permission:
    """What may be done to a server: create requests (None: no limit), requests per second (0: no limit), and whether to keep a ledger.

    `mode` is the sentence about it in reports.
    """

    create_requests: int | None
    rate: float
    ledger: bool
    mode: str


def permission(options: CheckOptions) -> Permission:
    """Return what the host and the options allow. Raises `ValueError` for what the real service must never get."""
    if options.url is None:
        return Permission(None, 0.0, ledger=False, mode="in this process, with a simulated clock")
    host = Target.parse(options.url).host
    allowed = None if options.allow_create is None else options.allow_create.lower()
    if allowed is not None and allowed != "all" and not re.fullmatch("[0-9]{1,6}", allowed):
        raise ValueError(f"--allow-create is a number or all, not {options.allow_create!r:.40}")
    if is_real(host):
        if allowed == "all":
            raise ValueError("--allow-create all is not for the real service, where tasks are billed; give a number")
        most = int(allowed or 0)
        rate = min(options.rate or REAL_RATE, REAL_RATE)
        what = f"at most {most} create requests" if most else "read-only; --allow-create N lets it create tasks, which are billed"
        return Permission(most, rate, ledger=bool(most), mode=f"the real service: {what}, one request per second")
    if is_loopback(host):
        number = None if allowed in {None, "all"} else int(allowed or 0)
        return Permission(number, options.rate, ledger=False, mode="loopback" if number is None else f"at most {number} create requests")
    number = None if allowed == "all" else int(allowed or 0)
    mode = "create requests allowed" if number is None else f"at most {number} create requests"
    return Permission(number, options.rate, ledger=number != 0, mode=mode if number != 0 else "read-only; --allow-create N|all lifts that")


def selected_cases(options: CheckOptions) -> list[Case]:
    """Return the test cases that the options select. Raises `ValueError` if none is left."""
    may_create = permission(options).create_requests != 0
    chosen = plan(full=options.full, may_create=may_create, only=options.only, skip=options.skip, ids=options.ids)
    if len(chosen) == 1 and (options.only or options.skip):
        raise ValueError("--only and --skip leave no test case; `nclue-contract check --dry-run` lists the cases")
    if not options.probe:
        return chosen
    deciding = {case.decided_by for case in chosen[1:] if case.determines_readings}
    return [chosen[0], *(case for case in chosen[1:] if case.determines_readings or case.id in deciding)]


def require_usable(known: FixtureData, readings: Readings) -> None:
    """Raise `ValueError` for test data that violates a rule: a server cannot have it, and would reject every test case for that reason."""
    base = {"name": NAME_PREFIX, "train_feature_id": known.feature_id, "train_bucket": known.bucket}
    files = {"--file": known.file, "--failing-file": known.failing_file, "--test-file": known.test_file}
    for option, path in ((option, path or known.file) for option, path in files.items()):
        payload = base | {"train_file_path": path}
        for finding in Validator(readings, strict=True).validate_request(payload).findings:
            if finding.pointer == "/train_file_path":
                raise ValueError(f"{option} {path!r:.80} is not allowed under every reading: {finding.message}")
        for finding in Validator(readings).validate_request(payload).errors:
            raise ValueError(f"--feature-id or --bucket cannot be sent: {finding.message}")


def budget(options: CheckOptions, chosen: Sequence[Case]) -> int:
    """Return how many requests may be sent: the option, else the default, else what the full plan needs."""
    if options.budget is not None:
        return options.budget
    return max(BUDGET, sum(case.requests for case in chosen) + BUDGET // 4) if options.full else BUDGET


def check(
    options: CheckOptions,
    readings: Readings,
    environment: Mapping[str, str],
    on_request: Callable[[int, int], object] = lambda *_: None,
    on_notice: Callable[[str], object] = lambda _: None,
) -> CheckResult:
    """Run the plan. `on_request` is called after each request, with the number of requests so far and the budget.

    `on_notice` is called with a sentence when something takes long: a server that is waited for, or a clean-up after an interruption.

    Raises `ValueError` with a sentence for what the user can correct, and `OSError` for a ledger that cannot be written.
    """
    allowed, chosen = permission(options), selected_cases(options)
    require_usable(options.known, readings)
    keys = credentials(options, environment)
    run = secrets.token_hex(3)
    limits = Limits(
        budget(options, chosen),
        allowed.create_requests,
        allowed.rate,
        clean_up=options.url is not None,
        wait_s=options.wait_s,
        connections=1 if options.url is None else options.connections,
    )
    with ExitStack() as stack:
        transport, target = _transport(options, keys, readings, stack)
        ledger = _ledger(options, allowed, run, transport, stack)

        def on_exchange(exchange: Exchange, requests: int, most: int) -> None:
            on_request(requests, most)
            if ledger is not None:
                ledger.exchange(exchange)

        session = CheckSession(
            readings,
            options.known if options.url is not None else replace(options.known, failing_file=FAILING_FILE),
            run=run,
            prefix=transport.prefix,
            now_ms=transport.now_ms,
            credentials=keys,
            strict=options.strict,
            fail_on=options.fail_on,
            exact_clock=transport.exact_clock,
            lifecycle_s=options.lifecycle_s,
        )
        observer = RunObserver(
            exchange=on_exchange,
            create_request=ledger.create_request if ledger else lambda _: None,
            notice=lambda sentence: on_notice(f"{target}: {sentence}"),
        )
        result = Runner(session, chosen, transport, limits, observer).run(target, allowed.mode)
        if result.failures and keys is EXAMPLE and options.url is not None:
            pair = " ".join(f"{name}={value}" for name, value in zip(VARIABLES, (keys.access_key, keys.secret_key), strict=True))
            result = replace(result, notes=(*result.notes, f"before reproducing a request: export {pair}"))
        return ledger.close(result) if ledger else result


def credentials(options: CheckOptions, environment: Mapping[str, str]) -> Credentials:
    """Return the key pair of the options, else of the environment, else on loopback, and only there, the example pair."""
    if options.credentials is not None:
        return options.credentials
    given = any(environment.get(name, "").strip() for name in VARIABLES)
    if options.url is None or (not given and is_loopback(Target.parse(options.url).host)):
        return EXAMPLE
    if not given:
        names = " and ".join(VARIABLES)
        raise ValueError(f"{options.url} is not on this machine, where an example key pair would do: set {names} in the environment")
    return Credentials.from_environment(environment)


def _transport(options: CheckOptions, keys: Credentials, readings: Readings, stack: ExitStack) -> tuple[Transport, str]:
    if options.url is None:
        fixture_data = ExternalData(failing_files={FAILING_FILE: "NUM_OF_LABEL_INSUFFICIENT"})
        service = Service(
            {keys.access_key: keys.secret_key}, readings=readings, progress=ProgressMode("seconds", 0.5), fixture_data=fixture_data
        )
        return MemoryTransport(service.handle, service.prefix, keys), EMBEDDED
    target = Target.parse(options.url, options.signed_prefix)
    return http_transport(options, target, keys, stack), target.url


def http_transport(options: CheckOptions, target: Target, keys: Credentials, stack: ExitStack) -> Transport:
    """Return a transport over HTTP, which the stack closes. Raises `MissingExtraError`."""
    with require_extra("check", "a check over HTTP needs h11"):
        from nclue_contract.check.transport_http import HttpTransport  # noqa: PLC0415  # the embedded server needs no HTTP
    known = options.known
    names = [value for value in astuple(known) if value]
    transport = HttpTransport(target, keys, headers=options.headers, cafile=options.cafile, timeout_s=options.timeout_s, not_secret=names)
    stack.callback(transport.close)
    return transport


# -- the ledger ----------------------------------------------------------------------------------------------------------------------


class _LedgerObserver:
    """Writes the ledger during a run, and deletes the file if no task is left, unless the user has named it (`keep`)."""

    def __init__(self, ledger: Ledger, *, keep: bool) -> None:
        self._ledger = ledger
        self._keep = keep
        self._problem = ""

    def create_request(self, request: RequestSpec) -> None:
        """Record a create request that is about to be sent. Raise `StopError` if that, or an earlier record, could not be written."""
        self._record(lambda: self._ledger.creating(_name(request)))
        if self._problem:
            path = self._ledger.path
            advice = f"`nclue-contract cleanup {path}` deletes the tasks that it lists"
            raise StopError(
                StopReason.LEDGER, f"the ledger {path} cannot be written: {self._problem}, so no more tasks are created; {advice}"
            )

    def exchange(self, exchange: Exchange) -> None:
        """Record a response. An incomplete one, or one without an ID that can be used, leaves open whether a task was created."""
        task_id = exchange.fields.get("task_id") if exchange.accepted else None
        rejected = (400 <= exchange.status < 500 and not exchange.error) or exchange.not_sent
        if exchange.request.creates and (rejected or (isinstance(task_id, str) and not why_unusable(task_id))):
            self._record(lambda: self._ledger.answered(_name(exchange.request), task_id))
        elif exchange.request.operation == "deleteTask" and (exchange.accepted or exchange.status == HTTPStatus.NOT_FOUND):
            self._record(lambda: self._ledger.deleted(unquote(exchange.target.rpartition("/")[2])))

    def _record(self, write: Callable[[], None]) -> None:
        """Write a record, unless an earlier one failed: what follows would be read as part of that line."""
        if not self._problem:
            try:
                write()
            except OSError as error:
                self._problem = error.strerror or str(error)

    def close(self, result: CheckResult) -> CheckResult:
        """Close the ledger and return the result, with a note if tasks are left."""
        self._ledger.close()
        contents = read_ledger(self._ledger.path)
        if not contents.task_ids and not contents.uncertain:
            if not self._keep:
                self._ledger.path.unlink(missing_ok=True)
            return result
        note = f"the ledger is {self._ledger.path}; `nclue-contract cleanup {self._ledger.path}` deletes the remaining tasks"
        return replace(result, notes=(*result.notes, note))


def _name(request: RequestSpec) -> str:
    payload = value_of(request.body)
    name = payload.get("name") if isinstance(payload, dict) else None
    return name if isinstance(name, str) else ""


def _ledger(options: CheckOptions, allowed: Permission, run: str, transport: Transport, stack: ExitStack) -> _LedgerObserver | None:
    if options.ledger is None and not allowed.ledger:
        return None
    path = options.ledger or Path(f"nclue-check-{run}.jsonl")
    try:
        ledger = Ledger(path, {"url": options.url or "", "signed_prefix": transport.prefix, "run": run})
    except FileExistsError as error:
        raise ValueError(_in_the_way(path)) from error
    stack.callback(ledger.close)
    return _LedgerObserver(ledger, keep=options.ledger is not None)


def _in_the_way(path: Path) -> str:
    """Return what to do about a file where a ledger is to be written."""
    try:
        contents = read_ledger(path)
    except ValueError:
        return f"--ledger: {path} exists, and is not a ledger; name another file"
    if not contents.task_ids and not contents.uncertain:
        return f"--ledger: {path} is the ledger of an earlier run, of which no task is left; remove it, or name another file"
    cleanup = f"`nclue-contract cleanup {path}` deletes the tasks that are left"
    return f"--ledger: {path} is the ledger of an earlier run; {cleanup}. Remove it then, or name another file"


# -- earlier reports --------------------------------------------------------------------------------------------------------------------


def baseline(path: Path) -> frozenset[tuple[str, str]]:
    """Return test case and rule of each failure in an earlier JSON report. Raises `ValueError` for a file that cannot be read as one."""
    return _failures("--baseline", path)


def _failures(option: str, path: Path) -> frozenset[tuple[str, str]]:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        return frozenset((entry["case"], entry["rule"]) for entry in report["failures"])
    except OSError as error:
        raise ValueError(f"{option}: {path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{option}: {path} is not a JSON report of a check") from error


def only_failed(options: CheckOptions, path: Path) -> CheckOptions:
    """Return the options with the test cases that failed in an earlier JSON report, those that a baseline accepted included.

    What an exploration found is no test case of the plan, and is left out. Raises `ValueError` for a file that cannot be read as a report,
    for test cases that the plan does not have, and if nothing is left.
    """
    failed = {case for case, _ in _failures("--only-failed", path)}
    ids = frozenset(case for case in failed if not case.startswith("explore["))
    if not ids:
        found = "only an exploration failed, which --explore repeats" if failed else "no test case failed"
        raise ValueError(f"--only-failed: in {path} {found}, so there is nothing to run")
    known = {case.id for case in selected_cases(options)}
    if unknown := sorted(ids - known):
        more = f" and {len(unknown) - 1:,} more" if len(unknown) > 1 else ""
        exists = ids <= {case.id for may_create in (True, False) for case in plan(full=True, may_create=may_create)}
        why = "which these options leave out: see --only, --skip, --full, --allow-create" if exists else "which this version does not have"
        raise ValueError(f"--only-failed: {path} names the test case {unknown[0]!r:.80}{more}, {why}")
    return replace(options, ids=ids)


def accept(result: CheckResult, known: Collection[tuple[str, str]]) -> CheckResult:
    """Mark the failures that are in the baseline as accepted, and list those of it that no longer occur, although they were tested."""
    seen = {failure.key for failure in result.failures}
    decided = {State.PASSED, State.ADVISORY, State.FAILED}
    tested = {case for case, outcome in result.outcomes.items() if outcome.state in decided}
    for outcome in result.outcomes.values():
        outcome.failures = [replace(failure, accepted=failure.key in known) for failure in outcome.failures]
        if outcome.failures and all(failure.accepted for failure in outcome.failures):
            outcome.state, outcome.reason = State.INCONCLUSIVE, "its failures are in the baseline"
    fixed = tuple(sorted(key for key in known if key not in seen and key[0] in tested))
    return replace(result, fixed=fixed)


# -- cleaning up later ---------------------------------------------------------------------------------------------------------------


def clean_up(contents: LedgerContents, options: CheckOptions, environment: Mapping[str, str]) -> CleanupResult:
    """Delete the tasks that a ledger lists as remaining on its server. Raises `ValueError` as `check` does."""
    options = replace(options, url=contents.url)
    target = Target.parse(contents.url, contents.signed_prefix)
    with ExitStack() as stack:
        transport = http_transport(options, target, credentials(options, environment), stack)
        return delete_remaining(contents, transport, permission(options).rate)
