"""Runs the plan of a check: lets the scripts send their requests, in the order that finds most first, and cleans up at the end.

Every case of the plan gets an outcome. What was not tested has the reason of the case that decides it: why its script did not start, was
cut off or showed nothing. A case that is not selected, but that others depend on, runs as well; of its failures, those of selected rules
count, and the others are named in a note.

Independent cases overlap where the sender has several connections: their first requests are sent at the same moment, together with read
requests of background cases that are due. The responses are evaluated in the order of the plan, each case to its end before the next one,
so that the result is the same as with one connection. For example, with four connections::

    sent together: path[train empty], echo[Unicode], name[empty], the list request of a poll
    evaluated: path[train empty], echo[Unicode], which goes on with a get request
    sent together: the get request of echo[Unicode], json[null], json[two objects]
    evaluated: echo[Unicode], name[empty], json[null], json[two objects], and at last the poll

A response that others at the same moment can have caused is not evaluated, nor is one to a request that an earlier case would have changed
(`Case.assumes`): that case starts again, and sends its request alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from typing import NamedTuple

from nclue_contract.check.created_tasks import CreatedTask
from nclue_contract.check.requests import Exchange, RequestSpec, delete_request
from nclue_contract.check.results import NO_FAILING_FILE, Case, Cause, CheckResult, Outcome, State, Wait
from nclue_contract.check.running_case import RunningCase, second_attempt
from nclue_contract.check.sender import Limits, RunObserver, Sender, StopError, StopReason, Transport, plain
from nclue_contract.check.session import CheckSession
from nclue_contract.check.signature_variants import adapted, authenticated, shape, validly_signed, variants_of
from nclue_contract.check.task_ids import UNUSABLE
from nclue_contract.contract.wording import counted
from nclue_contract.validation.response import is_success

RESERVED, MOST_RESERVED = 1 / 3, 18
"""The share of the budget that is reserved for background cases where the budget is too small for the plan, and the most requests.

With a good pace, so many show all statuses of a task, and what can be tested in each of them.
"""

CLEAN_UP_PAUSE_S, CLEAN_UP_IDLE_S = 0.1, 4.0
"""Seconds between two attempts to delete what cannot be deleted yet, and without success until the clean-up gives up."""

RATE_LIMITED_ATTEMPTS = 6
"""Attempts to delete a task that get 429, with pauses that double from half a second on."""

LEAST_ACCEPTED = 1 / 4
"""Minimum share of valid create requests that must succeed for a conclusive result."""

LIMITS = {StopReason.BUDGET: Cause.BUDGET, StopReason.CREATE_LIMIT: Cause.CREATE_LIMIT, StopReason.RATE: Cause.RATE}
"""The limits that end a test case, as causes in its outcome."""

BUDGET_USED_UP = "the budget was used up"
"""The reason of cases that were not started, or not finished, before the last request of the budget."""


class _Why(NamedTuple):
    """Why a case has no result, in words and for programs."""

    reason: str
    cause: Cause


class Runner:
    """Runs a plan once."""

    def __init__(
        self, session: CheckSession, plan: Sequence[Case], transport: Transport, limits: Limits, observer: RunObserver | None = None
    ) -> None:
        self._session = session
        self._plan = plan
        self._transport = transport
        self._limits = limits
        self._observer = observer or RunObserver()
        self._sender = Sender(transport, limits, self._observer)
        self._notes: list[str] = []
        self._stop_reason = ""
        self._interrupted = False
        self._target = ""
        self._server_reachable = True
        self._authenticated = False
        self._rejected_shapes: set[str] = set()
        self._started: set[str] = set()
        self._unfinished: dict[str, Case] = {}
        self._cut_off: dict[str, _Why] = {}
        self._queue = deque(case for case in plan[1:] if case.script is not None)
        self._needed = sum(case.requests for case in self._queue if not case.background)  # by the cases of the queue
        self._current: deque[RunningCase] = deque()  # the first one goes on, the others wait with the responses to their first requests
        self._background: list[RunningCase] = []

    def run(self, target: str, mode: str) -> CheckResult:
        """Run everything and return the result. An interruption (Ctrl-C) ends the run, but there is a result of what was done."""
        begun_ms, self._target = self._transport.now_ms(), target
        try:
            self._run_control()
            self._run_plan()
        except StopError as stop:
            self._stop_reason = str(stop)
            self._server_reachable = stop.reason is not StopReason.SERVER_UNREACHABLE
        except KeyboardInterrupt:
            self._stop_reason, self._interrupted = "interrupted", True
            self._discard_early()
            self._announce_clean_up()
        self._discard_early()
        planned = self._sender.requests
        if self._limits.clean_up and self._server_reachable:
            with suppress(KeyboardInterrupt, StopError):  # the result lists what is left
                self._clean_up_in_spite_of_an_interruption()
        self._complete_outcomes()
        return self._result(target, mode, (self._transport.now_ms() - begun_ms) / 1000, planned)

    # -- the control request -----------------------------------------------------------------------------------------------------

    def _run_control(self) -> None:
        case = self._plan[0]
        running = self._start(case)
        while self._advance(running, self._perform(running)):
            pass
        control = self._session.control_exchange
        location = next((value for name, value in control.headers if name.lower() == "location"), "") if control else ""
        if control and 300 <= control.status < 400 and location:
            self._notes.append(f"the server redirects to {location!r:.160}; if it is there, check that address")
        if not any(exchange.accepted for exchange in self._session.results.outcome(case).exchanges):
            raise StopError(StopReason.CONTROL_REJECTED, self._why_rejected(control))

    def _why_rejected(self, exchange: Exchange | None) -> str:
        """Return why a check cannot begin, and what to do about it."""
        if exchange is None:
            return "no create request is allowed, but the plan begins with one"
        if exchange.error:
            return f"the control request got no complete response: {exchange.error}"
        code = exchange.answer.code
        outcome = f"the control request got {exchange.status}" + (f" with code {code}" if code else "")
        if exchange.status in {401, 403}:
            hint = "Set NCLUE_ACCESS_KEY and NCLUE_SECRET_KEY, and --signed-prefix behind a proxy"
            return f"{outcome}: the credentials were rejected. {hint}"
        if exchange.status == HTTPStatus.NOT_FOUND and (path := self._sender.documented_path(exchange)):
            better = self._target + path
            return f"{outcome}: there is nothing at {self._target}/tasks, but there is at {better}/tasks. Check {better}"
        return f"{outcome}, although it is valid. Name test data of the server: --feature-id, --bucket and --file"

    # -- the plan ----------------------------------------------------------------------------------------------------------------

    def _run_plan(self) -> None:
        self._session.few_requests = self._needed > self._limits.budget
        self._session.few_polls = self._needed + sum(case.requests for case in self._queue if case.background) > self._limits.budget
        reserved = min(MOST_RESERVED, round(self._limits.budget * RESERVED)) if self._session.few_polls else 0
        while not self._observer.stop(self._session):
            left = self._limits.budget - self._sender.requests
            self._session.polling_budget = max(left - self._needed, min(left, reserved))
            for_cases = left - (reserved if self._background else 0)
            due = self._next_in_background()
            if self._current:
                # A case compares responses, and background cases create and delete tasks: they must not do so in between.
                self._overlap(left, for_cases)
                if not self._go_on(self._current[0]):
                    self._current.popleft()
            elif due is not None and (left > 0 or due.early is not None) and not (for_cases > 1 and self._joins_the_next_case(due)):
                self._go_on_in_background(due)
            elif self._queue and for_cases > 0:
                self._start_next()
            elif self._background and left > 0:
                next_ms = min(running.due_ms for running in self._background)
                self._transport.sleep(max(0.001, (next_ms - self._transport.now_ms()) / 1000))
            else:
                return

    def _next_in_background(self) -> RunningCase | None:
        """Return the background case that is due. A response that created a task comes first: a list can have the task already."""
        due = [running for running in self._background if running.due_ms <= self._transport.now_ms()]
        return min(due, key=lambda running: not running.has_created, default=None)

    def _start_next(self) -> RunningCase:
        running = self._start(self._queue.popleft())
        self._needed -= 0 if running.case.background else running.case.requests
        (self._background if running.case.background else self._current).append(running)
        return running

    def _go_on(self, running: RunningCase) -> bool:
        return self._advance(running, self._perform(running))

    def _go_on_in_background(self, running: RunningCase) -> None:
        if not self._go_on(running):
            self._background.remove(running)

    def _joins_the_next_case(self, running: RunningCase) -> bool:
        """Return whether the step of a background case can be sent together with the first one of the next case."""
        return (
            running.may_overlap
            and bool(self._queue)
            and self._queue[0].independent
            and self._sender.connections > 1
            and self._sender.overlap_tried
        )

    def _overlap(self, left: int, for_cases: int) -> None:
        """Send the step of the current case together with those of others, as far as the cases and the limits allow that.

        `left` are the requests that the budget still allows, `for_cases` those of them that are not reserved for background cases.
        """
        first = self._current[0]
        if self._sender.connections == 1 or not first.may_overlap or first.request is None:
            return
        if first.request.method != "GET" and not self._sender.overlap_tried:
            if len(self._queue) > self._sender.connections:  # else it is not worth two requests
                self._sender.try_overlap()
            return
        together = [first, *self._due_in_background(min(self._sender.connections, left) - 1)]
        while self._queue and len(together) < min(self._sender.connections, for_cases) and self._may_join(self._queue[0], together):
            running = self._start_next()
            if not running.case.background and not self._go_on(running):  # up to its first request
                self._current.pop()
            elif running.may_overlap:
                together.append(running)
        requests = [running.request for running in together if running.request is not None]
        if len(together) > 1 and not self._sender.limit_reached(requests):
            self._send_together(together, requests)

    def _due_in_background(self, most: int) -> list[RunningCase]:
        """Return background cases whose next request may be sent together with others, at most so many; end the pauses that are over."""
        for running in tuple(self._background):
            if isinstance(running.step, Wait) and running.due_ms <= self._transport.now_ms():
                self._go_on_in_background(running)
        return [running for running in self._background if running.may_overlap][:most]

    def _may_join(self, case: Case, together: list[RunningCase]) -> bool:
        """Return whether a case may start now, and its first request be sent together with these; a background case only starts."""
        creates_left = self._sender.creates_left
        creating = sum(running.request is not None and running.request.creates for running in together)
        enough = creates_left is None or creating + case.posts <= creates_left
        return case.background or (case.independent and enough and (self._sender.overlap_tried or not case.posts))

    def _send_together(self, together: list[RunningCase], requests: list[RequestSpec]) -> None:
        session = self._session
        received: dict[int, Exchange] = {}
        try:
            self._sender.overlap([adapted(request, session.signature_variant, session.prefix) for request in requests], received)
        finally:
            for place, exchange in received.items():
                together[place].early, together[place].assumed = exchange, self._assumptions(together[place].case)

    def _assumptions(self, case: Case) -> object:
        """Return what the first request of an independent case depends on: how it is signed, and what the case says."""
        return self._session.signature_variant, case.assumes(self._session)

    def _early_response(self, running: RunningCase) -> Exchange | StopError | None:
        """Return the response to a step that was sent together with others, if it is what the step would have got alone.

        If not, an independent case starts again if this was its first step; else the step itself is to be sent again.
        """
        session, request, early = self._session, running.request, running.early
        running.early = None
        if early is None or request is None:
            return None
        if plain(early) and not self._is_outdated(running, request, early):
            return self._diagnosed(running.case, request, early)
        session.evaluator.discard(early)
        if running.restartable and running.case.script is not None:
            running.restart(running.case.script(session, running.case))
        elif request.creates and (early.error or early.status >= HTTPStatus.INTERNAL_SERVER_ERROR):
            running.lost = early
        return None

    def _is_outdated(self, running: RunningCase, request: RequestSpec, early: Exchange) -> bool:
        """Return whether the request would have been another one by now, or the response may be due to others at the same moment."""
        if early.status == HTTPStatus.UNAUTHORIZED and validly_signed(request):
            return True  # the next attempt may find out how the server signs
        if not running.restartable or (request.creates and early.accepted):  # what has created a task cannot be repeated with its name
            return False
        if request.creates and early.status == HTTPStatus.CONFLICT:
            self._session.builder.renew_rejected_name()
            return True
        return running.assumed != self._assumptions(running.case) or self._session.builder.has_accepted_name(request)

    def _discard_early(self) -> None:
        """Remember the tasks of responses that are not evaluated, since the run has ended."""
        for running in (*self._current, *self._background):
            if running.early is not None:
                self._session.evaluator.discard(running.early)

    def _start(self, case: Case) -> RunningCase:
        if case.script is None:
            raise ValueError(f"{case.id} is decided by another case")
        self._started.add(case.id)
        self._unfinished[case.id] = case
        return RunningCase(case, case.script(self._session, case))

    def _perform(self, running: RunningCase) -> Exchange | tuple[Exchange, ...] | StopError | None:
        """Send the requests of the latest step. Return the response, or why they were not sent; None after a pause."""
        if (early := self._early_response(running)) is not None:
            return early
        step, case = running.step, running.case
        if step is None or isinstance(step, Wait):
            return None
        session = self._session
        requests = tuple(adapted(one, session.signature_variant, session.prefix) for one in (step if isinstance(step, tuple) else (step,)))
        if limit := self._sender.limit_reached(requests):
            return limit
        try:
            exchanges = self._sender.exchange(case, *requests, control=case is self._plan[0])
        except StopError as stop:
            if stop.exchange is not None:
                self._session.results.outcome(case).exchanges.append(stop.exchange)
            raise
        if isinstance(exchanges, StopError):
            return exchanges
        if isinstance(step, tuple):
            return tuple(exchanges)
        exchange, running.lost = second_attempt(running.lost, exchanges[0]), None
        return self._diagnosed(case, step, exchange)

    def _diagnosed(self, case: Case, request: RequestSpec, exchange: Exchange) -> Exchange | StopError:
        """Return an exchange, or if a valid signature was rejected, that with a variant of the string to sign that is accepted.

        Where no variant is accepted, but requests of another shape are, the case ends.
        """
        session, denied = self._session, exchange.status == HTTPStatus.UNAUTHORIZED
        reason = f"the server rejects the signatures of all {shape(request)}"
        if denied and self._authenticated and shape(request) in self._rejected_shapes:
            return StopError(StopReason.CONTROL_REJECTED, reason)
        if not denied or not validly_signed(request) or shape(request) in self._rejected_shapes:
            self._authenticated |= validly_signed(request) and authenticated(exchange)
            return exchange
        plain = replace(exchange, request=request)
        for variant, other in variants_of(plain, session.prefix):
            if self._sender.limit_reached((other,)):
                break
            response = self._sender.send(other)[0]
            if authenticated(response):
                problem = f"a valid signature of {request.method} {request.path:.80} is rejected with {exchange.status}"
                problem += f": the server seems to {variant.what}, which concerns {variant.concerns}"
                session.results.fail(case, "NC208", problem, exchange)
                session.signature_variant = variant
                self._authenticated = True
                self._rejected_shapes.clear()
                return response
        if not self._authenticated:  # the credentials may be wrong
            self._rejected_shapes.add(shape(request))
            return exchange
        again = self._sender.send(request)[0] if not request.creates and not self._sender.limit_reached((request,)) else exchange
        if again.status != HTTPStatus.UNAUTHORIZED:
            return again
        self._rejected_shapes.add(shape(request))
        problem = f"valid signatures of {shape(request)} are rejected with {exchange.status}, those of others are accepted"
        session.results.fail(case, "NC208", f"{problem}; no known variant of the string to sign explains it", exchange)
        return StopError(StopReason.CONTROL_REJECTED, reason)

    def _advance(self, running: RunningCase, response: Exchange | tuple[Exchange, ...] | StopError | None) -> bool:
        """Resume a script with what its latest step gave, up to its next step; return False when it has ended."""
        if isinstance(response, StopError):
            self._cut(running.case, _Why(str(response), LIMITS.get(response.reason, Cause.ENDED_EARLY)))
            running.script.close()
            return False
        self._session.creates_left = self._sender.creates_left
        try:
            step = running.script.send(response)
        except StopIteration:
            del self._unfinished[running.case.id]
            return False
        running.step, running.steps = step, running.steps + 1
        running.due_ms = self._transport.now_ms() + round(step.seconds * 1000) if isinstance(step, Wait) else 0
        return True

    # -- the end -----------------------------------------------------------------------------------------------------------------

    def _clean_up_in_spite_of_an_interruption(self) -> None:
        """Clean up. The first interruption of a run only leads to a notice, unless it was what ended the run; the second one ends this."""
        try:
            self._clean_up()
        except KeyboardInterrupt:
            if self._interrupted:
                raise
            self._announce_clean_up()
            self._clean_up()

    def _announce_clean_up(self) -> None:
        left = len(self._session.tasks.remaining())
        if left and self._limits.clean_up:
            self._observer.notice(
                f"deleting {counted(left, 'task')} of this check; another Ctrl-C leaves the remaining tasks on the server"
            )

    def _clean_up(self) -> None:
        """Delete the tasks of this run, where their status allows it.

        Where tasks wait for each other, they can be deleted one by one as they end. Go on as long as that makes progress.
        """
        waited_s = idle_s = 0.0
        left = self._delete(self._session.tasks.remaining())
        while left and waited_s < self._session.lifecycle_s and idle_s < CLEAN_UP_IDLE_S:
            self._transport.sleep(CLEAN_UP_PAUSE_S)
            waited_s += CLEAN_UP_PAUSE_S
            idle_s += CLEAN_UP_PAUSE_S
            number, not_deleted = 1, list[CreatedTask]()
            while left and not (not_deleted := self._delete(left[:number])):
                left, number, idle_s = left[number:], 2 * number, 0.0
            left = not_deleted + left[number:] if left else []

    def _delete(self, tasks: list[CreatedTask]) -> list[CreatedTask]:
        """Try to delete tasks; return those that still exist. Raise `StopError` if the server keeps limiting the rate."""
        for task in self._delete_together(tasks):
            for attempt in range(RATE_LIMITED_ATTEMPTS):
                status = self._sender.send(self._deletion(task))[0].status
                if status != HTTPStatus.TOO_MANY_REQUESTS:
                    break
                self._transport.sleep(0.5 * 2**attempt)
            else:
                raise StopError(StopReason.RATE_LIMITED, "the server limits the rate")
            task.deleted = _is_gone(status)
        return [task for task in tasks if not task.deleted]

    def _delete_together(self, tasks: list[CreatedTask]) -> list[CreatedTask]:
        """Try to delete tasks at the same moment, where the sender has several connections; return those that are to be deleted alone."""
        alone: list[CreatedTask] = []
        rest = tasks
        while len(rest) > 1 and self._sender.overlap_tried and self._sender.connections > 1:
            some, rest = rest[: self._sender.connections], rest[self._sender.connections :]
            received: dict[int, Exchange] = {}
            try:
                self._sender.overlap([self._deletion(task) for task in some], received)
            finally:
                for place, exchange in received.items():
                    some[place].deleted = _is_gone(exchange.status)
                    alone += [] if plain(exchange) else [some[place]]
        return alone + rest

    def _deletion(self, task: CreatedTask) -> RequestSpec:
        return adapted(delete_request(task.task_id), self._session.signature_variant, self._session.prefix)

    def _cut(self, case: Case, why: _Why) -> None:
        """Record that a script was cut off: what it has shown so far is no pass."""
        self._unfinished.pop(case.id, None)
        self._cut_off[case.id] = why
        self._session.results.insufficient(case, *why)

    def _complete_outcomes(self) -> None:
        """Give every selected case of the plan an outcome, in the order of the plan, and add what the others have shown."""
        ended = _Why(self._stop_reason, Cause.ENDED_EARLY) if self._stop_reason else self._end_without_stop()
        for case in list(self._unfinished.values()):
            self._cut(case, ended)
        recorded = self._session.results.outcomes
        selected = {case.id: recorded.get(case.id) or Outcome(case) for case in self._plan if case.selected}
        for outcome in selected.values():
            if outcome.state is State.NOT_TESTED and not outcome.reason:
                outcome.reason, outcome.cause = self._why_without_result(outcome.case, ended)
        others = {case_id: outcome for case_id, outcome in recorded.items() if case_id not in selected}
        self._session.results.outcomes = selected | self._failed_others(others)

    def _end_without_stop(self) -> _Why:
        """Return why cases were left that nothing has stopped: the budget, or an observer that has seen enough."""
        if self._observer.stop(self._session):
            return _Why("the run was ended", Cause.ENDED_EARLY)
        return _Why(BUDGET_USED_UP, Cause.BUDGET)

    def _why_without_result(self, case: Case, ended: _Why) -> _Why:
        """Return why a case was not tested, where its script has not recorded it."""
        decider = case.decided_by or case.id
        if case.needs_failing_file and not self._session.fixture_data.failing_file:
            return _Why(NO_FAILING_FILE, Cause.NO_FAILING_FILE)
        if decider in self._cut_off:
            return self._cut_off[decider]
        if decider not in self._started:
            return ended
        deciding = self._session.results.outcomes.get(decider)
        if deciding is not None and deciding.state is State.NOT_TESTED and deciding.reason:
            return _Why(deciding.reason, deciding.cause or Cause.OBSERVATION)
        return _Why("no response showed what it needs", Cause.OBSERVATION)

    def _failed_others(self, others: dict[str, Outcome]) -> dict[str, Outcome]:
        """Return the outcomes of cases that were not selected, with the failures of selected rules; name the other failures in a note."""
        rules = {case.rule for case in self._plan if case.selected}
        failed: dict[str, Outcome] = {}
        left_out: set[str] = set()
        for case_id, outcome in others.items():
            left_out |= {failure.rule for failure in outcome.failures if failure.rule not in rules}
            outcome.failures = [failure for failure in outcome.failures if failure.rule in rules]
            if outcome.failures:
                failed[case_id] = outcome
        if left_out:
            self._notes.append(f"not selected, but seen in what the selected cases depend on: failures of {', '.join(sorted(left_out))}")
        return failed

    def _result(self, target: str, mode: str, seconds: float, planned: int) -> CheckResult:
        results, inference = self._session.results, self._session.inference
        readings = inference.readings
        if self._sender.rate_limited:
            self._notes.append("the server limited the rate, so one request per second was sent from then on")
        if (unusable := len(self._session.tasks.unusable)) and self._limits.clean_up:
            self._notes.append(f"{counted(unusable, 'task')} of this run cannot be deleted: the ID {UNUSABLE}")
        remaining = self._session.tasks.remaining() if self._limits.clean_up else []
        return CheckResult(
            target=target,
            mode=mode,
            outcomes=results.outcomes,
            readings=dict(inference.remaining),
            pinned={name: option for name, option in readings.items() if readings.pinned(name)},
            sources={name: source for name, source in readings.sources.items() if readings.pinned(name)},
            evidence={name: tuple(cases) for name, cases in inference.evidence.items()},
            evaluated=dict(results.evaluated),
            status_samples=tuple(results.status_samples),
            requests=planned,
            create_requests=self._sender.create_requests,
            seconds=seconds,
            cleanup_requests=self._sender.requests - planned,
            enough_accepted=results.positives[True] >= results.positives.total() * LEAST_ACCEPTED,
            remaining_tasks=tuple(task.task_id for task in remaining),
            stop_reason=self._stop_reason,
            notes=tuple(self._notes),
            relevant={name: tuple(cases) for name, cases in inference.relevant_cases.items()},
            observations=dict(results.observations),
        )


def _is_gone(status: int) -> bool:
    """Return whether a delete request with this status leaves no task."""
    return is_success("deleteTask", status) or status == HTTPStatus.NOT_FOUND
