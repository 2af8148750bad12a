"""Random lives of tasks, compared with a model that is written by hand and knows nothing of the package.

The model goes through time in steps of a quarter of a second and moves what is due; the service computes from the time of the last request
where everything must be by now.
"""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cache

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from nclue_contract.contract.readings import Readings
from nclue_contract.service.lifecycle import ProgressMode
from nclue_contract.service.messages import Request
from nclue_contract.service.service import Service, sequential_ids
from nclue_contract.service.store import ExternalData
from tests.support.payloads import PAYLOAD

START_MS = 1_764_000_000_000
TICK_MS = 250
MODES = ["immediate", "seconds:0.5", "seconds:2", "reads:1", "reads:3", "manual"]
NEXT = {"registered": "pending", "pending": "in_progress", "in_progress": "completed"}
ENDED = {"completed", "failed"}
FAILING = {"fails": "NUM_OF_LABEL_INSUFFICIENT"}
NAMES = ["a", "b", "c", "d", "fails"]


@dataclass
class Life:
    """A task of the model."""

    task_id: str
    since_ms: int
    message: str | None
    state: str = "registered"
    returned: int = 0
    ended_ms: int | None = None

    @property
    def ended(self):
        return self.state in ENDED


class Model:
    """Names to lives, in the order of creation."""

    def __init__(self, mode, queue):
        self.word, _, amount = mode.partition(":")
        self.amount = float(amount or 0)
        self.serial = queue == "serial"
        self.lives = {}
        self.now_ms = self.settled_ms = START_MS

    def named(self, task_id):
        return next((name for name, life in self.lives.items() if life.task_id == task_id), None)

    def waits(self, life):
        """Whether one that was created before has not ended, in a queue that builds one at a time."""
        before = []
        for other in self.lives.values():
            if other is life:
                break
            before.append(other)
        return self.serial and life.state == "pending" and not all(other.ended for other in before)

    def move(self, life, at_ms):
        if life.ended or self.waits(life):
            return False
        life.state, life.since_ms, life.returned = NEXT[life.state], at_ms, 0
        if life.state == "completed":
            life.ended_ms = at_ms
            life.state = "failed" if life.message else "completed"
        return True

    def settle(self):
        """Let the time go by until now."""
        if self.word == "immediate":
            while any(self.move(life, self.now_ms) for life in self.lives.values()):
                pass
        for at_ms in range(self.settled_ms, self.now_ms + 1, TICK_MS) if self.word == "seconds" else ():
            for life in self.lives.values():
                if at_ms - life.since_ms >= self.amount * 1000:
                    self.move(life, at_ms)
        self.settled_ms = self.now_ms

    def show(self, life):
        """Read a task; by reads, each state is returned as often as configured before the next one is."""
        if self.word == "reads" and not life.ended:
            if life.returned >= self.amount:
                self.move(life, self.now_ms)
            life.returned += 1


class Machine(RuleBasedStateMachine):
    """Sends requests to the service, does the same in the model, and compares."""

    def __init__(self, mode, queue, seen):
        super().__init__()
        self.service = service_for(mode, queue)
        self.service.reset()
        self.service.new_id = sequential_ids()
        self.model = Model(mode, queue)
        self.seen = seen
        self.ids = []

    def send(self, method, path="", payload=None):
        self.model.settle()
        body = b"" if payload is None else json.dumps(payload).encode()
        response = self.service.handle(Request(method, f"/api/v1/tasks{path}", (), body), self.model.now_ms)
        self.seen[method, response.status] += 1
        return response

    def compare(self, task, life):
        """Status and times of a task are those of the model."""
        assert task["status"] == life.state
        assert (task["completed_at"] is not None) == life.ended
        if life.ended_ms is not None and self.model.word != "immediate":
            configured = datetime.fromtimestamp(life.ended_ms // 1000, UTC).astimezone(timezone(timedelta(hours=9)))
            assert task["completed_at"] == configured.isoformat()
        self.seen[life.state] += 1

    @initialize(names=st.lists(st.sampled_from(NAMES), max_size=3))
    def begin(self, names):
        for name in names:
            self.create(name)

    @rule(name=st.sampled_from(NAMES))
    def create(self, name):
        response = self.send("POST", payload=PAYLOAD | {"name": name})
        if name in self.model.lives:
            assert response.status == 409
            return
        assert response.status == 200
        self.ids.append(response.json()["task_id"])
        assert len(set(self.ids)) == len(self.ids)
        self.model.lives[name] = Life(self.ids[-1], self.model.now_ms, FAILING.get(name))

    @rule(number=st.integers(0, 5))
    def get(self, number):
        task_id = self.ids[-1 - number] if number < len(self.ids) else "none"
        response = self.send("GET", f"/{task_id}")
        name = self.model.named(task_id)
        if name is None:
            assert response.status == 404
            return
        life, task = self.model.lives[name], response.json()
        self.model.show(life)
        self.compare(task, life)
        assert (task["task_name"], task["task_id"]) == (name, task_id)
        assert (task["AUROC"] is not None) == (life.state == "completed")
        assert task["fail_message"] == (life.message if life.state == "failed" else None)

    @rule(index=st.integers(0, 4), limit=st.integers(1, 5))
    def list(self, index, limit):
        value = self.send("GET", f"?index={index}&limit={limit}").json()
        expected = [*self.model.lives.items()][index : index + limit]
        assert (value["index"], value["limit"], value["total"]) == (index, limit, len(self.model.lives))
        assert [task["task_name"] for task in value["tasks"]] == [name for name, _ in expected]
        for task, (_, life) in zip(value["tasks"], expected, strict=True):
            self.model.show(life)
            self.compare(task, life)

    @rule(number=st.integers(0, 5))
    def delete(self, number):
        task_id = self.ids[-1 - number] if number < len(self.ids) else "none"
        response = self.send("DELETE", f"/{task_id}")
        name = self.model.named(task_id)
        if name is None:
            assert response.status == 404
        elif self.model.lives[name].state in {"pending", "in_progress"}:
            assert response.status == 409
        else:
            assert (response.status, response.json()) == (200, {"task_id": task_id})
            del self.model.lives[name]

    @rule(number=st.none() | st.integers(0, 4), message=st.sampled_from([None, None, None, "COMMON_ERROR"]))
    def advance(self, number, message):
        if self.model.word == "seconds":
            self.model.settle()
        task_id = None if number is None else self.ids[-1 - number] if number < len(self.ids) else "none"
        moved = 0
        for life in self.model.lives.values():
            if task_id in {None, life.task_id}:
                life.message = life.message if message is None or life.ended else message
                moved += self.model.move(life, self.model.now_ms)
        assert self.service.advance(task_id, now_ms=self.model.now_ms, fail_message=message) == moved
        self.seen["moved by hand"] += moved

    @rule(ticks=st.sampled_from([1, 1, 2, 3, 8, 40]))
    def wait(self, ticks):
        self.model.now_ms += ticks * TICK_MS

    @invariant()
    def the_same_tasks_exist(self):
        assert [(task.name, task.task_id) for task in self.service.store] == [
            (name, life.task_id) for name, life in self.model.lives.items()
        ]

    def teardown(self):
        self.list(0, 100)


@cache
def service_for(mode, queue):
    readings = Readings.choose(("test", {"queue": queue}))
    return Service(readings=readings, progress=ProgressMode.parse(mode), fixture_data=ExternalData(failing_names=FAILING))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("queue", ["parallel", "serial"])
def test_tasks_behave_as_the_model_does(mode, queue):
    """Whatever is created, read, deleted, moved or waited for, in any order: every response is that of the model."""
    seen = Counter()
    calmly = settings(max_examples=settings().max_examples // 5, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow])
    steps = 0
    for _ in range(20):
        run_state_machine_as_test(lambda: Machine(mode, queue, seen), settings=calmly)
        steps = sum(count for what, count in seen.items() if isinstance(what, tuple))
        if steps > 200 and seen["completed"] + seen["failed"]:  # almost always so after one or two runs
            break
    assert steps > 200, seen
    assert seen["completed"] + seen["failed"], seen
