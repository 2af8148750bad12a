"""The tasks that `proxy` shows: those that the exchanges have shown so far."""

from __future__ import annotations

from collections import Counter

from nclue_contract.contract.model import contract
from nclue_contract.live.views import MAX_TASKS, TaskOverview, TaskView
from nclue_contract.traffic.history import DELETED, KnownTask
from nclue_contract.traffic.judge import TrafficJudge

NOT_SEEN = "not seen"
"""What is said of a task that was created, and whose status no response has shown."""


class TrafficTasks:
    """The tasks of the servers of a judge, which masks secrets in them. Without the side of the server, a judge knows none."""

    def __init__(self, judge: TrafficJudge) -> None:
        self._judge = judge

    def __call__(self) -> TaskOverview:
        """Return the newest tasks as they were seen last, and the counts of all that are remembered."""
        tasks: list[TaskView] = []
        counts: Counter[str] = Counter()
        for server in self._judge.servers.values():
            tasks += [_view(task_id, task) for task_id, task in server.history.newest(MAX_TASKS)]
            counts += server.history.counts()
        words = (*contract().lifecycle.statuses, DELETED, "")
        return TaskOverview(tasks, [(word or NOT_SEEN, counts[word]) for word in words if counts[word]])


def _view(task_id: str, task: KnownTask) -> TaskView:
    created = task.values.get("created_at")
    stage = len(contract().lifecycle.statuses) if task.deleted is not None else task.stage
    return TaskView(task_id, task.name or "", task.status or NOT_SEEN, stage, created if isinstance(created, str) else "")
