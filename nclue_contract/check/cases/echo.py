"""Test cases for values that come back as they were sent: with everything that libraries change, in every field, train and test apart.

The page is "Create task", Response body. Path, URL, Unicode, template, CSV and database libraries change strings by themselves. Each case
here sends one create request in which every field has a value that many of them would change, and reads the task again; the case
`list[every task once]` compares the same tasks in the list.

The pages allow all of these values, but a server may know which features, buckets and files exist, or check the names of buckets. So the
fields form groups: where all together are rejected, each group is sent by itself, and a group that is rejected for its values is not sent
in later cases. What could not be compared for that reason is inconclusive.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from nclue_contract.check.cases.names import evaluate_get
from nclue_contract.check.expectations import CLIENT_ERROR, FILE_NOT_FOUND, OWN_FOLDER
from nclue_contract.check.requests import Exchange, create_request, get_request, value_of
from nclue_contract.check.results import Case, Script
from nclue_contract.check.session import CheckSession

Fields = dict[str, str]
"""Values by the names of their fields."""

GROUPS: dict[str, tuple[str, ...]] = {
    "names": ("name",),
    "feature IDs": ("train_feature_id", "test_feature_id"),
    "buckets": ("train_bucket", "test_bucket"),
    "paths": ("train_file_path", "test_file_path"),
}
"""Fields whose values a server accepts or rejects together."""

MARKUP = r"%41 %% a+b {{x}} $HOME $$ &amp; <b>t</b> \n"
"""What URL decoding, formatting, templates, HTML libraries and escape sequences change."""

TYPOGRAPHY = r"""--  "q" it's ... '' \\ (c)"""
"""What typographic libraries, the escaping of quotes, and whoever collapses white space change."""

UNICODE = "ÉSß ﬁ１\u2126 e\u0301가 \U0001f600\ufe0f \u200b\u200d\ufeff\u00ad\u202e\xa0x"
"""What normal forms, case folding, other encodings, and whoever removes invisible characters change."""

WORDS = ("007", "1e3", "null", "true", "2024-11-26", "None")
"""Strings that look like numbers, words of programming languages, or dates."""

LONG = 300
"""The length of long IDs and buckets: more than the usual lengths of columns."""

LONG_PATH = 1100
"""The length of a long path; the keys of object storages have at most 1,024 bytes."""


def echo_cases() -> Iterator[Case]:
    """Yield the cases."""
    yield Case("echo[train and test data apart]", "NC307", _apart, requests=2, posts=1, rank=0, independent=True, assumes=_fixed_values)
    yield from (one.case for one in _PARTS if one.case.decided_by == "echo[train and test data apart]")
    yield _case("echo[markup and templates]", _markup, rank=0)
    yield _case("echo[quotes, dashes and dots]", _typography, rank=0, read=False)
    yield _case("echo[Unicode]", _unicode)
    yield from (one.case for one in _PARTS if one.case.decided_by == "echo[Unicode]")
    yield _case("echo[white space]", _white_space)
    yield from (one.case for one in _PARTS if one.case.decided_by == "echo[white space]")
    yield _case("echo[long values]", _long, read=False)
    for index, word in enumerate(WORDS):
        yield _case(f"echo[{word} and other words]", _words(index), read=word == "null")


# -- values ---------------------------------------------------------------------------------------------------------------------------


def _texts(session: CheckSession, form: str) -> Fields:
    """Return values for all fields but the paths; STEM stands for what makes each of them different."""
    values = {"name": form.replace("STEM", session.builder.name())}
    for field in (*GROUPS["feature IDs"], *GROUPS["buckets"]):
        values[field] = form.replace("STEM", field)
    return values


def _paths(form: str) -> Fields:
    return {field: form.replace("STEM", field.partition("_")[0]) for field in GROUPS["paths"]}


def _markup(session: CheckSession) -> Fields:
    """Begin with what spreadsheets take for a formula."""
    return _texts(session, f"=STEM {MARKUP}") | _paths(f"-{OWN_FOLDER * 5}/STEM//(A)!--b...Tsv/")


def _typography(session: CheckSession) -> Fields:
    """Begin with what spreadsheets take for the sign of a text."""
    return _texts(session, f"'STEM {TYPOGRAPHY}") | _paths(f"./{OWN_FOLDER}./a/../STEM.tsv")


def _unicode(session: CheckSession) -> Fields:
    """Add paths with no character up to U+00FF that is not ASCII; whether they are accepted is a reading."""
    return _texts(session, f"STEM {UNICODE}") | _paths("STEM-e\u0301/１ﬁ\u2126/가\U0001f600\ufe0f\u200b\ufeff.tsv")


def _white_space(session: CheckSession) -> Fields:
    """Add paths with spaces; whether they are accepted is a reading."""
    return _texts(session, "  STEM\r\n a\tb\n ") | _paths(f" {OWN_FOLDER}STEM  File.tsv ")


def _long(_: CheckSession) -> Fields:
    values = {field: (field * LONG)[:LONG] for field in (*GROUPS["feature IDs"], *GROUPS["buckets"])}
    return values | {field: (f"{OWN_FOLDER}{field}/" * LONG_PATH)[: LONG_PATH - 5] + "x.tsv" for field in GROUPS["paths"]}


def _words(first: int) -> Callable[[CheckSession], Fields]:
    """Return a function that gives each field another word."""

    def values(session: CheckSession) -> Fields:
        fields = [field for group in GROUPS.values() for field in group]
        words = {field: WORDS[(first + index) % len(WORDS)] for index, field in enumerate(fields)}
        return words | {"name": _unique(words["name"], session)}

    return values


def _unique(word: str, session: CheckSession) -> str:
    """Return a string of the kind of a word that hardly any task has as its name; the words of programming languages cannot be changed."""
    number = uuid.uuid5(uuid.NAMESPACE_OID, session.run).int
    year, month, day = 1900 + number % 8000, 1 + number % 12, 1 + number % 28
    unique = {"007": f"00{1 + number % 10**8}", "1e3": f"{1 + number % 10**8}e3", "2024-11-26": f"{year:04}-{month:02}-{day:02}"}
    return unique.get(word, word)


# -- scripts --------------------------------------------------------------------------------------------------------------------------


def _case(case_id: str, values: Callable[[CheckSession], Fields], *, rank: int = 1, read: bool = True) -> Case:
    """Return a case that sends values; with `read`, the task is read again."""

    def script(session: CheckSession, case: Case) -> Script:
        compared = yield from _send(session, case, values(session), read=read)
        for part in _PARTS:
            if part.case.decided_by == case.id:
                _conclude(session, part, compared)

    return Case(case_id, "NC307", script, requests=1 + read, posts=1, rank=rank, independent=True, assumes=_fixed_values)


def _fixed_values(session: CheckSession) -> frozenset[str]:
    return frozenset(session.fixed_values)


class _Part(NamedTuple):
    """A case about one group of fields that another case decides; `reason` is why it is inconclusive if the group was rejected."""

    case: Case
    group: str
    reason: str = "the server rejects such values, so that they could not be compared"


def _part(case_id: str, by: str, group: str) -> _Part:
    return _Part(Case(case_id, "NC307", decided_by=by), group)


def _apart_part(group: str, option: str) -> _Part:
    case = Case(f"echo[train and test {group} apart]", "NC307", decided_by="echo[train and test data apart]", rank=0)
    return _Part(case, group, f"the server accepts no other test value than the train value; {option} names one")


_PARTS = (
    _part("echo[train_feature_id as it is]", "echo[Unicode]", "feature IDs"),
    _part("path[train decomposed]", "echo[Unicode]", "paths"),
    _part("name[white space around]", "echo[white space]", "names"),
    _part("echo[train_bucket as it is]", "echo[white space]", "buckets"),
    _part("echo[other test path]", "echo[white space]", "paths"),
    _apart_part("feature IDs", "--test-feature-id"),
    _apart_part("buckets", "--test-bucket"),
    _apart_part("paths", "--test-file"),
)


def _conclude(session: CheckSession, part: _Part, compared: Mapping[str, Exchange]) -> None:
    """Record the outcome of a case that another one decides; `compared` has the responses for the groups whose values were accepted."""
    exchange = compared.get(part.group)
    if exchange is None:
        session.results.inconclusive(part.case, part.reason)
    elif _unchanged(exchange, part.group):
        session.results.passed(part.case)
    else:
        session.results.inconclusive(part.case, f"values came back changed; that is a failure of {part.case.decided_by}")


def _unchanged(exchange: Exchange, group: str) -> bool:
    """Return whether the fields of a group came back as they were sent; null is right for an optional field that was not sent."""
    sent, names = value_of(exchange.request.body), {field: "task_name" if field == "name" else field for field in GROUPS[group]}
    return isinstance(sent, dict) and all(exchange.fields.get(name) == sent.get(field) for field, name in names.items())


def _send(session: CheckSession, case: Case, values: Fields, *, read: bool) -> Script:
    """Send values together, or each group by itself if they are rejected; return the accepted responses by the names of the groups."""
    groups = {name: fields for name, fields in _grouped(values).items() if name not in session.fixed_values}
    compared: dict[str, Exchange] = {}
    while len(groups) > 1:
        together = {field: value for fields in groups.values() for field, value in fields.items()}
        exchange = yield from _create(session, case, together, read=read)
        if exchange.accepted:
            return {name: exchange for name in groups if name not in session.fixed_values}  # others may be known to be by now
        if exchange.answer not in FILE_NOT_FOUND or "paths" not in groups:
            break
        session.fixed_values.add("paths")
        del groups["paths"]
    for name, fields in groups.items():
        exchange = yield from _create(session, case, fields, read=read)
        if exchange.accepted:
            compared[name] = exchange
        elif name != "names" and len(groups) > 1:
            session.fixed_values.add(name)
    if not compared:
        reason = "the server rejects such values, so that they could not be compared"
        session.results.inconclusive(case, reason)
    return compared


def _grouped(values: Fields) -> dict[str, Fields]:
    """Return the values of each group that has any."""
    groups = {name: {field: values[field] for field in fields if field in values} for name, fields in GROUPS.items()}
    return {name: fields for name, fields in groups.items() if fields}


def _create(session: CheckSession, case: Case, values: Fields, *, read: bool) -> Script:
    """Send a create request with these values. If it is accepted, compare the response, and with `read` the task as well."""
    request = create_request(session.builder.payload(**values))
    exchange = yield request
    if exchange.accepted or exchange.error or not 400 <= exchange.status < 500:
        session.evaluator.evaluate_create(case, exchange, CLIENT_ERROR)
    elif exchange.answer not in FILE_NOT_FOUND and not _allowed_rejection(exchange):
        session.evaluator.evaluate_create(case, exchange)
    else:
        session.results.add_exchange(case, exchange)
    task = session.tasks.get(exchange.fields.get("task_id")) if exchange.accepted else None
    if task is not None and read and task.sent_ms == exchange.sent_ms:
        evaluate_get(session, case, task, (yield get_request(task.task_id)))
    return exchange


def _allowed_rejection(exchange: Exchange) -> bool:
    """Return whether a response is a rejection of a client's values, of whatever kind: the pages are silent on most of these values."""
    return exchange.status in {answer.status for answer in CLIENT_ERROR}


# -- train and test data --------------------------------------------------------------------------------------------------------------


def _apart(session: CheckSession, case: Case) -> Script:
    """Send test data that differs from the train data: what the options name, else what no server has."""
    data = session.fixture_data
    given = {"test_feature_id": data.test_feature_id, "test_bucket": data.test_bucket, "test_file_path": data.test_file}
    made_up = {
        "test_feature_id": str(uuid.uuid5(uuid.NAMESPACE_OID, data.feature_id)),
        "test_bucket": "nclue-check-test",
        "test_file_path": f"{OWN_FOLDER}test.tsv",
    }
    values = {field: given[field] or made_up[field] for field in given}
    compared = yield from _send(session, case, values, read=True)
    for part in _PARTS:
        if part.case.decided_by == case.id:
            _conclude(session, part, compared)
    _compare_feature_names(session, case, compared)


def _compare_feature_names(session: CheckSession, case: Case, compared: Mapping[str, Exchange]) -> None:
    """Compare the name of the train feature with the one in the response to the control request: one feature has one name."""
    first, exchange = session.tasks.first, compared.get("feature IDs")
    if first is None or exchange is None or first.created.get("train_feature_id") != exchange.fields.get("train_feature_id"):
        return
    name, before = exchange.fields.get("train_feature_name"), first.created.get("train_feature_name")
    if isinstance(name, str) and isinstance(before, str) and name != before:
        problem = "train_feature_name is another one than before, although train_feature_id is the same"
        session.results.fail(case, "NC307", problem, exchange, "/train_feature_name")
