"""Creates the tasks that a test case needs and that the cases before it have not created."""

from __future__ import annotations

from nclue_contract.check.results import Case, Cause, Script
from nclue_contract.check.session import CheckSession

LEFT_FOR_THE_CASE = 6
"""Requests that are left for the case itself, where more tasks are created than it needs."""


def create_missing(session: CheckSession, case: Case, number: int, *, within_budget: bool = False) -> Script:
    """Create valid tasks until this run has so many, as far as the plan and the limits allow it.

    With `within_budget`, use only requests that no other case needs: the tasks are good to have, but not necessary.
    """
    for _ in range(case.posts):
        enough = len(session.tasks.remaining()) >= number
        if enough or session.creates_left == 0 or (within_budget and session.polling_budget <= LEFT_FOR_THE_CASE):
            return
        exchange = yield session.builder.create()
        session.evaluator.evaluate_create(case, exchange)


def too_few_tasks(session: CheckSession, case: Case, what: str) -> None:
    """Record that there are too few tasks for a pass: `what` says which, such as `fewer than 9 tasks to compare pages`."""
    if session.creates_left == 0:
        session.results.insufficient(case, f"there are {what}, and no more may be created", Cause.CREATE_LIMIT)
    else:
        session.results.insufficient(case, f"there are {what}")
