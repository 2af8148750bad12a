"""Judges the payload of createTask. The page is "Create task", Request body; each rule's own page is in the OpenAPI file.

`request_checker` binds the limits and characters of one set of readings into one function. A valid payload leaves it through a gate of a
few lines, without creating anything; everything else goes to the checks per field, which collect all findings in the order of the page.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping

from nclue_contract.findings import Finding, Report
from nclue_contract.path_check import PathCheck
from nclue_contract.readings import Judge
from nclue_contract.string_checks import Check, IdCheck, NameCheck, surrogate_check
from nclue_contract.wording import EXCERPT, excerpt, json_kind, pointer_to

UNKNOWN_FIELDS_KEPT = 100
"""How many unknown fields get a finding each; one more finding counts the rest."""

_MISSING = object()
_VALID = Report()


def request_checker(judge: Judge) -> Callable[[object], Report]:
    """A function that judges one payload. It never raises, whatever it is given."""
    name, path = NameCheck(judge), PathCheck(judge)
    feature_id, bucket = IdCheck(judge, "NC131"), IdCheck(judge, "NC130")
    checks = {"name": name.check, "feature_id": feature_id.check, "bucket": bucket.check, "file_path": path.check}
    collect = _Collector(judge, checks).collect
    longest_name, clean_ascii = name.longest_ascii, path.clean_ascii
    known_ids, known_buckets = feature_id.known, bucket.known

    def check(payload: object) -> Report:
        # The gate decides nothing but "surely no finding". What only looks odd to it (Hangul, test fields, subclasses) is judged below.
        if type(payload) is dict and len(payload) == 4:
            try:
                task_name, file_path = payload["name"], payload["train_file_path"]
                if (
                    payload["train_bucket"] in known_buckets
                    and payload["train_feature_id"] in known_ids
                    and type(task_name) is str
                    and type(file_path) is str
                    and file_path
                    and 0 < len(task_name) <= longest_name
                    and task_name.isascii()
                    and not file_path.encode().translate(None, clean_ascii)
                ):
                    return _VALID
            except Exception:  # noqa: BLE001, S110  # a key may do anything when it is compared; it is judged below
                pass
        found: list[Finding] = []
        try:
            collect(payload, found)
        except Exception as error:  # noqa: BLE001  # a Mapping or a key may do anything, and a validator never raises on data
            problem = f"the payload cannot be read: {excerpt(type(error).__name__)}"
            found = [Finding(judge.documented("NC008"), "", detail={"problem": problem})]
        if judge.ignore:
            found = [finding for finding in found if finding.rule not in judge.ignore]
        return Report(tuple(found)) if found else _VALID

    return check


class _Collector:
    """Appends everything that is wrong with a payload, in the order of the page."""

    def __init__(self, judge: Judge, checks: Mapping[str, Check]) -> None:
        self._not_object, self._missing, self._type = judge.documented("NC100"), judge.documented("NC101"), judge.documented("NC102")
        self._null = judge.by_reading("NC103", "optional-null", {"refused"})
        self._part = judge.by_reading("NC105", "test-triple", {"all-or-none"})
        request = judge.contract.request
        rows = [(f, pointer_to(f.name), next(checks[kind] for kind in checks if f.name.endswith(kind))) for f in request]
        self._required = [(f.name, pointer, check) for f, pointer, check in rows if f.required]
        self._optional = [(f.name, pointer, check) for f, pointer, check in rows if not f.required]
        self._unknown = _unknown_fields(judge, frozenset(f.name for f in request))

    def collect(self, payload: object, found: list[Finding]) -> None:
        if type(payload) is not dict:
            if not isinstance(payload, Mapping):
                found.append(Finding(self._not_object, "", detail={"kind": json_kind(payload)}))
                return
            payload = dict(payload)
        given = 0
        for name, pointer, check in self._required:
            value = payload.get(name, _MISSING)
            if value is _MISSING:
                found.append(Finding(self._missing, pointer))
                continue
            given += 1
            if type(value) is str:
                check(value, pointer, found)
            else:
                self._check_other(value, pointer, check, found)
        if len(payload) > given:
            given += self._collect_optional(payload, found)
        if len(payload) > given:
            self._unknown(payload, found)

    def _check_other(self, value: object, pointer: str, check: Check, found: list[Finding]) -> None:
        if isinstance(value, str):  # a subclass may override anything; what is sent is its text
            check(str.__str__(value), pointer, found)
        else:
            found.append(Finding(self._type, pointer, detail={"kind": json_kind(value)}))

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


def _unknown_fields(judge: Judge, names: frozenset[str]) -> Callable[[dict[object, object], list[Finding]], None]:
    """A function that appends what is wrong with the names of a payload that are not fields of the page."""
    verdict = judge.by_reading("NC104", "unknown-field", {"refused"}, suggest=lambda key: _nearest(key, names))
    no_name, surrogates = judge.documented("NC008"), surrogate_check(judge)

    def check(payload: dict[object, object], found: list[Finding]) -> None:
        extra = [key for key in payload if key not in names]
        for key in extra[:UNKNOWN_FIELDS_KEPT]:
            if not isinstance(key, str):
                found.append(Finding(no_name, "", detail={"problem": f"a key is {json_kind(key)}, not a string"}))
                continue
            key = str.__str__(key)  # noqa: PLW2901  # a subclass may override anything
            pointer = pointer_to(key)
            if verdict is not None:
                found.append(Finding(verdict, pointer, text=key))
            surrogates(key, pointer, found)
        if len(extra) > UNKNOWN_FIELDS_KEPT and verdict is not None:
            found.append(Finding(verdict, "", detail={"field": f"each of {len(extra) - UNKNOWN_FIELDS_KEPT:,} further names"}))

    return check


def _nearest(key: str, names: frozenset[str]) -> str | None:
    """The field that was probably meant."""
    near = difflib.get_close_matches(key.lower(), sorted(names), n=1, cutoff=0.8) if len(key) <= EXCERPT else []
    return near[0] if near else None
