"""Request specifications, including deliberate signing defects, and recorded exchanges."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from nclue_contract.check.task_ids import encoded
from nclue_contract.contract.model import contract
from nclue_contract.contract.rules import Answer
from nclue_contract.signing import EXAMPLE, Credentials, signature, string_to_sign
from nclue_contract.validation.error_body import error_code


@lru_cache(maxsize=8)
def value_of(body: bytes) -> Any:  # noqa: ANN401  # any JSON value
    """Return the JSON value in a body, None when there is none; the validator reports the problem.

    It is cached, since one body is read again and again. The value must not be changed.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


@lru_cache(maxsize=8)
def _code_of(body: bytes) -> str | None:
    """Return the error code in a body; cached, as above."""
    return error_code(value_of(body))


def unchanged(value: str) -> str:
    """Return the value itself: the default where a defect would change it."""
    return value


def unchanged_bytes(value: bytes) -> bytes:
    """Return the bytes themselves."""
    return value


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """One request; `path` follows the base URL and includes the query.

    It is signed correctly unless a field says otherwise. `headers` replace those of the signature (None removes one), `signed_as` is signed
    instead of the method and the target, `skew_ms` shifts the timestamp (`at_ms` sets it), in milliseconds. `timestamp` and `signature`
    change the header after signing (with `odd_signed`, the changed timestamp is signed), `string_to_sign` changes what is signed,
    `capitals` writes header names in capitals, `repeated` names a header that is sent a second time, with another value (first with
    `wrong_first`). `credentials` replace those of the sender.
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
    string_to_sign: Callable[[bytes], bytes] = unchanged_bytes
    capitals: bool = False
    repeated: str = ""
    wrong_first: bool = False

    @property
    def creates(self) -> bool:
        """Return whether a server may create a task because of it; methods that no page has count as well."""
        return self.method not in {"GET", "DELETE"}

    @property
    def operation(self) -> str:
        """Return the ID of the operation that the method and the path belong to."""
        if self.path.partition("?")[0] == contract().operations["createTask"].path:
            return "createTask" if self.method == "POST" else "listTasks"
        return "deleteTask" if self.method == "DELETE" else "getTask"


def header_pairs(request: RequestSpec, target: str, now_ms: int, credentials: Credentials = EXAMPLE) -> list[tuple[str, str]]:
    """Return the headers of a request that is sent now: content type and signature, with the defects that it specifies."""
    keys, written = request.credentials or credentials, request.timestamp(str(_sent_ms(request, now_ms)))
    values = (written, keys.access_key, request.signature(valid_signature(request, target, now_ms, credentials)))
    headers: dict[str, str | None] = {"content-type": json_media_type()} if request.method == "POST" else {}
    headers |= dict(zip(contract().headers, values, strict=True)) | dict(request.headers)
    pairs = [(name.upper() if request.capitals else name, value) for name, value in headers.items() if value is not None]
    again = [(request.repeated, "x")] if request.repeated else []
    return [*again, *pairs] if request.wrong_first else [*pairs, *again]


def valid_signature(request: RequestSpec, target: str, now_ms: int, credentials: Credentials = EXAMPLE) -> str:
    """Return the signature of what a request signs, without the defect that `RequestSpec.signature` is."""
    method, signed_target = request.signed_as or (request.method, target)
    keys, sent_ms = request.credentials or credentials, _sent_ms(request, now_ms)
    message = string_to_sign(method, signed_target, sent_ms, keys.access_key)
    if request.odd_signed:
        message = message.replace(f"\n{sent_ms}\n".encode(), f"\n{request.timestamp(str(sent_ms))}\n".encode())
    return signature(keys.secret_key, request.string_to_sign(message))


def _sent_ms(request: RequestSpec, now_ms: int) -> int:
    """Return the time that a request states."""
    return now_ms + request.skew_ms if request.at_ms is None else request.at_ms


def json_media_type() -> str:
    """Return the content type that every reading accepts."""
    return contract().rules["NC302"].media_type


def create_request(payload: object) -> RequestSpec:
    """Return a create request with a payload, or with a body as it is."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return RequestSpec("POST", contract().operations["createTask"].path, body)


def get_request(task_id: str) -> RequestSpec:
    """Return a get request for a task. Raises `ValueError` for an ID that cannot be put into a path."""
    return RequestSpec("GET", _task_path(task_id))


def delete_request(task_id: str) -> RequestSpec:
    """Return a delete request for a task. Raises `ValueError` as `get_request` does."""
    return RequestSpec("DELETE", _task_path(task_id))


def list_request(query: str = "") -> RequestSpec:
    """Return a list request with a query such as `index=0&limit=1`."""
    return RequestSpec("GET", contract().operations["listTasks"].path + (f"?{query}" if query else ""))


def _task_path(task_id: str) -> str:
    return contract().operations["getTask"].path.partition("{")[0] + encoded(task_id)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as it was sent, and its response. Times are milliseconds since 1970-01-01 UTC by the sender's clock.

    `target` was sent, `signed_target` was signed where that is something else (behind a proxy that rewrites it). `error` says why there is
    no complete response (empty when there is one); the status may be known all the same. `attempts` counts how often the request was sent.
    `late`: the time for the exchange was over. `not_sent`: there was no connection; `permanent`: there will be none for the next request
    either. `left_unread` is an earlier request on the same connection whose body the server took for the next request; this exchange shows
    that, and was repeated on a new connection. `sent` counts the responses to the request, the one before the repetition included.
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
    late: bool = False
    not_sent: bool = False
    permanent: bool = False
    left_unread: RequestSpec | None = None
    sent: int = 1

    @property
    def value(self) -> Any:  # noqa: ANN401  # any JSON value
        """Return the body as a JSON value; None when it is none."""
        return value_of(self.body)

    @property
    def fields(self) -> dict[str, Any]:
        """Return the object in the body; empty when there is none."""
        value = self.value
        return value if isinstance(value, dict) else {}

    @property
    def answer(self) -> Answer:
        """Return status and error code, wherever in the body the code stands and whatever its type is."""
        return Answer(self.status, _code_of(self.body) if self.status >= 400 else None)

    @property
    def accepted(self) -> bool:
        """Return whether the response says that the request was carried out."""
        return not self.error and 200 <= self.status < 300
