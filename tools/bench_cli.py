"""Compare the command `validate` with other ways to validate the same file of JSON Lines, and its start-up with that of others.

Run it with `make bench`, or `python -m tools.bench_cli [--rounds N] [--lines N]`.

Every candidate is a process of its own, and what is compared is its processor time (user and system, of all its threads), so that other
work on the machine hardly matters; only the rows about `--jobs` compare wall time. Before anything is timed, all candidates of a row must
count the same valid and invalid lines. Two thirds of the lines have four fields, one third all seven; in the bad file, every second line
breaks a rule. The scripts are what a careful user would write; they find neither duplicate names nor the place of a fault. What is not
installed is left out, and reported.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tools.comparison import Row, payload_schema, print_head, print_row

CLASS = "[&$@=;:+,?*\\\\{}^%`\\[\\]<>~#|\"'\\x00-\\x1f\\x80-\\xff]"  # the page's values by hand: the scripts are witnesses, too
LINES = 250_000
"""Lines of the valid file, ten times those of the bad one."""

OURS = [sys.executable, "-m", "nclue_contract", "validate"]
WITHOUT_FAST = "import sys; sys.modules['msgspec'] = None; from nclue_contract.cli.main import main; sys.exit(main())"

ORJSON_RS = """
import json, sys, orjson, jsonschema_rs
is_valid = jsonschema_rs.Draft202012Validator(json.load(open(sys.argv[2]))).is_valid
valid = total = 0
for line in open(sys.argv[1], "rb"):
    total += 1
    try:
        valid += is_valid(orjson.loads(line))
    except ValueError:
        pass
print(valid, total - valid)
"""
MSGSPEC = f"""
import sys, msgspec
from typing import Annotated
Path = Annotated[str, msgspec.Meta(pattern={f"^(?!.*{CLASS})(?s:.)*$"!r})]
class Task(msgspec.Struct):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    train_feature_id: str
    train_bucket: str
    train_file_path: Path
    test_feature_id: str | None = None
    test_bucket: str | None = None
    test_file_path: Path | None = None
decode = msgspec.json.Decoder(Task).decode
valid = total = 0
for line in open(sys.argv[1], "rb"):
    total += 1
    try:
        decode(line)
        valid += 1
    except msgspec.DecodeError:
        pass
print(valid, total - valid)
"""
POLARS = f"""
import sys, polars as pl
FIELDS = ["name", "train_feature_id", "train_bucket", "train_file_path", "test_feature_id", "test_bucket", "test_file_path"]
frame = pl.read_ndjson(sys.argv[1], schema=dict.fromkeys(FIELDS, pl.String))
good = pl.col("name").str.len_chars().is_between(1, 100) & pl.all_horizontal(pl.col(FIELDS[:4]).is_not_null())
for path in ("train_file_path", "test_file_path"):
    good &= ~pl.col(path).fill_null("").str.contains({CLASS!r})
valid = frame.select(good.fill_null(False).sum()).item()
print(valid, len(frame) - valid)
"""
DUCKDB = f"""
import sys, duckdb
FIELDS = ["name", "train_feature_id", "train_bucket", "train_file_path", "test_feature_id", "test_bucket", "test_file_path"]
columns = ", ".join(f"{{field}}: 'VARCHAR'" for field in FIELDS)
good = "length(name) BETWEEN 1 AND 100 AND " + " AND ".join(f"{{field}} IS NOT NULL" for field in FIELDS[:4])
for path in ("train_file_path", "test_file_path"):
    good += f" AND NOT regexp_matches(coalesce({{path}}, ''), $1)"
query = f"SELECT count(*) FILTER (WHERE {{good}}), count(*) FROM read_json($2, format = 'newline_delimited', columns = {{{{{{columns}}}}}})"
valid, total = duckdb.execute(query, [{CLASS!r}, sys.argv[1]]).fetchone()
print(valid, total - valid)
"""  # noqa: S608  # every part of the query is written here


def payload(draw: random.Random, index: int, ids: list[str]) -> dict[str, Any]:
    """Return a valid payload; every third one has the test fields."""
    values = {
        "name": f"churn model {index}",
        "train_feature_id": ids[index % 20],
        "train_bucket": f"answers-{index % 20}",
        "train_file_path": f"churn/2026-11/part-{index:06}.tsv",
    }
    if index % 3 == 0:
        values |= {"test_feature_id": draw.choice(ids), "test_bucket": "answers-test", "test_file_path": f"churn/test-{index:06}.tsv"}
    return values


SLIPS: list[Callable[[dict[str, Any]], object]] = [
    lambda values: values.update(train_file_path=values["train_file_path"] + "~"),
    lambda values: values.update(train_file_path="dt=2026-11-26/" + values["train_file_path"]),
    lambda values: values.update(name="x" * 101),
    lambda values: values.pop("train_bucket"),
]  # no wrong types: polars and DuckDB read numbers as strings


def write_lines(path: Path, lines: int, *, bad: bool) -> None:
    """Write a file, the same one each time; if `bad`, every second line breaks a rule."""
    draw = random.Random(2026)  # noqa: S311  # repeatable, not secret
    ids = [str(uuid.UUID(int=draw.getrandbits(128), version=4)) for _ in range(20)]
    with path.open("w", encoding="utf-8") as file:
        for index in range(lines):
            values = payload(draw, index, ids)
            if bad and index % 2:
                draw.choice(SLIPS)(values)
            file.write(json.dumps(values) + "\n")


def cpu(command: list[str], counts: tuple[int, int] | None = None) -> float:
    """Run a command and return its seconds of the processor; it must print these counts of valid and invalid lines, if they are given."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in {0, 1} or (counts is not None and counted(done.stdout) != counts):
        raise SystemExit(f"no agreement, or a failure: {command}: {counts}, but {done.stdout[-300:]}{done.stderr[-300:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def wall(command: list[str]) -> float:
    """Run a command and return its seconds by the clock."""
    started = time.perf_counter()
    cpu(command)
    return time.perf_counter() - started


def counted(output: str) -> tuple[int, int]:
    """Return the numbers of valid and invalid lines that a command has printed, in one of four forms."""
    last = output.rstrip().rpartition("\n")[2]
    if output.startswith("{"):
        return output.count('"valid": true'), output.count('"valid": false')
    if " payloads: " in last:
        words = last.replace(",", "").split()
        return tuple(int(words[words.index(word) - 1]) if word in words else 0 for word in ("valid", "invalid"))  # type: ignore[return-value]
    return tuple(map(int, last.split()))  # type: ignore[return-value]


def row(
    question: str, commands: Mapping[str, list[str]], counts: tuple[int, int] | None = None, goals: Mapping[str, float] | None = None
) -> Row:
    """Return a row of the table; all its commands are run once before, to see that they agree."""
    for command in commands.values():
        cpu(command, counts)
    return Row(question, {name: lambda command=command: cpu(command) for name, command in commands.items()}, goals or {}, "ms", 1e3)  # type: ignore[misc]


def scripts(path: Path, schema_path: Path) -> dict[str, list[str]]:
    """Return the scripts whose libraries are installed."""
    found = {
        "script of orjson + jsonschema-rs": (ORJSON_RS, "orjson"),
        "script of msgspec": (MSGSPEC, "msgspec"),
        "polars": (POLARS, "polars"),
        "DuckDB": (DUCKDB, "duckdb"),
    }
    for name, (_, library) in found.items():
        if importlib.util.find_spec(library) is None:
            print(f"{name}: left out, since {library} is not installed")
    return {
        name: [sys.executable, "-c", script, str(path), str(schema_path)]
        for name, (script, library) in found.items()
        if importlib.util.find_spec(library) is not None
    }


def rows(folder: Path, lines: int) -> Iterable[Row]:
    """Yield all rows, with their goals."""
    valid, bad, one, schema_path = (folder / name for name in ("valid.jsonl", "bad.jsonl", "one.json", "schema.json"))
    write_lines(valid, lines, bad=False)
    write_lines(bad, lines // 10, bad=True)
    write_lines(one, 1, bad=False)
    schema_path.write_text(json.dumps(payload_schema()), encoding="utf-8")
    without_fast = [sys.executable, "-c", WITHOUT_FAST, "validate", str(valid)]
    sizes = f"{valid.stat().st_size / 1e6:,.0f} MB", f"{bad.stat().st_size / 1e6:,.0f} MB"
    goals = {"script of orjson + jsonschema-rs": 1.0}
    yield row(f"JSON Lines, valid, {sizes[0]}", {"ours, with fast": [*OURS, str(valid)]} | scripts(valid, schema_path), (lines, 0), goals)
    yield row("the same, standard library only", {"ours, without fast": without_fast} | scripts(valid, schema_path), (lines, 0))
    jsonl = [*OURS, str(valid), "--format", "jsonl"]
    yield row("the same, a line of JSON for each", {"ours, jsonl": jsonl, "ours, text": [*OURS, str(valid)]}, (lines, 0))
    half = lines // 10 - lines // 20, lines // 20
    text, quiet = [*OURS, str(bad)], [*OURS, str(bad), "--quiet"]
    yield row(f"JSON Lines, half bad, {sizes[1]}, text", {"ours, text": text} | scripts(bad, schema_path), half)
    yield row("the same, a line of JSON for each", {"ours, jsonl": [*text, "--format", "jsonl"], "ours, text": text}, half)
    yield row("the same, text against --quiet", {"ours, text": text, "ours, --quiet": quiet}, goals={"ours, --quiet": 1.6})
    yield jobs_row("valid", valid, 8)
    yield jobs_row("half bad", bad, 4)
    start = {"ours, beyond a bare interpreter": [*OURS, str(one)]}
    if importlib.util.find_spec("check_jsonschema") is not None:
        start["check-jsonschema, likewise"] = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(schema_path), str(one)]
    else:
        print("check-jsonschema: left out, since it is not installed")
    yield start_row("start: one payload in a file", start, 0.09)
    imported = [sys.executable, "-c", "from nclue_contract import validate_request"]
    yield start_row("start: import", {"ours, beyond a bare interpreter": imported}, 0.04)


def jobs_row(name: str, path: Path, times: int) -> Row:
    """Return the row about two processes, for a file that is some times as long: more processes are there for long files.

    They are compared by time and not by processor, since they are there to save time; the goal is 1.8 times as fast. It needs idle cores.
    """
    large = path.with_name(f"large-{path.name}")
    large.write_bytes(path.read_bytes() * times)
    commands = {f"ours, --jobs {number}": [*OURS, str(large), "--jobs", str(number)] for number in (2, 1)}
    for command in commands.values():
        cpu(command)
    timed = {each: lambda command=command: wall(command) for each, command in commands.items()}
    size = f"{large.stat().st_size / 1e6:,.0f} MB"
    return Row(f"JSON Lines, {name}, {size}: wall time", timed, {"ours, --jobs 1": 1 / 1.8}, "ms", 1e3)


def start_row(question: str, commands: Mapping[str, list[str]], limit: float) -> Row:
    """Return a row about what starting takes, beyond a bare interpreter that is started as well."""
    bare = [sys.executable, "-c", "pass"]
    timed = {name: lambda command=command: cpu(command) - cpu(bare) for name, command in commands.items()}
    return Row(question, timed, {}, "ms", 1e3, limit)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5, help="rounds per row (default 5)")
    parser.add_argument("--lines", type=int, default=LINES, help="lines of the valid file (default 250,000)")
    options = parser.parse_args()
    print_head()
    with tempfile.TemporaryDirectory() as folder:
        for each in rows(Path(folder), options.lines):
            print_row(each, options.rounds)


if __name__ == "__main__":
    main()
