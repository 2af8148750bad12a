"""Compare the validator with JSON Schema engines and model libraries, in one process and one run.

Run it with `make bench`, or `python -m tools.bench_validator [--rounds N]`.

Every candidate validates the same payloads, and before anything is timed they must agree about each of them. A round
times all candidates one after the other, in seconds of this thread, so the ratios (see `comparison`) hardly depend on what else the machine
does. The payloads are 1,000 distinct objects; IDs and buckets are few, as in a pipeline, but for one row. In the rows with cold hashes,
every candidate gets strings that nobody has hashed before, as they come from a JSON parser.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any

import fastjsonschema
import jsonschema
import jsonschema_rs
import msgspec
import pydantic

from nclue_contract import Report, Validator, is_valid_request, validate_request
from tools.comparison import Row, payload_schema, print_head, print_row

Payload = dict[str, Any]
COUNT = 1000
RS, RS_ERRORS, RS_PLACES = "jsonschema-rs is_valid", "jsonschema-rs iter_errors", "jsonschema-rs + positions"
CHOSEN = {"test-triple": "independent"}  # the schema does not know warnings


# The models type the page's values by hand: they are witnesses, too.
CLASS = "[&$@=;:+,?*\\\\{}^%`\\[\\]<>~#|\"'\\x00-\\x1f\\x80-\\xff]"
ODD = re.compile(CLASS)


def _path(value: str | None) -> str | None:
    if value is not None and ODD.search(value):
        message = "forbidden character"
        raise ValueError(message)
    return value


PathModel = Annotated[str, pydantic.AfterValidator(_path)]


class Model(pydantic.BaseModel, strict=True):
    """A pydantic model as a careful user would write it."""

    name: Annotated[str, pydantic.Field(min_length=1, max_length=100)]
    train_feature_id: str
    train_bucket: str
    train_file_path: PathModel
    test_feature_id: str | None = None
    test_bucket: str | None = None
    test_file_path: PathModel | None = None


MsgPath = Annotated[str, msgspec.Meta(pattern=f"^(?!.*{CLASS})(?s:.)*$")]


class Struct(msgspec.Struct):
    """A msgspec struct as a careful user would write it."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    train_feature_id: str
    train_bucket: str
    train_file_path: MsgPath
    test_feature_id: str | None = None
    test_bucket: str | None = None
    test_file_path: MsgPath | None = None


def raises(function: Callable[[Payload], object], errors: tuple[type[Exception], ...]) -> Callable[[Payload], bool]:
    """Return a predicate from a function that raises: whether it does not raise."""

    def check(payload: Payload) -> bool:
        try:
            function(payload)
        except errors:
            return False
        return True

    return check


def yes_no() -> dict[str, Callable[[Payload], Any]]:
    """Candidates that return whether a payload is valid."""
    rules = payload_schema()
    fast = fastjsonschema.compile({key: value for key, value in rules.items() if key != "title"})
    return {
        "ours, full report": Validator(CHOSEN).validate_request,
        RS: jsonschema_rs.Draft202012Validator(rules).is_valid,
        "jsonschema is_valid": jsonschema.Draft202012Validator(rules).is_valid,
        "fastjsonschema": raises(fast, (fastjsonschema.JsonSchemaException,)),
        "pydantic": raises(Model.model_validate, (pydantic.ValidationError,)),
        "msgspec.convert": raises(lambda p: msgspec.convert(p, Struct), (msgspec.ValidationError,)),
    }


def violations() -> dict[str, Callable[[Payload], int]]:
    """Candidates that find which forbidden character is where, and all other violations; they return the number of places."""
    rules = payload_schema()
    engine, plain = jsonschema_rs.Draft202012Validator(rules), jsonschema.Draft202012Validator(rules)
    check = Validator(CHOSEN).validate_request

    def ours(payload: Payload) -> int:
        return len([(f.pointer, f.rule, f.offset, f.character) for f in check(payload).findings])

    def spots(payload: Payload, path: Iterable[str | int]) -> list[tuple[object, ...]]:
        names = list(path)
        value = payload[str(names[0])] if names else None
        if not isinstance(value, str) or "file_path" not in str(names[0]):
            return [(*names, None, None)]
        return [(*names, match.start(), f"U+{ord(match[0]):04X}") for match in ODD.finditer(value)]

    def with_rs(payload: Payload) -> int:
        return sum(len(spots(payload, error.instance_path)) for error in engine.iter_errors(payload))

    def with_jsonschema(payload: Payload) -> int:
        return sum(len(spots(payload, error.absolute_path)) for error in plain.iter_errors(payload))

    return {"ours": ours, RS_PLACES: with_rs, "jsonschema + positions": with_jsonschema}


def all_errors() -> dict[str, Callable[[Payload], Any]]:
    """Candidates that collect all violations, without their places: a list, and ours a report."""
    rules = payload_schema()
    check, engine = Validator(CHOSEN).validate_request, jsonschema_rs.Draft202012Validator(rules)
    plain = jsonschema.Draft202012Validator(rules)
    return {
        "ours, full report": check,
        RS_ERRORS: lambda payload: list(engine.iter_errors(payload)),
        "jsonschema iter_errors": lambda payload: list(plain.iter_errors(payload)),
    }


def samples(*, pooled: bool = True, path: str = "churn/2026-11/part-{:05}.tsv", **fields: Any) -> list[Payload]:  # noqa: ANN401  # any JSON
    """Distinct payloads, also in their strings; 20 feature IDs and buckets among them, or all distinct when not `pooled`."""
    draw = random.Random(2026)  # noqa: S311  # repeatable, not secret
    ids = [str(uuid.UUID(int=draw.getrandbits(128), version=4)) for _ in range(COUNT)]
    made = [
        {
            "name": f"churn model {index}",
            "train_feature_id": ids[index % 20 if pooled else index],
            "train_bucket": f"answers-{index % 20 if pooled else index}",
            "train_file_path": path.format(index),
        }
        | {name: value.format(index) if isinstance(value, str) else value for name, value in fields.items()}
        for index in range(COUNT)
    ]
    return [json.loads(json.dumps(payload)) for payload in made]


TEST_FIELDS: Payload = {
    "test_feature_id": "8c0409d5-8c04-4c04-8c04-8c0409d58c04",
    "test_bucket": "answers-test",
    "test_file_path": "churn/2026-11/test-{:05}.tsv",
}
LONG = "churn/" + "x" * 980 + "/{:05}.tsv"
ONE_CHARACTER = "dt=2026/part-{:05}.tsv"
MANY: dict[str, Any] = {
    "name": "",
    "train_bucket": 3,
    "path": "a~b=c&d;e{:05}?",
    "test_feature_id": 1,
    "test_file_path": "x:y\n{}|",
}


def without(field: str) -> list[Payload]:
    """Return the samples without a field."""
    return [{name: value for name, value in payload.items() if name != field} for payload in samples()]


def row(
    question: str,
    candidates: Mapping[str, Callable[[Payload], Any]],
    batch: list[Payload],
    goals: Mapping[str, float] | None = None,
    *,
    cold: bool = False,
) -> Row:
    """Return a row of the table, after all candidates were seen to agree on every payload; with `cold`, strings are new in every round."""
    for payload in batch:
        answers = {name: check(payload) for name, check in candidates.items()}
        results = {name: _comparable(answer) for name, answer in answers.items()}
        if len(set(results.values())) != 1:
            raise SystemExit(f"{question}: no agreement about {payload}: {results}")
    text = json.dumps(batch) if cold else ""
    timed = {name: _timed(check, batch, text) for name, check in candidates.items()}
    return Row(question, timed, goals or {}, "us", 1e6)


def _comparable(answer: object) -> object:
    """Return what candidates must agree on: whether a payload is valid, or how many violations it has."""
    if isinstance(answer, Report):
        return answer.ok
    return not answer if isinstance(answer, list) else answer


def _timed(check: Callable[[Payload], object], batch: list[Payload], text: str) -> Callable[[], float]:
    def run() -> float:
        payloads: list[Payload] = json.loads(text) if text else batch
        if not text:
            for payload in payloads:  # for the caches, which the candidate before has filled
                check(payload)
        start = time.thread_time()
        for payload in payloads:
            check(payload)
        return (time.thread_time() - start) / len(payloads)

    return run


def rows() -> Iterator[Row]:
    """Yield all rows, with their goals."""
    valid, found, engines = yes_no(), violations(), all_errors()
    quick = {name: check for name, check in valid.items() if name != "jsonschema is_valid"}
    schema_engines = {name: check for name, check in valid.items() if name.startswith(("ours", "jsonschema-rs"))}
    full = samples(**TEST_FIELDS)
    yield row("valid, 4 fields, yes or no", valid, samples(), {RS: 1.15})
    yield row("valid, 7 fields, yes or no", valid, full, {RS: 1.6})
    yield row("valid, 4 fields, all violations asked for", engines, samples(), {RS_ERRORS: 0.62})
    yield row("valid, 7 fields, all violations asked for", engines, full, {RS_ERRORS: 1.0})
    yield row("valid, 4 fields, cold hashes", schema_engines, samples(), cold=True)
    yield row("valid, 7 fields, cold hashes", schema_engines, full, cold=True)
    yield row("valid, all IDs and buckets distinct", schema_engines, samples(pooled=False))
    yield row("validate_request()", {"ours, full report": validate_request, RS: valid[RS]}, samples(), {RS: 1.25})
    yield row("is_valid_request()", {"ours": is_valid_request, RS: valid[RS]}, samples(), {RS: 1.25})
    yield row("valid path of 1,000 characters", quick, samples(path=LONG), {RS: 0.56})
    yield row("one bad character, with its place", found, samples(path=ONE_CHARACTER), {RS_PLACES: 0.45})
    yield row("name too long, with its place", found, samples(name="x" * 100 + "{:05}"), {RS_PLACES: 0.95})
    yield row("empty name, with its place", found, samples(name=""))
    yield row("missing field, with its place", found, without("train_bucket"), {RS_PLACES: 0.67})
    yield row("wrong type, with its place", found, samples(train_bucket=3), {RS_PLACES: 0.87})
    yield row("many violations, with their places", found, samples(**MANY), {RS_PLACES: 0.61})


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=50, help="rounds per row (default 50)")
    rounds = parser.parse_args().rounds
    print_head()
    for each in rows():
        print_row(each, rounds)


if __name__ == "__main__":
    main()
