"""Cases about the life of tasks: how they go forward, when they can be deleted, and that what is deleted is gone.

The pages are "Create task" (the states) and "Delete task". One script watches all subjects while other cases go on; the subjects are the
first tasks of a run, since a server may build one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nclue_contract.check.cases.tracking import QUICK_S, SLOW_S, TrackedTask, Watch, words
from nclue_contract.check.expectations import accepted, rejected
from nclue_contract.check.requests import Exchange, RequestSpec, create_request, delete_request, get_request
from nclue_contract.check.results import Case, Script, Wait
from nclue_contract.check.session import CheckSession
from nclue_contract.contract.model import contract

WATCHED = "life[watched]"
"""The case whose script decides the others."""

LATER_S = 2.5
"""Seconds after which tasks that have ended are looked at once more, at most."""


def task_cases() -> Iterator[Case]:
    """The script that watches, and the cases that it decides."""
    yield Case(WATCHED, "NC400", Life.script, requests=55, posts=6, rank=0, background=True)
    for word in words():
        yield Case(f"life[{word}]", "NC400", by=WATCHED, rank=0)
    for word in words():
        yield Case(f"delete[{word}]", "NC401", by=WATCHED, rank=0)
    for what in ("by its ID", "deleted again", "in the list", "its name is free"):
        yield Case(f"gone[{what}]", "NC402", by=WATCHED, rank=0)
    yield Case("kept[the other tasks]", "NC408", by=WATCHED, rank=0)
    yield Case("name[of a task that is being built]", "NC404", by=WATCHED, rank=0)
    yield Case("name[of a task that has ended]", "NC404", by=WATCHED, rank=0)
    yield Case("name[of a task that has failed]", "NC404", by=WATCHED, rank=0)
    yield Case("queue[how many at a time]", "NC409", by=WATCHED, rank=0)


class Life(Watch):
    """The script: creates the subjects, watches them to their ends, and deletes them in every state."""

    def __init__(self, bench: CheckSession, case: Case) -> None:
        super().__init__(bench, case, task_cases())
        self.wrongly: dict[int, list[Exchange]] = {}
        self.gone_told: bool = False
        self.asked: set[str] = set()

    @classmethod
    def script(cls, bench: CheckSession, case: Case) -> Script:
        """Watch until every subject has ended or the time is over."""
        life = cls(bench, case)
        yield from life.begin()
        if life.subjects:
            yield from life.watch()
            yield from life.end()

    def begin(self) -> Script:
        """Take the control task, create the others, look at each, and delete one while it is registered."""
        first = next(iter(self.bench.made.values()), None)
        if first is None:
            self.bench.untested(self.case, "the control task has no ID that could be watched")
            return
        self.subjects.append(TrackedTask(first, "watched"))
        yield from self.look(self.subjects[0])
        if self.bench.known.failing_file:
            yield from self.subject("failing", train_file_path=self.bench.known.failing_file)
        for purpose in ("deleted", "deleted too", "deleted early"):  # that one is the newest, whose ID must not come again
            yield from self.subject(purpose, **(self.bench.test_fields() if purpose == "deleted early" else {}))
        yield from self.look_at_all()
        for subject in self.subjects:
            yield from self.try_deletion(subject)

    def subject(self, purpose: str, **changes: Any) -> Script:  # noqa: ANN401  # fields of a payload
        """Create a subject and look at it."""
        exchange = yield self.bench.create(**changes)
        self.bench.judge_creation(self.case, exchange)
        made = self.bench.made.get(str(exchange.fields.get("task_id")))
        if made is not None and made.sent_ms == exchange.sent_ms:
            self.subjects.append(TrackedTask(made, purpose))

    def watch(self) -> Script:
        """Look again and again, quickly while something moves; try deletions in the states as they come."""
        bench = self.bench
        self.begun_ms: int = bench.now_ms()
        end_ms = self.begun_ms + round(bench.lifecycle_s * 1000)
        rounds = 0
        while not all(subject.ended for subject in self.subjects) and bench.now_ms() < end_ms:
            yield Wait(self.pause(end_ms))
            yield from self.look_at_all()
            rounds += 1
            watched = next((s for s in self.subjects if not s.ended), self.subjects[0])
            if watched.stage > 0 or rounds % 3 == 0:
                yield from self.look(watched)
            yield from self.taken_name("name[of a task that is being built]", (1, len(words()) - 3))
            for subject in self.subjects:
                yield from self.try_deletion(subject)

    def taken_name(self, case_id: str, stages: tuple[int, ...], purpose: str = "watched") -> Script:
        """The name of a task in some state is as taken as any other."""
        subject = next((s for s in self.subjects if s.purpose == purpose), None)
        if subject is None or subject.stage not in stages or subject.lost or subject.made.deleted or case_id in self.asked:
            return
        self.asked.add(case_id)
        exchange = yield create_request(subject.made.payload)
        self.bench.judge_answer(self.cases[case_id], exchange, rejected("NC404"))

    # -- deleting -------------------------------------------------------------------------------------------------------------------

    def try_deletion(self, subject: TrackedTask) -> Script:
        """Delete a subject in the state that it was just seen in, if that is its purpose."""
        stage = subject.stage
        early = subject.purpose == "deleted early"
        wanted = subject.purpose.startswith("deleted") and (stage == 0) == early
        if subject.purpose == "deleted too":  # a second opinion, where the first deletion went through and should not have
            # It accuses, so it comes a while later and right behind a look: tasks that were made together may have ended together.
            first = next(iter(self.wrongly.get(stage, ())), None)
            wanted = stage > 0 and first is not None and self.bench.now_ms() - first.received_ms >= QUICK_S * 1000
        if subject.made.deleted or subject.lost or stage < 0 or stage in subject.tried or not wanted:
            return
        if subject.purpose == "deleted too":
            yield from self.look(subject)
            if subject.ended or subject.stage != stage:
                return
        subject.tried.add(stage)
        case = self.cases[f"delete[{words()[stage]}]"]
        if words()[stage] in contract().lifecycle.deletable:
            yield from self.allowed_deletion(subject, case)
        else:
            yield from self.forbidden_deletion(subject, case)

    def allowed_deletion(self, subject: TrackedTask, case: Case) -> Script:
        """The deletion of a task that may be deleted; if it is refused, the state is read again, for it may just have moved."""
        bench, task_id, before = self.bench, subject.made.task_id, subject.stage
        exchange = yield delete_request(task_id)
        if exchange.attempts > 1 and exchange.status == 404:
            subject.made.deleted = True
            bench.undecided(case, "an earlier try may have been carried out")
            return
        if exchange.accepted:
            subject.made.deleted = True
            bench.judge_answer(case, exchange, accepted(), task_id)
            yield from self.gone(subject)
            return
        yield from self.look(subject)
        if subject.stage == before or before > 0:
            sentence = f"a task that is {words()[before]} cannot be deleted"
            bench.fail(case, bench.finding("NC401", f"{sentence}: answered {exchange.status}"), exchange)
        else:
            bench.undecided(case, "the task moved on before it was deleted")

    def forbidden_deletion(self, subject: TrackedTask, case: Case) -> Script:
        """The deletion of a task that may not be deleted. Since it may end at that moment, only a second success is a failure."""
        bench, task_id, stage = self.bench, subject.made.task_id, subject.stage
        exchange = yield delete_request(task_id)
        if not exchange.accepted:
            bench.judge_answer(case, exchange, rejected("NC401"))
            return
        subject.made.deleted = True
        self.wrongly.setdefault(stage, []).append(exchange)
        # One stage can be over at any moment, but not two of them within the time of one.
        quick = exchange.received_ms - subject.unfinished_ms < SLOW_S * 1000
        if len(self.wrongly[stage]) > 1 or (quick and stage < len(words()) - 3):
            problem = f"a task that is {words()[stage]} was deleted"
            bench.fail(case, bench.finding("NC401", problem), exchange)
        else:
            bench.undecided(case, "a task was deleted that may have ended at that moment")

    def gone(self, subject: TrackedTask) -> Script:
        """After a deletion: the ID, the list and the name know nothing of the task, and the others are still there."""
        bench, task_id = self.bench, subject.made.task_id
        yield from self.refused_now(get_request(task_id), self.cases["gone[by its ID]"], "a task that was deleted can be read")
        if self.gone_told:
            return
        self.gone_told = True
        yield from self.refused_now(
            delete_request(task_id), self.cases["gone[deleted again]"], "a task that was deleted can be deleted again"
        )
        yield from self.look_at_all()
        bench.passed(self.cases["gone[in the list]"])
        bench.passed(self.cases["kept[the other tasks]"])
        again = yield create_request(subject.made.payload)
        bench.judge_free_name(self.cases["gone[its name is free]"], again, "NC402", "the name of a task that was deleted is still taken")

    def refused_now(self, ask: RequestSpec, case: Case, problem: str) -> Script:
        """A request for a task that is gone."""
        exchange = yield ask
        if exchange.accepted:
            self.bench.fail(case, self.bench.finding("NC402", problem), exchange)
        else:
            self.bench.judge_answer(case, exchange, rejected("NC407"))

    # -- the end --------------------------------------------------------------------------------------------------------------------

    def end(self) -> Script:
        """A last look at everything, some time later, and what can only be asked when a task has ended."""
        watched, bench, final = self.subjects[0], self.bench, len(words()) - 2
        yield from self.taken_name("name[of a task that has ended]", (final, final + 1))
        yield from self.taken_name("name[of a task that has failed]", (final + 1,), "failing")
        if watched.stage >= final and not watched.lost:
            yield from self.look(watched)
            yield Wait(min(LATER_S, 4 * (self.shortest_s or 0)))
            for subject in [s for s in self.subjects if s.purpose in {"watched", "failing"}]:
                yield from self.look(subject)
            yield from self.look_at_all()
        failing = next((s for s in self.subjects if s.purpose == "failing"), None)
        if failing is not None and failing.stage == final + 1 and not failing.lost:
            yield from self.allowed_deletion(failing, self.cases[f"delete[{words()[final + 1]}]"])
        queue = self.cases["queue[how many at a time]"]
        bench.undecided(queue, "no two tasks were seen in progress together")
        if self.handovers > 1 and not self.together and len(bench.inference.possible["queue"]) > 1:
            bench.refute(queue, "queue", "parallel")  # last of all: it is likely, but a server could take turns and still build two
        for case_id, other in self.cases.items():
            never = words()[-1] in case_id and not bench.known.failing_file
            unnamed = "no task of this run has failed; --failing-file names a file with which tasks fail"
            bench.untested(other, unnamed if never else "no task of this run got that far in time")
