"""Requests before they are sent, with everything that can be wrong in how they are signed, and what came back.

Witnesses of faults and contract checks are made of these.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from nclue_contract.contract.model import contract
from nclue_contract.contract.rules import Answer
from nclue_contract.signing import EXAMPLE, Credentials, signature, string_to_sign
from nclue_contract.validation.error_body import error_code


@lru_cache(maxsize=8)
def value_of(body: bytes) -> Any:  # noqa: ANN401  # any JSON value
    """The JSON value in a body, None when there is none; what is odd about it is told by the validator.

    Kept for the next call, since one body is looked at again and again. Nobody changes the value.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def unchanged(value: str) -> str:
    """What a value is written as when nothing is wrong with it."""
    return value


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """One request: `path` is what stands behind the base URL, with the query.

    It is signed rightly unless a field says otherwise: `headers` replace those of the signature (None removes one), `signed_as` is what is
    signed instead of the method and the target, `skew_ms` shifts the timestamp (`at_ms` sets it), `timestamp` and `signature` change how
    the header is written after signing (with `odd_signed`, the odd timestamp is what is signed), `capitals` writes the names in capitals,
    `repeated` names a header that is sent a second time, with another value (before the right one with `wrong_first`), and `credentials`
    are used instead of those of the sender.
    """

    method: str
    path: str = "/tasks"
    body: bytes = b""
    headers: Mapping[str, str | None] = field(default_factory=dict)
    signed_as: tuple[str, str] | None = None
    credentials: Credentials | None = None
    skew_ms: int = 0
    at_ms: int | None = None
    timestamp: Callable[[str], str] = unchanged
    odd_signed: bool = False
    signature: Callable[[str], str] = unchanged
    capitals: bool = False
    repeated: str = ""
    wrong_first: bool = False

    @property
    def creates(self) -> bool:
        """Whether a server may make a task of it, be it by a method that no page has."""
        return self.method not in {"GET", "DELETE"}

    @property
    def operation(self) -> str:
        """The ID of the operation that the method and the path belong to."""
        if self.path.partition("?")[0] == contract().operations["createTask"].path:
            return "createTask" if self.method == "POST" else "listTasks"
        return "deleteTask" if self.method == "DELETE" else "getTask"


def header_pairs(request: RequestSpec, target: str, now_ms: int, credentials: Credentials = EXAMPLE) -> list[tuple[str, str]]:
    """The headers of a request that is sent now: content type and signature, right but for what the request changes on purpose."""
    method, signed_target = request.signed_as or (request.method, target)
    sent_ms = now_ms + request.skew_ms if request.at_ms is None else request.at_ms
    keys = request.credentials or credentials
    message, written = string_to_sign(method, signed_target, sent_ms, keys.access_key), request.timestamp(str(sent_ms))
    if request.odd_signed:
        message = message.replace(f"\n{sent_ms}\n".encode(), f"\n{written}\n".encode())
    values = (written, keys.access_key, request.signature(signature(keys.secret_key, message)))
    headers: dict[str, str | None] = {"content-type": json_media_type()} if request.method == "POST" else {}
    headers |= dict(zip(contract().headers, values, strict=True)) | dict(request.headers)
    pairs = [(name.upper() if request.capitals else name, value) for name, value in headers.items() if value is not None]
    again = [(request.repeated, "x")] if request.repeated else []
    return [*again, *pairs] if request.wrong_first else [*pairs, *again]


def json_media_type() -> str:
    """The content type that every reading takes."""
    return contract().rules["NC302"].media_type


def create_request(payload: object) -> RequestSpec:
    """A creation with a payload, or with a body as it is."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return RequestSpec("POST", contract().operations["createTask"].path, body)


def get_request(task_id: str) -> RequestSpec:
    """A look at a task."""
    return RequestSpec("GET", _task_path(task_id))


def delete_request(task_id: str) -> RequestSpec:
    """A deletion."""
    return RequestSpec("DELETE", _task_path(task_id))


def list_request(query: str = "") -> RequestSpec:
    """A look at the list, with a query such as `index=0&limit=1`."""
    return RequestSpec("GET", contract().operations["listTasks"].path + (f"?{query}" if query else ""))


def _task_path(task_id: str) -> str:
    return contract().operations["getTask"].path.partition("{")[0] + quote(task_id.encode("utf-8", "surrogatepass"), safe="")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as it was sent, and what came back. Times are milliseconds since 1970-01-01 UTC by the sender's clock.

    `target` is what was sent, `signed_target` what was signed where that is something else (a proxy rewrites it). `error` says why there
    is no whole answer (empty when there is one), `attempts` how often the request was sent. A status code may be known although the body is
    not whole. `not_sent`: there was no connection; `permanent`: there will be none to the next request either.
    """

    request: RequestSpec
    target: str
    sent_ms: int
    received_ms: int
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    error: str = ""
    attempts: int = 1
    signed_target: str = ""
    not_sent: bool = False
    permanent: bool = False

    @property
    def value(self) -> Any:  # noqa: ANN401  # any JSON value
        """The body as a JSON value; None when it is none."""
        return value_of(self.body)

    @property
    def fields(self) -> dict[str, Any]:
        """The object in the body; empty when there is none."""
        value = self.value
        return value if isinstance(value, dict) else {}

    @property
    def answer(self) -> Answer:
        """Status and error code, wherever in the body the code stands and whatever its type is."""
        return Answer(self.status, error_code(self.value) if self.status >= 400 else None)

    @property
    def accepted(self) -> bool:
        """Whether the server says that it carried out the request."""
        return not self.error and 200 <= self.status < 300
