"""Requests, responses and errors of the service as plain values: its input and its output."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from itertools import islice
from typing import Any

from nclue_contract.contract.masking import Masker, is_secret_header, sent_secrets
from nclue_contract.contract.model import DocumentedError
from nclue_contract.contract.openapi import document
from nclue_contract.validation.findings import Finding
from nclue_contract.validation.signature import Verification

MAX_JOURNAL_BODY_BYTES = 4096
"""Bytes of a body that the journal stores."""

MAX_JOURNAL_FINDINGS = 20
"""Findings of a request that the journal stores; it names all the rules."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it was received: `target` is the path with the query, exactly as sent (in the origin form).

    `mark_hidden`: whether an empty query had its question mark is not known, as in ASGI. `without_tls`: it came to the host of the pages,
    but not by https.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    mark_hidden: bool = False
    without_tls: bool = False

    def values(self, name: str) -> list[str]:
        """Return the values of a header, given in lower case."""
        return [value for other, value in self.headers if other.lower() == name]

    @property
    def signed_targets(self) -> tuple[str, ...]:
        """The target, and how else a client may have signed it: with an empty query, that is with or without its question mark."""
        path, mark, query = self.target.partition("?")
        if query or not (mark or self.mark_hidden):
            return (self.target,)
        return (self.target, path if mark else f"{path}?")


@dataclass(frozen=True, slots=True)
class Response:
    """A response to be sent. `rules` are the codes of the rules that the request broke.

    The adapter carries out `delay_s` (seconds to wait before sending) and `cut` (close the connection in the middle of the body).
    """

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    rules: tuple[str, ...] = ()
    delay_s: float = 0.0
    cut: bool = False

    @property
    def sent_headers(self) -> tuple[tuple[str, str], ...]:
        """Return the headers as they are sent, with the length of the body. One without content has none (RFC 9110, section 8.6)."""
        return self.headers if self.status == HTTPStatus.NO_CONTENT else (*self.headers, ("content-length", str(len(self.body))))

    def json(self) -> Any:  # noqa: ANN401  # any JSON value
        """Return the JSON value of the body. Raises `ValueError` when the body is not JSON."""
        return json.loads(self.body)


class Rejection(Exception):  # noqa: N818  # it is a response, not an error of the program
    """Ends a request with an error response; `code` is None where the pages name none.

    `verification` is the result for an invalid signature, None for everything else.
    """

    def __init__(
        self, status: int, code: str | None, message: str, findings: Iterable[Finding] = (), verification: Verification | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.findings: tuple[Finding, ...] = tuple(findings)
        self.verification: Verification | None = verification

    @classmethod
    def of(cls, error: DocumentedError, findings: Iterable[Finding] = ()) -> Rejection:
        """Return the rejection with a documented error."""
        return cls(error.status, error.code, error.message, findings)


class MethodNotAllowed(Rejection):
    """Rejects a method that the path does not have. No page mentions this case; the status is that of RFC 9110, section 15.5.6."""

    def __init__(self, allowed: Iterable[str], findings: Iterable[Finding] = ()) -> None:
        super().__init__(405, None, "METHOD_NOT_ALLOWED", findings)
        self.allowed: str = ", ".join(sorted(allowed))


@dataclass(frozen=True, slots=True)
class InjectedFailure:
    """A failure for the next request: a documented error, a delay in seconds, a body cut in the middle, or several of these."""

    error: DocumentedError | None = None
    delay_s: float = 0.0
    cut: bool = False


def journal_entry(
    request: Request, response: Response, findings: Iterable[Finding], now_ms: int, verification: Verification | None = None
) -> dict[str, Any]:
    """Return the journal entry of a request and its response, with the secrets that the client sent; `masked_entry` is what may be shown.

    `signature` is in it only if the request was rejected for its signature: the reason, and the mistakes that explain it.
    """
    signature = {} if verification is None else {"signature": verification.to_dict()}
    return {
        "time_ms": now_ms,
        "method": request.method,
        "target": request.target,
        "headers": [[name, value] for name, value in request.headers],
        "body": request.body[:MAX_JOURNAL_BODY_BYTES].decode("utf-8", "backslashreplace"),
        "body_bytes": len(request.body),
        "status": response.status,
        "rules": list(response.rules),
        "findings": [finding.to_dict() for finding in islice(findings, MAX_JOURNAL_FINDINGS)],
        **signature,
    }


def masked_entry(entry: dict[str, Any], keys: Mapping[str, str] | None) -> dict[str, Any]:
    """Return a journal entry without secrets: `keys`, and the values of signed and other secret headers, wherever the client has put them.

    An entry is masked when it is read, since a service handles more requests than anybody reads.
    """
    masker = request_masker(entry["headers"], keys)
    headers = [[name, "***" if is_secret_header(name) else value] for name, value in entry["headers"]]
    masked: dict[str, Any] = _masked({**entry, "headers": headers}, masker)
    return masked


def request_masker(headers: Sequence[Sequence[str]], keys: Mapping[str, str] | None) -> Masker:
    """Return what masks the secrets of one request: the keys that the service accepts, and the values of its secret headers."""
    return Masker([*(keys or {}).keys(), *(keys or {}).values(), *sent_secrets(headers)], public=_public())


@cache
def _public() -> str:
    """Return the words of the contract, which a key of a test may be by chance."""
    return json.dumps(document())


def _masked(value: object, masker: Masker) -> Any:  # noqa: ANN401  # a JSON value, of the same form
    if isinstance(value, dict):
        return {name: _masked(one, masker) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(one, masker) for one in value]
    return masker.text(value) if isinstance(value, str) else value
