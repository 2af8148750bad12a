"""Witnesses of the faults in deleting tasks, and in the responses for tasks that do not exist."""

from tests.service.faults.exchange import ABSENT, FAILING, delete, get, post, status, witness

_FIRST_ID = "00000000-0000-4000-8000-000000000001"
_UNKNOWN = "/00000000-0000-4000-8000-0000000000ff"

WITNESSES = {
    "deletes-building": status(409, 200, post(), delete(advance=2)),
    "deletes-pending": status(409, 200, post(), delete(advance=1)),
    "keeps-registered": status(200, 409, post(), delete()),
    "keeps-completed": status(200, 409, post(), delete(advance=3)),
    "keeps-failed": status(200, 409, post(name=FAILING), delete(advance=3)),
    "deletion-without-effect": status(404, 200, post(), delete(), get()),
    "deletion-takes-another": status(200, 404, post(), post(name="b"), delete("/{2}"), get("/{1}")),
    "deletion-answers-nothing": witness("/task_id", _FIRST_ID, ABSENT, post(), delete()),
    "deletion-answers-another": witness("/task_id", _FIRST_ID, "0", post(), delete()),
    "deletion-repeats": status(404, 200, post(), delete(), delete()),
    "unknown-as-another": status(404, 200, post(), get(_UNKNOWN)),
    "unknown-as-empty": status(404, 200, get(_UNKNOWN)),
    "unknown-crashes": status(404, 500, get(_UNKNOWN)),
}
