"""Tells whether a payload, headers or a response keep the contract; the answer is a `Report` with everything that is wrong.

`Validator` holds a choice of readings and can be used again and again; the functions of this module use one with the defaults. Nothing here
raises because of the data that is judged, and nothing reads a file or the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property

from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Policy, Readings
from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.json_reader import read, read_flat
from nclue_contract.validation.request import request_checker


class Validator:
    """Judges by one set of readings. Immutable, reusable, and safe to share between threads.

    `readings` pins options by their ids, such as `{"path-characters": "page-2025"}`; what is not pinned stays at its default and gives
    warnings where pages disagree. `strict` turns all warnings into errors. `ignore` names rules (code or slug) that are passed over.
    Raises `ValueError` for an unknown reading, option or rule.
    """

    readings: Readings
    strict: bool
    ignore: frozenset[str]
    validate_request: Callable[[object], Report]
    """Judge a payload of createTask, a dict or another mapping: `validate_request(payload) -> Report`. Never raises."""

    def __init__(self, readings: Mapping[str, str] | None = None, *, strict: bool = False, ignore: Iterable[str] = ()) -> None:
        chosen = Readings.of(readings)
        codes = frozenset(contract().require_rule(name).code for name in ignore)
        policy = Policy(chosen, strict, codes)
        # Bound as an attribute: a method would cost a quarter of the time of a valid payload.
        self.__dict__.update(readings=chosen, strict=strict, ignore=codes, validate_request=request_checker(policy), _policy=policy)

    def __setattr__(self, name: str, value: object) -> None:
        message = f"a Validator cannot be changed; make a new one with the {name} that you want"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> None:
        self.__setattr__(name, None)

    def __reduce__(self) -> tuple[object, ...]:
        return _remade, (self.readings, self.strict, self.ignore)

    def __repr__(self) -> str:
        pins = ", ".join(f"{name}={option}" for name, option in self.readings.items() if self.readings.pinned(name))
        ignored = f", ignores {', '.join(sorted(self.ignore))}" if self.ignore else ""
        return f"<Validator {pins or 'default readings'}{', strict' if self.strict else ''}{ignored}>"

    def validate_request_json(self, data: bytes | bytearray | memoryview | str) -> Report:
        """Judge the body of createTask as JSON text or UTF-8 bytes: the JSON itself (duplicate names, numbers), then the payload."""
        if type(data) is str and (flat := read_flat(data)) is not None:  # the usual line of a file, so the quick way
            return self.validate_request(flat)
        if not isinstance(data, str | bytes | bytearray | memoryview):
            return self.validate_request(data)  # told that it is no object
        body = str.__str__(data) if isinstance(data, str) else bytes(data)
        try:
            flat = read_flat(body if isinstance(body, str) else str(body, "utf-8"))
        except UnicodeDecodeError:
            flat = None  # told by the exact reader, which also sees that it may be UTF-16
        return self._judge_document(body) if flat is None else self.validate_request(flat)

    def is_valid_request(self, payload: object) -> bool:
        """Whether a payload has no error; the shortest question."""
        return self.validate_request(payload).ok

    def validate_headers(self, headers: object, now_ms: int | None = None) -> Report:
        """Judge the signed headers of a request: a mapping, or pairs of name and value, of text or bytes.

        `now_ms` is the clock in milliseconds since 1970-01-01 UTC; without it the age of the timestamp is not judged. No value is printed.
        """
        return self._report(self._headers(headers, now_ms))

    def validate_response(self, operation_id: str, status: int, headers: object, body: bytes, request: object = None) -> Report:
        """Judge a response of `createTask`, `listTasks`, `getTask` or `deleteTask`.

        `request` is what was asked, so that the echo can be compared: the payload of createTask (or its body as bytes), the query of
        listTasks, the task ID of the others (or a mapping with `task_id` and the fields of the payload). Without it the response is judged
        by itself.
        """
        return self._report(self._responses(operation_id, status, headers, body, request))

    @cached_property
    def _headers(self) -> Callable[[object, int | None], list[Finding]]:
        from nclue_contract.validation.headers import header_checker  # noqa: PLC0415  # who only judges payloads need not load it

        return header_checker(self._policy)

    @cached_property
    def _responses(self) -> Callable[[object, object, object, object, object], list[Finding]]:
        from nclue_contract.validation.response import response_checker  # noqa: PLC0415  # as above

        lenient = Validator(self.readings)

        def check_request(request: object) -> Report:
            if isinstance(request, bytes | bytearray):
                return lenient.validate_request_json(request)
            return lenient.validate_request(request)

        return response_checker(self._policy, check_request)

    _policy: Policy

    def _judge_document(self, data: bytes | str) -> Report:
        document = read(data)
        found = [Finding(self._policy.documented(p.code), p.pointer, p.offset, detail=p.detail) for p in document.problems]
        if document.readable:
            # What came out of a JSON text is JSON; what was odd in it (NaN, say) is told by the reader.
            found += [finding for finding in self.validate_request(document.value).findings if finding.rule != "NC008"]
        return self._report(found)

    def _report(self, found: Iterable[Finding]) -> Report:
        return Report(tuple(finding for finding in found if finding.rule not in self.ignore))


def _remade(readings: Readings, strict: bool, ignore: frozenset[str]) -> Validator:  # noqa: FBT001  # pickle passes by position
    return Validator(readings, strict=strict, ignore=ignore)


@cache
def default_validator() -> Validator:
    """The validator with the default readings that the functions below share."""
    return Validator()


def validate_request(payload: object) -> Report:
    """`Validator().validate_request`: judge a payload of createTask."""
    return default_validator().validate_request(payload)


def validate_request_json(data: bytes | bytearray | memoryview | str) -> Report:
    """`Validator().validate_request_json`: judge the body of createTask as text or bytes."""
    return default_validator().validate_request_json(data)


def is_valid_request(payload: object) -> bool:
    """`Validator().is_valid_request`: whether a payload has no error."""
    return default_validator().is_valid_request(payload)


def validate_headers(headers: object, now_ms: int | None = None) -> Report:
    """`Validator().validate_headers`: judge the signed headers of a request."""
    return default_validator().validate_headers(headers, now_ms)


def validate_response(operation_id: str, status: int, headers: object, body: bytes, request: object = None) -> Report:
    """`Validator().validate_response`: judge a response."""
    return default_validator().validate_response(operation_id, status, headers, body, request)
