"""Validation of payloads, headers and responses against the contract; each returns a `Report` with all findings.

`Validator` holds a choice of readings and is reusable; the functions of this module use one with the defaults. Nothing here raises because
of the data that is validated, whatever it is: what cannot be read is a finding, too. (Where a machine has too little memory for a text,
that is no fault of the text, and a `MemoryError`.) Nothing reads a file or the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING

from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Policy, Readings
from nclue_contract.contract.wording import type_name
from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.json_reader import read, read_flat
from nclue_contract.validation.plain import is_binary, is_text, plain_bytes, plain_text
from nclue_contract.validation.request import VALID, Columns, RequestCheck

if TYPE_CHECKING:
    from nclue_contract.validation.headers import HeaderCheck
    from nclue_contract.validation.response import ResponseCheck


# Validators that apply rules alike share their check of payloads, which never changes and takes long to make.
_request_check = lru_cache(maxsize=64)(RequestCheck)


class Validator:
    """A validator for one set of readings. Immutable, reusable, and safe to share between threads.

    `readings` pins options by their ids, such as `{"path-characters": "page-2025"}`; what is not pinned stays at its default and gives
    warnings where pages disagree. `strict` turns all warnings into errors. `ignore` names rules (code or slug) that are not applied.
    Raises `ValueError` for an unknown reading, option or rule, and `TypeError` for an argument of another type.
    """

    readings: Readings
    strict: bool
    ignore: frozenset[str]
    validate_request: Callable[[object], Report]
    """Validate a payload of createTask, a dict or another mapping: `validate_request(payload) -> Report`. Never raises."""

    def __init__(self, readings: Mapping[str, str] | None = None, *, strict: bool = False, ignore: Iterable[str] = ()) -> None:
        _require_types(readings, strict, ignore)
        chosen = Readings.of(readings)
        codes = frozenset(contract().select_rules(ignore))
        policy = Policy(chosen, strict, codes)
        request = _request_check(policy)
        # Bound as an attribute: a method would cost a quarter of the time of a valid payload.
        self.__dict__.update(
            readings=chosen, strict=strict, ignore=codes, validate_request=request.validate, _policy=policy, _request=request
        )

    def __setattr__(self, name: str, value: object) -> None:
        message = f"a Validator cannot be changed; create a new one with the {name} that you need"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> None:
        self.__setattr__(name, None)

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (self.readings, self.strict, self.ignore)

    def __repr__(self) -> str:
        pins = ", ".join(f"{name}={option}" for name, option in self.readings.items() if self.readings.pinned(name))
        ignored = f", ignores {', '.join(sorted(self.ignore))}" if self.ignore else ""
        return f"<Validator {pins or 'default readings'}{', strict' if self.strict else ''}{ignored}>"

    def validate_request_json(self, data: bytes | bytearray | memoryview | str) -> Report:
        """Validate the body of createTask as JSON text or UTF-8 bytes: the JSON itself (duplicate names, numbers), then the payload."""
        if type(data) is str and (flat := read_flat(data)) is not None:  # the usual line of a file
            return self.validate_request(flat)
        if is_text(data):
            body: str | bytes = plain_text(data)
        elif is_binary(data):
            try:
                body = plain_bytes(data)
            except Exception as error:  # noqa: BLE001  # a memoryview may be released, a subclass may do anything
                return self._report(
                    [Finding(self._policy.documented("NC008"), "", detail={"problem": f"the bytes cannot be read: {type_name(error)}"})]
                )
        else:
            return self.validate_request(data)  # the finding: it is no object
        try:
            flat = read_flat(body if isinstance(body, str) else str(body, "utf-8"))
        except UnicodeDecodeError:
            flat = None  # `read` reports it, and whether it may be UTF-16
        return self._validate_document(body) if flat is None else self.validate_request(flat)

    def is_valid_request(self, payload: object) -> bool:
        """Return whether a payload has no error."""
        report = self.validate_request(payload)
        return report is VALID or report.ok

    def surely_valid(self, columns: Columns) -> bool:
        """Return whether many payloads, at least one, surely have no finding; False says nothing. For readers of many payloads at once."""
        return self._request.surely_valid(columns)

    def validate_headers(self, headers: object, now_ms: int | None = None) -> Report:
        """Validate the signed headers of a request: a mapping, or pairs of name and value, of text or bytes. No finding holds a value.

        `now_ms` is the clock in milliseconds since 1970-01-01 UTC; without it the age of the timestamp is not checked. A clock that is no
        number is a finding.
        """
        return self._report(self._headers.check(headers, now_ms))

    def validate_response(self, operation_id: str, status: int, headers: object, body: bytes, request: object = None) -> Report:
        """Validate a response of `createTask`, `listTasks`, `getTask` or `deleteTask`.

        `request` is what was sent, so that the response can be compared with it: the payload of createTask (or its body as bytes), the
        query of listTasks, the task ID of the others (or a mapping with `task_id` and the fields of the payload). Without it, the response
        is validated by itself.
        """
        return self._report(self._responses.check(operation_id, status, headers, body, request))

    @cached_property
    def _headers(self) -> HeaderCheck:
        from nclue_contract.validation.headers import HeaderCheck  # noqa: PLC0415  # not needed to validate payloads

        return HeaderCheck(self._policy)

    @cached_property
    def _responses(self) -> ResponseCheck:
        from nclue_contract.validation.response import ResponseCheck  # noqa: PLC0415  # as above

        return ResponseCheck(self._policy, Validator(self.readings).validate_request_json)

    _policy: Policy
    _request: RequestCheck

    def _validate_document(self, data: bytes | str) -> Report:
        document = read(data)
        found = [Finding(self._policy.documented(p.code), p.pointer, p.offset, detail=p.detail) for p in document.problems]
        if document.readable:
            # A value that was JSON text can be sent as JSON; NaN and the like are among the problems of the document. What concerns the
            # whole payload (an empty pointer) stays: it could not be validated.
            found += [f for f in self.validate_request(document.value).findings if f.rule != "NC008" or not f.pointer]
        return self._report(found)

    def _report(self, found: Iterable[Finding]) -> Report:
        return Report(tuple(finding for finding in found if finding.rule not in self.ignore))


def _require_types(readings: object, strict: object, ignore: object) -> None:
    # A string is iterable, too: each of its letters would be an unknown rule.
    if readings is not None and not isinstance(readings, Mapping):
        raise TypeError(f'readings is a mapping, such as {{"path-characters": "page-2025"}}, not {readings!r:.80}')
    if not isinstance(strict, bool):
        raise TypeError(f"strict is True or False, not {strict!r:.80}")
    if isinstance(ignore, str) or not isinstance(ignore, Iterable):
        raise TypeError(f'ignore is a list of rules, such as ["NC120"], not {ignore!r:.80}')


def _restored(readings: Readings, strict: bool, ignore: frozenset[str]) -> Validator:  # noqa: FBT001  # pickle passes by position
    return Validator(readings, strict=strict, ignore=ignore)


@cache
def default_validator() -> Validator:
    """Return the validator with the default readings, which the functions below share."""
    return Validator()


@lru_cache(maxsize=512)
def validator_of(readings: Readings) -> Validator:
    """Return the validator of these readings, the same at each call: making one takes longer than most of what it is used for."""
    return Validator(readings)


def _first_check(payload: object) -> Report:
    """Stand in for the check of the default validator until it is first needed."""
    global _check  # noqa: PLW0603  # calling a name of this module is the fastest call that there is
    _check = default_validator().validate_request
    return _check(payload)


_check: Callable[[object], Report] = _first_check


def validate_request(payload: object) -> Report:
    """Validate a payload of createTask: `Validator().validate_request`."""
    return _check(payload)


def validate_request_json(data: bytes | bytearray | memoryview | str) -> Report:
    """Validate the body of createTask as text or bytes: `Validator().validate_request_json`."""
    return default_validator().validate_request_json(data)


def is_valid_request(payload: object) -> bool:
    """Return whether a payload has no error: `Validator().is_valid_request`."""
    report = _check(payload)
    return report is VALID or report.ok


def validate_headers(headers: object, now_ms: int | None = None) -> Report:
    """Validate the signed headers of a request: `Validator().validate_headers`."""
    return default_validator().validate_headers(headers, now_ms)


def validate_response(operation_id: str, status: int, headers: object, body: bytes, request: object = None) -> Report:
    """Validate a response: `Validator().validate_response`."""
    return default_validator().validate_response(operation_id, status, headers, body, request)
