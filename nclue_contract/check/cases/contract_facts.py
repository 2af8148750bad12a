"""Facts of the contract that several modules of the plan need: the statuses of a task with their roles, fields and parameters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from nclue_contract.contract.model import Field, QueryParameter, contract


@dataclass(frozen=True, slots=True)
class TaskLifecycle:
    """The statuses of a task in their order; the last two are final. `deletable` are those in which a task can be deleted."""

    statuses: tuple[str, ...]
    deletable: tuple[str, ...]

    @property
    def completed(self) -> str:
        """Return the final status of a task that succeeded."""
        return self.statuses[-2]

    @property
    def failed(self) -> str:
        """Return the final status of a task that failed."""
        return self.statuses[-1]

    def stage(self, status: object) -> int | None:
        """Return the position of a status, counted from 0, in any word of the reading `status-word`; None for another word."""
        synonyms = {option.word: self.completed for option in contract().readings["status-word"].options}
        word = synonyms.get(str(status), str(status))
        return self.statuses.index(word) if word in self.statuses else None


@cache
def lifecycle() -> TaskLifecycle:
    """Return the lifecycle of a task."""
    statuses = next(field.enum for field in contract().responses["Task"] if field.name == "status")
    return TaskLifecycle(statuses, contract().rules["NC401"].states)


def request_field(name: str) -> Field:
    """Return a field of the request of createTask."""
    return next(field for field in contract().request if field.name == name)


def list_parameter(name: str) -> QueryParameter:
    """Return a query parameter of listTasks."""
    return next(parameter for parameter in contract().operations["listTasks"].query if parameter.name == name)
