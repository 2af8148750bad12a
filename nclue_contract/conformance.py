"""Runs the plan of a contract check: sends what the scripts yield, in the order that finds most first, and stops where it should.

How requests are sent is the transport's business (`direct` in this process, `wire` over HTTP); the clock is the transport's as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from nclue_contract.asks import Ask, Exchange, delete, listing
from nclue_contract.bench import Bench, Made
from nclue_contract.cases import BUDGET
from nclue_contract.cases_access import LOOK
from nclue_contract.cases_names import NOT_IMPLEMENTED
from nclue_contract.response_checks import SUCCESS
from nclue_contract.verdicts import Case, CheckResult, Outcome, Script, State, Step, Wait

TRIES = 3
"""How often a request is sent that gets no whole answer, or a 5xx other than 500."""

PATIENCE = 6
"""How often a request is sent that is answered with 429, or where nobody listens, with longer and longer pauses."""

SILENT = 5
"""Cases without a whole answer after which nothing is tried again; twice as many end the run."""

LIMITED_S = 1.0
"""The pause between requests once a server has limited the rate: the documented limit is one request per second."""

RESERVED = 1 / 5
"""The share of the budget that is kept for what goes on in the background, where the budget is too small for the plan."""

CLEANING_S, IDLE_S = 0.3, 4.0
"""Seconds between two tries to delete what cannot be deleted yet, and after which in vain no more is tried."""

LEAST = 4
"""One of so many valid creations has to be carried out, or nothing can be said about a server that refuses the invalid ones."""


class Transport(Protocol):
    """Sends requests. `prefix` is the path before `/tasks` that is signed; `exact_clock` tells that the server has the same clock."""

    prefix: str
    exact_clock: bool

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let time pass."""

    def send(self, *asks: Ask) -> list[Exchange]:
        """Send one request, or several at the same moment. Never raises because of what the server does."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may do: requests in all, creations (None: as many as it takes), requests per second (0: as many as go), and clean up."""

    budget: int = BUDGET
    creations: int | None = None
    rate: float = 0.0
    clean_up: bool = True


@dataclass(slots=True)
class Watcher:
    """What others want to hear of a run: each exchange with the share that is done, and each creation before it is sent."""

    exchange: Callable[[Exchange, int, int], object] = lambda *_: None
    creation: Callable[[Ask], object] = lambda *_: None
    stop: Callable[[Bench], bool] = lambda _: False


class StopError(Exception):
    """Ends a run early; the message says why."""


@dataclass(slots=True)
class _Running:
    case: Case
    script: Script
    step: Step | None = None
    wake_ms: int = 0


class Runner:
    """One run of a plan."""

    def __init__(self, bench: Bench, plan: Sequence[Case], transport: Transport, limits: Limits, watcher: Watcher | None = None) -> None:
        self.bench = bench
        self.plan = plan
        self.transport = transport
        self.limits = limits
        self.watcher: Watcher = watcher or Watcher()
        self.requests: int = 0
        self.creations: int = 0
        self.silent: int = 0
        self.reserved: int = 0
        self.pause_s: float = 1 / limits.rate if limits.rate else 0.0
        self.trouble: str = ""
        self.notes: list[str] = []
        self._last_ms: int | None = None
        self._limited = False

    def run(self, target: str, mode: str) -> CheckResult:
        """Run everything and tell what came of it. An interruption (Ctrl-C) ends the run, not the telling."""
        begun_ms = self.transport.now_ms()
        left: tuple[str, ...] = ()
        try:
            self._control()
            self._go_through()
        except StopError as stop:
            self.trouble = str(stop)
        except KeyboardInterrupt:
            self.trouble = "interrupted"
        planned = self.requests
        try:
            left = self._clean_up()
        except KeyboardInterrupt:
            left = tuple(made.task_id for made in self.bench.living())
        self._fill_in()
        return self._result(target, mode, (self.transport.now_ms() - begun_ms) / 1000, left, planned)

    # -- the control request -----------------------------------------------------------------------------------------------------

    def _control(self) -> None:
        case = self.plan[0]
        running = _Running(case, case.script(self.bench, case)) if case.script else None
        while running is not None and self._resume(running, self._wanted(running)):
            pass
        outcome, answered = self.bench.outcomes.get(case.id), self.bench.answered
        where = next((value for name, value in answered.headers if name.lower() == "location"), "") if answered else ""
        if answered and 300 <= answered.status < 400 and where:
            self.notes.append(f"the server redirects to {where!r:.160}; if it is there, check that address")
        if outcome is None or not any(exchange.taken for exchange in outcome.exchanges):
            raise StopError(self._why_refused(self.bench.answered))

    def _why_refused(self, exchange: Exchange | None) -> str:
        """Why a check cannot begin, and what to do about it."""
        if exchange is None:
            return "no creation is allowed, but the plan begins with one"
        if exchange.error:
            return f"the control request got no whole answer: {exchange.error}"
        said = f"the control request was answered {exchange.status}"
        code = exchange.answer.code
        said += f" with code {code}" if code else ""
        if exchange.status in {401, 403}:
            return f"{said}: the credentials were refused. Set NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY, and --signed-prefix behind a proxy"
        return f"{said}, although it keeps every rule. Name what the server knows: --feature-id, --bucket and --file"

    # -- the plan ----------------------------------------------------------------------------------------------------------------

    def _go_through(self) -> None:
        queue = deque(case for case in self.plan[1:] if case.script is not None)
        needed = sum(case.requests for case in queue if not case.background)
        self.reserved = round(self.limits.budget * RESERVED) if needed > self.limits.budget else 0
        background: list[_Running] = []
        current: _Running | None = None
        while True:
            if self.watcher.stop(self.bench):
                return
            self.bench.spare = self.limits.budget - self.requests - needed
            due = next((one for one in background if one.wake_ms <= self.transport.now_ms()), None)
            if current is not None:
                # What goes on in the background makes and deletes tasks, and a case compares answers: nothing comes between those.
                if not self._resume(current, self._wanted(current)):
                    current = None
            elif due is not None and self._left(everything=True) > 0:
                if not self._resume(due, self._wanted(due)):
                    background.remove(due)
            elif queue and self._left(everything=not background) > 0:
                case = queue.popleft()
                needed -= 0 if case.background else case.requests
                one = _Running(case, case.script(self.bench, case)) if case.script else None
                if one is not None and case.background:
                    background.append(one)
                else:
                    current = one
            elif background and self._left(everything=True) > 0:
                self.transport.sleep(max(0.001, (min(one.wake_ms for one in background) - self.transport.now_ms()) / 1000))
            else:
                return

    def _left(self, *, everything: bool) -> int:
        """Requests that may still be sent; a share is kept for the background."""
        return self.limits.budget - self.requests - (0 if everything else self.reserved)

    def _wanted(self, running: _Running) -> object:
        """Send what a script wants sent, and give what it is to be told."""
        step = running.step
        if step is None or isinstance(step, Wait):
            return None
        asks = step if isinstance(step, tuple) else (step,)
        if why := self._forbidden(asks):
            return StopError(why)
        exchanges = self._exchange(running.case, *asks)
        if isinstance(exchanges, StopError):
            return exchanges
        return tuple(exchanges) if isinstance(step, tuple) else exchanges[0]

    def _resume(self, running: _Running, told: object) -> bool:
        """Let a script go on until it wants something sent; False when it is over."""
        try:
            if isinstance(told, StopError):
                self.bench.untested(running.case, str(told))
                running.script.close()
                return False
            step = running.script.send(told)
        except StopIteration:
            return False
        running.step = step
        running.wake_ms = self.transport.now_ms() + round(step.seconds * 1000) if isinstance(step, Wait) else 0
        return True

    def _forbidden(self, asks: Sequence[Ask]) -> str:
        """Why requests may not be sent, or not again; empty when they may. A creation that is sent again may make another task."""
        creations = sum(ask.creates for ask in asks)
        if creations and self.limits.creations is not None and self.creations + creations > self.limits.creations:
            return "it would create more tasks than are allowed"
        if len(asks) > 1 and self.pause_s:
            return "the rate does not allow two requests at the same moment"
        return "the budget was used up" if self.requests + len(asks) > self.limits.budget else ""

    # -- an exchange -------------------------------------------------------------------------------------------------------------

    def _exchange(self, case: Case, *asks: Ask) -> list[Exchange] | StopError:
        """Send, with patience where a server asks for it, or where it does not answer anything. A `StopError` ends only the case."""
        first, alive = case is self.plan[0], True
        for tried in range(1, PATIENCE + 1):
            exchanges = self._send(*asks)
            last = exchanges[-1]
            failing = bool(last.error) or last.status > NOT_IMPLEMENTED
            enough = tried >= max(self._tries(exchange) for exchange in exchanges)
            # Half an answer to the control request is an answer; otherwise it may be this request, or the whole server.
            alive = not (enough and failing) or (first and bool(last.error and last.status)) or (not last.hopeless and self._alive())
            why = self._forbidden(asks)
            if (enough and alive) or why or last.hopeless:
                break
            self.transport.sleep(min(8.0, 0.5 * 2 ** (tried - 1)))
        if why and not enough:
            return StopError(why)  # one try says nothing
        if last.status == 429:
            raise StopError("the server limits the rate (429), however long one waits; see --rate")
        if not alive:
            why = last.error or f"it answers {last.status}"
            since = f"the server does not answer any more, since {case.id}"
            raise StopError(f"{'the server cannot be reached' if first else since}: {why}")
        self.silent += bool(last.error)
        if self.silent >= 2 * SILENT:
            self.bench.outcomes.setdefault(case.id, Outcome(case)).exchanges.append(last)
            many = f"{self.silent} requests got no whole answer; the last one, of {case.id}: {last.error}"
            raise StopError(f"{many}. To go on without such requests, see --skip {case.rule}")
        return [replace(exchange, tries=tried) for exchange in exchanges]

    def _tries(self, exchange: Exchange) -> int:
        """How often a request is worth sending, by what came back."""
        if exchange.status == 429:
            self._limited = True
            self.pause_s = max(self.pause_s, LIMITED_S)
            return PATIENCE
        if exchange.error:
            return 1 if self.silent >= SILENT or exchange.hopeless else TRIES
        return TRIES if exchange.status > NOT_IMPLEMENTED else 1

    def _send(self, *asks: Ask) -> list[Exchange]:
        if self.pause_s and self._last_ms is not None:
            self.transport.sleep(max(0.0, self.pause_s - (self.transport.now_ms() - self._last_ms) / 1000))
        for ask in asks:
            if ask.creates:
                self.creations += 1
                self.watcher.creation(ask)
        self._last_ms = self.transport.now_ms()
        exchanges = self.transport.send(*asks)
        self.requests += len(asks)
        for exchange in exchanges:
            self.watcher.exchange(exchange, self.requests, self.limits.budget)
        return exchanges

    def _alive(self) -> bool:
        """Whether a request that is surely right is answered."""
        if why := self._forbidden((listing(LOOK),)):
            raise StopError(why)
        answer = self._send(listing(LOOK))[0]
        return answer.status == SUCCESS and not answer.error

    # -- the end -----------------------------------------------------------------------------------------------------------------

    def _clean_up(self) -> tuple[str, ...]:
        """Delete the tasks of this run, where their state allows it; the IDs of those that stay."""
        if not self.limits.clean_up:
            return ()
        if not self.trouble.startswith("the server"):
            waited_s = idle_s = 0.0
            left = self._deleted(self.bench.living())
            # Where tasks wait for each other, they can be deleted one by one as they end. It is waited for as long as that goes on.
            while left and waited_s < self.bench.lifecycle_s and idle_s < IDLE_S:
                self.transport.sleep(CLEANING_S)
                waited_s += CLEANING_S
                rest = self._deleted(left[:1])
                idle_s = idle_s + CLEANING_S if rest else 0.0
                left = left if rest else self._deleted(left[1:3]) + left[3:]
        return tuple(made.task_id for made in self.bench.living())

    def _deleted(self, tasks: list[Made]) -> list[Made]:
        """Try to delete tasks; those that are still there."""
        for made in tasks:
            made.deleted = self._send(delete(made.task_id))[0].status in {SUCCESS, 404}
        return [made for made in tasks if not made.deleted]

    def _fill_in(self) -> None:
        """Every case of the plan has an outcome, in the order of the plan."""
        reason = self.trouble or "the budget was used up"
        known = self.bench.outcomes
        ordered = {case.id: known.get(case.id) or Outcome(case, reason=reason) for case in self.plan}
        for outcome in ordered.values():
            if outcome.state is State.UNTESTED and not outcome.reason:
                outcome.reason = reason
        self.bench.outcomes = ordered | {case_id: outcome for case_id, outcome in known.items() if case_id not in ordered}

    def _result(self, target: str, mode: str, seconds: float, left: tuple[str, ...], planned: int) -> CheckResult:
        bench, elimination = self.bench, self.bench.elimination
        if self._limited:
            self.notes.append("the server limited the rate, so one request per second was sent from then on")
        return CheckResult(
            target=target,
            mode=mode,
            outcomes=bench.outcomes,
            readings=dict(elimination.left),
            pinned={name: option for name, option in elimination.readings.items() if elimination.readings.pinned(name)},
            sources={name: source for name, source in elimination.readings.sources.items() if elimination.readings.pinned(name)},
            evidence={name: tuple(cases) for name, cases in elimination.evidence.items()},
            judged=dict(bench.judged),
            sightings=tuple(bench.sightings),
            requests=planned,
            creations=self.creations,
            seconds=seconds,
            tidying=self.requests - planned,
            enough=bench.positives[True] * LEAST >= bench.positives.total(),
            left_behind=left,
            trouble=self.trouble,
            notes=tuple(self.notes),
        )
