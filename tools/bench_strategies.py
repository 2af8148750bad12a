"""Compare the strategies with what Schemathesis draws from the OpenAPI document, in one process and one run.

Run it with `make bench`, or `python tools/bench_strategies.py [--rounds N]`.

Every candidate draws 500 whole bodies of createTask per round, in a Hypothesis test that does nothing else, without a database and without
shrinking. Schemathesis gets the document without its security schemes, so that it draws bodies only. A round times all candidates one
after the other, so the ratios (medians over the rounds) hardly depend on what else the machine does. Ratios above 1 mean: that many times
slower than ours. Every body is validated before anything is timed. Only the times of one run can be compared.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import schemathesis
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from nclue_contract import Validator
from nclue_contract.contract.openapi import document
from nclue_contract.strategies import broken_task_requests, lifecycles, responses, task_requests

COUNT = 500
LIMIT = 100  # of a name, by the page
QUIET = settings(max_examples=COUNT, phases=[Phase.generate], database=None, deadline=None)
Body = dict[str, Any]


def bodies_of_schemathesis() -> st.SearchStrategy[Any]:
    """Return the strategy of `as_strategy()` for the body of createTask."""
    api = document()
    del api["security"], api["components"]["securitySchemes"]
    strategy: st.SearchStrategy[Any] = schemathesis.openapi.from_dict(api)["/tasks"]["POST"].as_strategy()
    return strategy.map(lambda case: case.body)


def candidates() -> dict[str, st.SearchStrategy[Any]]:
    """Strategies of bodies; ours first."""
    return {
        "task_requests()": task_requests(),
        "task_requests(strict=True)": task_requests(strict=True),
        "Schemathesis as_strategy()": bodies_of_schemathesis(),
        "one string, Hypothesis' floor": st.text(max_size=20),
    }


def others() -> dict[str, st.SearchStrategy[Any]]:
    """Strategies that Schemathesis has no counterpart of."""
    return {
        "task_requests()": task_requests(),
        "broken_task_requests()": broken_task_requests(),
        'broken_…("path-character")': broken_task_requests("path-character"),
        "responses()": responses(),
        "lifecycles()": lifecycles(),
    }


def drawing(strategy: st.SearchStrategy[Any], number: int) -> tuple[Callable[[], None], list[Any]]:
    """Return a Hypothesis test that only draws, from this seed, and the list of the drawn values."""
    drawn: list[Any] = []

    @seed(number)
    @QUIET
    @given(strategy)
    def draw(value: object) -> None:
        drawn.append(value)

    return draw, drawn


def compare(title: str, strategies: dict[str, st.SearchStrategy[Any]], rounds: int) -> None:
    """Print the median time of 500 draws, and the median ratio to the first candidate."""
    times: dict[str, list[float]] = {name: [] for name in strategies}
    for number in range(rounds):
        for name, strategy in strategies.items():
            draw, drawn = drawing(strategy, number)
            start = time.perf_counter()
            draw()
            times[name].append((time.perf_counter() - start) / len(drawn) * COUNT)
    first = next(iter(times.values()))
    print(f"\n{title}")
    for name, values in times.items():
        ratio = statistics.median(value / base for value, base in zip(values, first, strict=True))
        print(f"  {name:32} {statistics.median(values):7.2f} s   {ratio:7.2f}")


def validate(strategies: dict[str, st.SearchStrategy[Any]]) -> None:
    """Demand that every body is valid, and print what is in them."""
    check = Validator({"test-triple": "independent"}).is_valid_request  # the schema does not know warnings
    print(f"What is in {COUNT} bodies")
    print(f"  {'':32} {'/ in a path':>12} {'beyond ASCII':>12} {'name at edge':>12} {'all fields':>12}")
    for name, strategy in strategies.items():
        draw, drawn = drawing(strategy, 0)
        draw()
        bodies: list[Body] = [body for body in drawn if isinstance(body, dict)]
        if wrong := [body for body in bodies if not check(body)]:
            message = f"{name} draws what is not valid: {wrong[0]}"
            raise SystemExit(message)
        if bodies:
            paths = [body["train_file_path"] for body in bodies]
            counts = [
                sum("/" in path for path in paths),
                sum(not path.isascii() for path in paths),
                sum(len(body["name"]) in {1, LIMIT - 1, LIMIT} for body in bodies),
                sum(bool(body.get("test_feature_id") and body.get("test_bucket") and body.get("test_file_path")) for body in bodies),
            ]
            print(f"  {name:32} {''.join(f'{count:13}' for count in counts)}")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=7, help="rounds per table (default 7)")
    rounds = parser.parse_args().rounds
    strategies = candidates()
    validate(strategies)
    compare(f"{COUNT} bodies of createTask", strategies, rounds)
    compare(f"{COUNT} draws of the other strategies", others(), rounds)


if __name__ == "__main__":
    main()
