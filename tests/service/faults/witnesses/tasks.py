"""Witnesses of the faults in the handling of tasks."""

from tests.service.faults.exchange import FAILING, delete, get, post, status, witness

_STAGES = ("registered", "pending", "in_progress", "completed")
_CREATED_AT = "2025-11-25T01:00:00+09:00"

WITNESSES = {
    "duplicates-allowed": status(409, 200, post(), post()),
    "duplicates-racing": status(409, 200, post(), post(step={"wait_ms": 0})),
    "duplicates-racing-crowd": status(409, 200, post(), post(step={"wait_ms": 0}), post(step={"wait_ms": 0})),
    "duplicates-by-case": status(200, 409, post(name="Task"), post(name="task")),
    "duplicates-trimmed": status(200, 409, post(name="task "), post(name="task")),
    "duplicates-by-prefix": status(200, 409, post(name="x" * 32 + "1"), post(name="x" * 32 + "2")),
    "duplicates-after-deletion": status(200, 409, post(), delete(), post()),
    "duplicate-status-422": status(409, 422, post(), post()),
    "duplicate-code": witness("code", "10102", None, post(), post()),
    "refused-name-kept": status(200, 409, post(train_file_path="a~b"), post()),
    "status-goes-back": witness("/status", "pending", "registered", post(), get(), get(advance=1), get()),
    "status-flips": witness("/status", "completed", "failed", post(), get(advance=3), get()),
    "status-word": lambda word: witness("/status", word, f"{word}_", post(), get(advance=_STAGES.index(word))),
    "status-capitals": witness("/status", "registered", "REGISTERED", post(), get()),
    "failed-as-completed": witness("/status", "failed", "completed", post(name=FAILING), get(advance=3)),
    "failure-unexplained": witness("/fail_message", "NUM_OF_LABEL_INSUFFICIENT", None, post(name=FAILING), get(advance=3)),
    "failure-everywhere": witness("/fail_message", None, "COMMON_ERROR", post(), get()),
    "completion-without-time": witness("/completed_at", _CREATED_AT, None, post(), get(advance=3)),
    "completion-foreseen": witness("/completed_at", None, _CREATED_AT, post(), get()),
    "score-out-of-range": witness("/AUROC", "0.5435", "54.35", post(), get(advance=3)),
    "score-too-early": witness("/AUROC", None, "0.5", post(), get()),
    "lines-negative": witness("/line_count", None, -1, post(), get()),
    "lines-as-text": witness("/line_count", 2000, "2000", post(), get(advance=3)),
    "creation-time-moves": witness("/created_at", _CREATED_AT, "2025-11-25T01:01:00+09:00", post(), get(advance=1, wait_ms=60_000)),
}
