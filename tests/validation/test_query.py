"""The query of listTasks by itself; numbers are typed by hand from the page "Get task list", index and limit."""

import pytest

from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Readings
from nclue_contract.validation.query import read_query, replacements

INDEX, LIMIT = contract().operations["listTasks"].query


@pytest.mark.parametrize(
    ("query", "index", "limit", "problems"),
    [
        ("", 0, 20, []),
        ("limit=1", 0, 1, []),
        ("limit=100&index=7", 7, 100, []),
        ("limit=5&limit=0", 0, 5, []),
        ("index=" + "9" * 300, int("9" * 300), 20, []),
        ("sort=name&INDEX=3", 0, 20, []),
        ("limit=0", 0, 1, ["limit is '0', and no integer from 1 to 100"]),
        ("limit=-3", 0, 1, ["limit is '-3', and no integer from 1 to 100"]),
        ("limit=101", 0, 100, ["limit is '101', and no integer from 1 to 100"]),
        ("index=-1", 0, 20, ["index is '-1', and no integer from 0"]),
        ("limit=", 0, 20, ["limit is '', and no integer from 1 to 100"]),
        ("index", 0, 20, ["index is '', and no integer from 0"]),
        ("limit=--1", 0, 20, ["limit is '--1', and no integer from 1 to 100"]),
        ("limit=%D9%A1", 0, 20, ["limit is '١', and no integer from 1 to 100"]),  # an Arabic digit, which int() accepts
        ("index=" + "9" * 301, 0, 20, [f"index is '{'9' * 60}…', and no integer from 0"]),
        ("limit=x&index=y", 0, 20, ["index is 'y', and no integer from 0", "limit is 'x', and no integer from 1 to 100"]),
    ],
)
def test_a_query_is_read_and_what_is_out_of_range_is_named(query, index, limit, problems):
    values, findings = read_query(query)
    assert values == {"index": index, "limit": limit}
    assert [finding.message.partition(" (undecided")[0] for finding in findings] == problems
    assert [(f.rule, f.severity, f.pointer) for f in findings] == [("NC505", "error", f"/{text[:5]}") for text in problems]
    assert read_query(query, Readings.of({"query-range": "clamped"})) == (values, [])


@pytest.mark.parametrize(
    ("parameter", "text", "expected"),
    [
        (LIMIT, "1", None),
        (LIMIT, "100", None),
        (LIMIT, "0", (1, 20)),
        (LIMIT, "101", (100, 20)),
        (LIMIT, "ten", ()),
        (INDEX, "0", None),
        (INDEX, "-1", (0, 0)),
        (INDEX, "1.0", ()),
    ],
)
def test_a_server_may_replace_a_value_out_of_range_by_the_nearest_one_or_the_default(parameter, text, expected):
    assert replacements(parameter, text) == expected
