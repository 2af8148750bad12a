"""Validation of the payload of createTask. The page is "Create task", Request body; each rule's own page is in the OpenAPI file.

`RequestCheck` binds the limits and characters of one set of readings. Valid payloads take the quick path of a few lines, which creates no
object; all others go to the checks per field, which collect all findings in the order of the page.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nclue_contract.contract.readings import Policy
from nclue_contract.contract.wording import EXCERPT_LENGTH, excerpt, json_kind, pointer_to, quoted, type_name
from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.names import NameCheck
from nclue_contract.validation.paths import PathCheck
from nclue_contract.validation.plain import is_text, plain_text, reason
from nclue_contract.validation.strings import Check, IdCheck, SurrogateCheck

UNKNOWN_FIELDS_KEPT = 100
"""How many unknown fields get a finding each; one more finding counts the rest."""

_MISSING = object()
VALID = Report()
"""The report on every payload without findings."""


class Columns(NamedTuple):
    """The values of many payloads that have the four required fields, or all seven, and nothing else: by their kind, not by the payload."""

    names: Sequence[str]
    paths: Sequence[str]
    buckets: Sequence[str]
    feature_ids: Sequence[str]


class RequestCheck:
    """The check of payloads under one set of readings.

    `validate` returns the report on one payload. It never raises, whatever it is given. A function and not a method: calling a bound method
    would cost a quarter of the time of a valid payload.
    """

    validate: Callable[[object], Report]

    def __init__(self, policy: Policy) -> None:
        self._name, self._path = NameCheck(policy), PathCheck(policy)
        self._feature_id, self._bucket = IdCheck(policy, "NC131"), IdCheck(policy, "NC130")
        self.validate = _validator(self._name, self._path, self._feature_id, self._bucket, policy)

    def surely_valid(self, columns: Columns) -> bool:
        """Return whether payloads with these values, at least one, surely have no finding. False says nothing."""
        return (
            self._name.are_valid(columns.names)
            and self._path.are_valid(columns.paths)
            and self._bucket.are_valid(columns.buckets)
            and self._feature_id.are_valid(columns.feature_ids)
        )


def _validator(name: NameCheck, path: PathCheck, feature_id: IdCheck, bucket: IdCheck, policy: Policy) -> Callable[[object], Report]:
    collector = _Collector(policy, name, path, feature_id, bucket)
    collect, report = collector.collect, collector.report
    longest_name, marks, path_pointer = name.longest_ascii, path.marks, pointer_to("train_file_path")
    valid_ids, valid_buckets = feature_id.valid, bucket.valid

    def check(payload: object) -> Report:
        # The quick path recognizes payloads that surely have no finding: those with exactly the four required fields, or with all seven.
        # All others (Hangul, null, subclasses) are checked below.
        if type(payload) is dict:
            try:
                task_name, file_path = payload["name"], payload["train_file_path"]
                bucket_name, feature = payload["train_bucket"], payload["train_feature_id"]
                if (
                    type(task_name) is type(file_path) is type(bucket_name) is type(feature) is str
                    and bucket_name in valid_buckets
                    and feature in valid_ids
                    and task_name
                    and file_path
                    and len(task_name) <= longest_name
                    and task_name.isascii()
                ):
                    if len(payload) == 4:
                        if (data := file_path.encode()).translate(marks) == data:
                            return VALID
                        found: list[Finding] = []
                        path.check(file_path, path_pointer, found)  # nothing else can be wrong
                        return report(found)
                    if len(payload) == 7:
                        test_path, bucket_name, feature = payload["test_file_path"], payload["test_bucket"], payload["test_feature_id"]
                        if (
                            type(test_path) is type(bucket_name) is type(feature) is str
                            and bucket_name in valid_buckets
                            and feature in valid_ids
                            and test_path
                            and (data := (file_path + test_path).encode()).translate(marks) == data
                        ):
                            return VALID
            except Exception:  # noqa: BLE001, S110  # a key may do anything when it is compared; it is checked below
                pass
        return collect(payload)

    return check


class _Collector:
    """Collects the findings about a payload, in the order of the page."""

    def __init__(self, policy: Policy, name: NameCheck, path: PathCheck, feature_id: IdCheck, bucket: IdCheck) -> None:
        # The rule about the values of a field says what kind of field it is.
        checks: dict[str, Check] = {"NC110": name.check, "NC131": feature_id.check, "NC130": bucket.check, "NC120": path.check}
        self._ignored, self._unusable = policy.ignore, policy.documented("NC008")
        self._not_object, self._missing, self._type = policy.documented("NC100"), policy.documented("NC101"), policy.documented("NC102")
        self._null = policy.by_reading("NC103", "optional-null", {"refused"})
        self._part = policy.by_reading("NC105", "test-triple", {"all-or-none"})
        request = policy.contract.request
        rules = policy.contract.rules
        rows = [(f, pointer_to(f.name), next(checks[code] for code in checks if f.name in rules[code].fields)) for f in request]
        # Values that surely have no finding; a tuple costs no hash of a long path.
        known: dict[Check, Container[str]] = {feature_id.check: feature_id.valid, bucket.check: bucket.valid}
        self._required = [(f.name, pointer, check, known.get(check, ())) for f, pointer, check in rows if f.required]
        self._optional = [(f.name, pointer, check) for f, pointer, check in rows if not f.required]
        self._unknown = UnknownFieldsCheck(policy, frozenset(f.name for f in request))

    def collect(self, payload: object) -> Report:
        """Return the report on any payload. Never raises."""
        found: list[Finding] = []
        try:  # all of it in one function, because a call more would take a twentieth of the time
            if type(payload) is not dict:
                if not isinstance(payload, Mapping):
                    return self.report([Finding(self._not_object, "", detail={"kind": json_kind(payload)})])
                payload = dict(payload)
            given = len(self._required)
            for name, pointer, check, known in self._required:
                value = payload.get(name, _MISSING)
                if type(value) is str:
                    if value not in known:
                        check(value, pointer, found)
                elif value is _MISSING:
                    given -= 1
                    found.append(Finding(self._missing, pointer))
                else:
                    self._check_other(value, pointer, check, found)
            if len(payload) > given:
                given += self._collect_optional(payload, found)
                if len(payload) > given:
                    self._unknown.check(payload, found)
        except Exception as error:  # noqa: BLE001  # a Mapping or a key may do anything, and a validator never raises on data
            found = [Finding(self._unusable, "", detail={"problem": f"the payload cannot be read: {type_name(error)}"})]
        return self.report(found) if self._ignored or not found else Report(tuple(found))

    def report(self, found: list[Finding]) -> Report:
        """Return the report with these findings, without those of ignored rules."""
        if self._ignored:
            found = [finding for finding in found if finding.rule not in self._ignored]
        return Report(tuple(found)) if found else VALID

    def _check_other(self, value: object, pointer: str, check: Check, found: list[Finding]) -> None:
        if is_text(value):
            check(plain_text(value), pointer, found)
        else:
            found.append(Finding(self._type, pointer, None, None, {"kind": json_kind(value)}))

    def _collect_optional(self, payload: dict[object, object], found: list[Finding]) -> int:
        values = [payload.get(name, _MISSING) for name, _, _ in self._optional]
        absent = sum(value is _MISSING or value is None for value in values)
        for value, (_, pointer, check) in zip(values, self._optional, strict=True):
            if value is not None and value is not _MISSING:
                self._check_other(value, pointer, check, found)
                continue
            if value is None and self._null is not None:
                found.append(Finding(self._null, pointer))
            if self._part is not None and 0 < absent < len(self._optional):
                found.append(Finding(self._part, pointer))
        return sum(value is not _MISSING for value in values)


class UnknownFieldsCheck:
    """The names of a payload that are not fields of the page, and their values."""

    def __init__(self, policy: Policy, names: frozenset[str]) -> None:
        self._names = names
        self._unknown = policy.by_reading("NC104", "unknown-field", {"refused"}, suggest=NearestName(names))
        self._not_json = policy.documented("NC008")
        self._surrogates = SurrogateCheck(policy)

    def check(self, payload: dict[object, object], found: list[Finding]) -> None:
        """Append the findings about all unknown names."""
        extra = [(key, value) for key, value in payload.items() if not (is_text(key) and plain_text(key) in self._names)]
        no_strings = [key for key, _ in extra if not is_text(key)]
        if no_strings:
            found.append(Finding(self._not_json, "", detail={"problem": f"a key is {json_kind(no_strings[0])}, not a string"}))
        for key, value in extra[:UNKNOWN_FIELDS_KEPT]:
            if is_text(key):
                self._check_field(plain_text(key), value, found)
        if len(extra) > UNKNOWN_FIELDS_KEPT and self._unknown is not None:
            found.append(Finding(self._unknown, "", detail={"field": f"each of {len(extra) - UNKNOWN_FIELDS_KEPT:,} further names"}))

    def _check_field(self, name: str, value: object, found: list[Finding]) -> None:
        pointer = pointer_to(name)
        if self._unknown is not None:
            found.append(Finding(self._unknown, pointer, text=name))
        self._surrogates.check(name, pointer, found)
        if is_text(value):
            self._surrogates.check(plain_text(value), pointer, found)
        elif (problem := _not_json(value)) is not None:
            found.append(Finding(self._not_json, pointer, detail={"problem": f"the value of {quoted(name)} is no JSON: {problem}"}))


def _not_json(value: object) -> str | None:
    """Return why a value of an undocumented field cannot be sent as JSON; None if it can."""
    try:
        json.dumps(value, allow_nan=False)
    except Exception as error:  # noqa: BLE001  # an object may do anything, and a validator never raises on data
        return type_name(error) if isinstance(error, RecursionError) else excerpt(reason(error))
    return None


@dataclass(frozen=True, slots=True)
class NearestName:
    """Suggests the field that was probably meant; a class, because closures cannot be pickled with their findings."""

    names: frozenset[str]

    def __call__(self, name: str) -> str | None:
        """Return the nearest of the names; None if none is similar."""
        import difflib  # noqa: PLC0415  # only for the suggestion

        near = difflib.get_close_matches(name.lower(), sorted(self.names), n=1, cutoff=0.8) if len(name) <= EXCERPT_LENGTH else []
        return near[0] if near else None
