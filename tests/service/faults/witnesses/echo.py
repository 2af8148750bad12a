"""Witnesses of the faults in the echo."""

from tests.service.faults.exchange import TEST, get, post, witness
from tests.service.faults.witnesses.responses import CREATED

_CREATED_AT = "2025-11-25T01:00:00+09:00"


def _echo(clean, faulty):
    """Return a function that builds a witness for a value sent in a field and how it is returned."""

    def of(field):
        return witness(f"/{field}", clean, faulty, post(**{"name" if field == "task_name" else field: clean}))

    return of


def _previous(field):
    changes = {"name": "next"} if field == "task_name" else TEST | {"name": "next", field: "next"}
    return witness(f"/{field}", "next", CREATED[field], post(**TEST), post(**changes))


WITNESSES = {
    "echo-trimmed": _echo(" x ", "x"),
    "echo-lower-case": _echo("A/B", "a/b"),
    "echo-normalised": _echo("e\u0301", "\u00e9"),
    "echo-cut": _echo("x" * 80, "x" * 64),
    "echo-without-slash": _echo("/a/b", "a/b"),
    "echo-encoded": _echo("a b", "a%20b"),
    "echo-escaped": _echo("a&b", "a&amp;b"),
    "echo-beyond-ascii-lost": _echo("이탈", "??"),
    "echo-astral-lost": _echo("\U0001f600", "\ufffd"),
    "echo-swapped": witness("/train_file_path", "churn/train.tsv", "churn/test.tsv"),
    "echo-train-as-test": witness("/test_file_path", None, "churn/train.tsv", post()),
    "echo-test-dropped": witness("/test_file_path", "churn/test.tsv", None),
    "echo-previous": _previous,
    "echo-leaking": lambda field: witness(f"/{field}", None, TEST[field], post(**TEST), post(name="next")),
    "value-number": lambda field: witness(f"/{field}", CREATED[field], 7),
    "value-null": lambda field: witness(f"/{field}", CREATED[field], None),
    "id-constant": witness(
        "/task_id", "00000000-0000-4000-8000-000000000002", "00000000-0000-4000-8000-000000000001", post(), post(name="next")
    ),
    "time-constant": witness("/created_at", "2025-11-25T01:01:00+09:00", _CREATED_AT, post(), post(name="next", step={"wait_ms": 60_000})),
    "time-naive": witness("/created_at", _CREATED_AT, "2025-11-25T01:00:00"),
    "time-with-space": witness("/created_at", _CREATED_AT, "2025-11-25 01:00:00+09:00"),
    "time-date-only": witness("/created_at", _CREATED_AT, "2025-11-25"),
    "time-wrong-offset": witness("/created_at", _CREATED_AT, "2025-11-24T16:00:00+09:00"),
    "time-milliseconds": witness("/created_at", _CREATED_AT, 1_764_000_000_010),
    "get-differs": witness("/train_file_path", "churn/train.tsv", "train.tsv", post(), get()),
}
