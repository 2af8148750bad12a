"""Runs the plan of a contract check: sends what the scripts yield, in the order that finds most first, and stops where it should."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from nclue_contract.check.requests import Exchange, delete_request
from nclue_contract.check.results import Case, CheckResult, Outcome, Script, State, Step, Wait
from nclue_contract.check.sender import Limits, RunObserver, Sender, StopError, StopReason, Transport
from nclue_contract.check.session import CheckSession, CreatedTask
from nclue_contract.validation.response import SUCCESS

RESERVED = 1 / 5
"""The share of the budget that is kept for what goes on in the background, where the budget is too small for the plan."""

CLEANING_S, IDLE_S = 0.3, 4.0
"""Seconds between two tries to delete what cannot be deleted yet, and after which in vain no more is tried."""

LEAST = 4
"""One of so many valid creations has to be carried out, or nothing can be said about a server that refuses the invalid ones."""


@dataclass(slots=True)
class _Running:
    case: Case
    script: Script
    step: Step | None = None
    wake_ms: int = 0


class Runner:
    """One run of a plan."""

    def __init__(
        self, bench: CheckSession, plan: Sequence[Case], transport: Transport, limits: Limits, observer: RunObserver | None = None
    ) -> None:
        self.bench = bench
        self.plan = plan
        self.transport = transport
        self.limits = limits
        self.observer: RunObserver = observer or RunObserver()
        self.sender: Sender = Sender(transport, limits, self.observer)
        self.reserved: int = 0
        self.stop_reason: str = ""
        self.notes: list[str] = []

    def run(self, target: str, mode: str) -> CheckResult:
        """Run everything and tell what came of it. An interruption (Ctrl-C) ends the run, not the telling."""
        begun_ms = self.transport.now_ms()
        left: tuple[str, ...] = ()
        try:
            self._control()
            self._go_through()
        except StopError as stop:
            self.stop_reason = str(stop)
        except KeyboardInterrupt:
            self.stop_reason = "interrupted"
        planned = self.sender.requests
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
        if outcome is None or not any(exchange.accepted for exchange in outcome.exchanges):
            raise StopError(StopReason.CONTROL_REJECTED, self._why_refused(self.bench.answered))

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
            if self.observer.stop(self.bench):
                return
            self.bench.spare = self.limits.budget - self.sender.requests - needed
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
        return self.limits.budget - self.sender.requests - (0 if everything else self.reserved)

    def _wanted(self, running: _Running) -> object:
        """Send what a script wants sent, and give what it is to be told."""
        step = running.step
        if step is None or isinstance(step, Wait):
            return None
        asks = step if isinstance(step, tuple) else (step,)
        if limit := self.sender.limit_reached(asks):
            return limit
        case = running.case
        try:
            exchanges = self.sender.exchange(case, *asks, control=case is self.plan[0])
        except StopError as stop:
            if stop.exchange is not None:
                self.bench.outcomes.setdefault(case.id, Outcome(case)).exchanges.append(stop.exchange)
            raise
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

    # -- the end -----------------------------------------------------------------------------------------------------------------

    def _clean_up(self) -> tuple[str, ...]:
        """Delete the tasks of this run, where their state allows it; the IDs of those that stay."""
        if not self.limits.clean_up:
            return ()
        if not self.stop_reason.startswith("the server"):
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

    def _deleted(self, tasks: list[CreatedTask]) -> list[CreatedTask]:
        """Try to delete tasks; those that are still there."""
        for made in tasks:
            made.deleted = self.sender.send(delete_request(made.task_id))[0].status in {SUCCESS, 404}
        return [made for made in tasks if not made.deleted]

    def _fill_in(self) -> None:
        """Every case of the plan has an outcome, in the order of the plan."""
        reason = self.stop_reason or "the budget was used up"
        known = self.bench.outcomes
        ordered = {case.id: known.get(case.id) or Outcome(case, reason=reason) for case in self.plan}
        for outcome in ordered.values():
            if outcome.state is State.NOT_TESTED and not outcome.reason:
                outcome.reason = reason
        self.bench.outcomes = ordered | {case_id: outcome for case_id, outcome in known.items() if case_id not in ordered}

    def _result(self, target: str, mode: str, seconds: float, left: tuple[str, ...], planned: int) -> CheckResult:
        bench, inference = self.bench, self.bench.inference
        if self.sender.rate_limited:
            self.notes.append("the server limited the rate, so one request per second was sent from then on")
        return CheckResult(
            target=target,
            mode=mode,
            outcomes=bench.outcomes,
            readings=dict(inference.left),
            pinned={name: option for name, option in inference.readings.items() if inference.readings.pinned(name)},
            sources={name: source for name, source in inference.readings.sources.items() if inference.readings.pinned(name)},
            evidence={name: tuple(cases) for name, cases in inference.evidence.items()},
            judged=dict(bench.judged),
            status_samples=tuple(bench.status_samples),
            requests=planned,
            creations=self.sender.creations,
            seconds=seconds,
            cleanup_requests=self.sender.requests - planned,
            enough_accepted=bench.positives[True] * LEAST >= bench.positives.total(),
            remaining_tasks=left,
            stop_reason=self.stop_reason,
            notes=tuple(self.notes),
        )
