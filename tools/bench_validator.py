"""Compare the validator with JSON Schema engines and model libraries, in one process and one run.

Run it with `make bench`, or `python tools/bench_validator.py [--rounds N]`.

Every candidate validates the same payloads, and before anything is timed they must agree about each of them. A round
times all candidates one after the other, so the ratios (medians over the rounds) hardly depend on what else the machine does. Ratios
above 1 mean: that many times slower than ours. The payloads are all distinct; IDs and buckets are few, as in a pipeline, but for the last
row. Only the times of one run can be compared.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import re
import statistics
import time
import tracemalloc
import uuid
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import fastjsonschema
import jsonschema
import jsonschema_rs
import msgspec
import pydantic

from nclue_contract import Report, Validator
from nclue_contract.cli.sources import payloads
from nclue_contract.contract.openapi import document

Payload = dict[str, Any]
COUNT = 1000
CHOSEN = {"test-triple": "independent"}  # the schema does not know warnings


def schema() -> dict[str, Any]:
    """Return the schema of a payload with its references resolved by hand, so that every engine can read it."""
    schemas = document()["components"]["schemas"]
    request: dict[str, Any] = schemas["TaskRequest"]
    request["properties"]["train_file_path"] = schemas["FilePath"]
    request["properties"]["test_file_path"]["anyOf"][0] = schemas["FilePath"]
    return request


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
    rules = schema()
    fast = fastjsonschema.compile({key: value for key, value in rules.items() if key != "title"})
    return {
        "ours, full report": Validator(CHOSEN).validate_request,
        "jsonschema-rs is_valid": jsonschema_rs.Draft202012Validator(rules).is_valid,
        "jsonschema is_valid": jsonschema.Draft202012Validator(rules).is_valid,
        "fastjsonschema": raises(fast, (fastjsonschema.JsonSchemaException,)),
        "pydantic": raises(Model.model_validate, (pydantic.ValidationError,)),
        "msgspec.convert": raises(lambda p: msgspec.convert(p, Struct), (msgspec.ValidationError,)),
    }


def violations() -> dict[str, Callable[[Payload], int]]:
    """Candidates that find which forbidden character is where, and all other violations; they return the number of places."""
    rules = schema()
    engine, plain = jsonschema_rs.Draft202012Validator(rules), jsonschema.Draft202012Validator(rules)
    check = Validator(CHOSEN, ignore=["NC130", "NC131"]).validate_request  # the schema does not have these two

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

    return {"ours": ours, "jsonschema-rs + positions": with_rs, "jsonschema + positions": with_jsonschema}


def all_errors() -> dict[str, Callable[[Payload], int]]:
    """Candidates that return the number of violations, without their places."""
    rules = schema()
    check, engine = Validator(CHOSEN, ignore=["NC130", "NC131"]).validate_request, jsonschema_rs.Draft202012Validator(rules)
    plain = jsonschema.Draft202012Validator(rules)
    return {
        "ours, findings": lambda payload: len(check(payload).findings),
        "jsonschema-rs iter_errors": lambda payload: len(list(engine.iter_errors(payload))),
        "jsonschema iter_errors": lambda payload: len(list(plain.iter_errors(payload))),
    }


def samples(*, pooled: bool = True, path: str = "churn/2026-11/part-{:05}.tsv", **fields: Any) -> list[Payload]:  # noqa: ANN401  # any JSON
    """Distinct payloads; 20 feature IDs and buckets among them, or all distinct when not `pooled`."""
    draw = random.Random(2026)  # noqa: S311  # repeatable, not secret
    ids = [str(uuid.UUID(int=draw.getrandbits(128), version=4)) for _ in range(COUNT)]
    return [
        {
            "name": f"churn model {index}",
            "train_feature_id": "".join(ids[index % 20 if pooled else index]),
            "train_bucket": f"answers-{index % 20 if pooled else index}",
            "train_file_path": path.format(index),
        }
        | {name: value.format(index) if isinstance(value, str) else value for name, value in fields.items()}
        for index in range(COUNT)
    ]


def compare(title: str, candidates: dict[str, Callable[[Payload], Any]], batch: list[Payload], rounds: int) -> None:
    """Demand agreement, then print the median time and the median ratio to the first candidate."""
    for payload in batch:
        answers = {name: check(payload) for name, check in candidates.items()}
        results = {name: answer.ok if isinstance(answer, Report) else answer for name, answer in answers.items()}
        if len(set(results.values())) != 1:
            message = f"{title}: no agreement about {payload}: {results}"
            raise SystemExit(message)
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, check in candidates.items():
            start = time.perf_counter()
            for payload in batch:
                check(payload)
            times[name].append((time.perf_counter() - start) / len(batch) * 1e6)
    first = next(iter(times.values()))
    print(f"\n{title}")
    for name, values in times.items():
        ratio = statistics.median(value / base for value, base in zip(values, first, strict=True))
        print(f"  {name:28} {statistics.median(values):9.2f} us   {ratio:7.2f}")


def ndjson(rounds: int) -> None:
    """Lines through the command line's reader and the validator."""
    lines = b"".join(json.dumps(payload).encode() + b"\n" for payload in samples()) * 100
    check = Validator(CHOSEN).validate_request_json

    def ours() -> int:
        # A name that no extension decides, read like standard input.
        return sum(
            check(item.text).ok for item in payloads("-", io.BytesIO(lines), "jsonl") if hasattr(item, "text") and hasattr(item, "line")
        )

    def plain() -> int:
        return sum(isinstance(json.loads(line), dict) for line in io.BytesIO(lines))

    if ours() != plain():
        message = "ndjson: not every line was judged valid"
        raise SystemExit(message)
    print(f"\nNDJSON, {len(lines) / 1e6:.0f} MB of valid lines of {len(lines) / COUNT / 100:.0f} bytes")
    for name, run in (("ours: read, check, report", ours), ("json.loads alone", plain)):
        best = min(_timed(run) for _ in range(max(3, rounds // 10)))
        print(f"  {name:28} {len(lines) / 1e6 / best:7.0f} MB/s")
    tracemalloc.start()
    ours()
    print(f"  {'ours, peak of allocations':28} {tracemalloc.get_traced_memory()[1] / 1e6:7.1f} MB")
    tracemalloc.stop()


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=30, help="rounds per table (default 30)")
    rounds = parser.parse_args().rounds
    quick = {name: check for name, check in yes_no().items() if not name.startswith("jsonschema is")}
    worst: dict[str, Any] = {"name": "", "train_bucket": 3, "path": "a~b=c&d;e{:05}?", "test_feature_id": 1, "test_file_path": "x:y\n{}|"}
    long = "churn/" + "x" * 980 + "/{:05}.tsv"
    compare("Valid payload of four fields, yes or no", yes_no(), samples(), rounds)
    compare("Valid payload, all violations asked for", all_errors(), samples(), rounds)
    compare("One violation, with position and character", violations(), samples(path="dt=2026/part-{:05}.tsv"), rounds)
    compare("Ten violations and more, with positions and characters", violations(), samples(**worst), rounds)
    compare("Valid path of 1,000 characters, yes or no", quick, samples(path=long), rounds)
    compare("Valid payload, all IDs and buckets distinct, yes or no", quick, samples(pooled=False), rounds)
    ndjson(rounds)


if __name__ == "__main__":
    main()
