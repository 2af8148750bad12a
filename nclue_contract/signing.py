"""Sign requests with signature v2 of NAVER Cloud, in steps: the string to sign, its signature, the three headers.

    METHOD + " " + path with query + LF + timestamp + LF + access key

The signature is HMAC-SHA256 over that with the secret key, in Base64. The body is not signed, and neither are scheme and host, so a
signature is valid for the same path on every host, for five minutes. The rules are from the page "Overview", request headers.
`validation.signature` verifies signatures.
"""

from __future__ import annotations

import base64
import hmac
import re
import time
from collections.abc import Mapping
from typing import NoReturn

from nclue_contract.contract.model import contract

VARIABLES = ("NCLUE_ACCESS_KEY", "NCLUE_SECRET_KEY")
"""The environment variables that `Credentials.from_environment` reads."""

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # token of RFC 9110, section 5.6.2
_TARGET = re.compile("[!-~]+")  # what a request line can hold; RFC 3986 allows less, but clients send more


class Credentials:
    """An access key and its secret key. Neither appears in a `repr` or an error, and neither can be pickled: read them where needed.

    Immutable. Raises `TypeError` for a key that is no string, and `ValueError` for an access key that a header cannot hold, and for a
    secret key that is empty or has white space around it. Not a dataclass, because pytest, Hypothesis, orjson and pydantic show or write
    dataclasses field by field, whatever their `repr` is.
    """

    __slots__ = ("_access_key", "_secret_key")

    def __init__(self, access_key: str, secret_key: str) -> None:
        for name, key in (("access", access_key), ("secret", secret_key)):
            if not isinstance(key, str):  # a variable of the environment that is not set, for example
                raise TypeError(f"the {name} key is a string, not {type(key).__name__}")
        _require_access_key(access_key)
        if not secret_key or secret_key != secret_key.strip():
            raise ValueError("the secret key is empty, or has white space around it")
        self._access_key = access_key
        self._secret_key = secret_key

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Credentials:
        """Return the credentials in `NCLUE_ACCESS_KEY` and `NCLUE_SECRET_KEY`, without white space around them.

        Raises `ValueError` with the names of the variables that are missing or empty.
        """
        values = [environ.get(name, "").strip() for name in VARIABLES]
        missing = [name for name, value in zip(VARIABLES, values, strict=True) if not value]
        if missing:
            raise ValueError(f"the environment variable{'s' * (len(missing) > 1)} {' and '.join(missing)} must hold your key")
        return cls(*values)

    @property
    def access_key(self) -> str:
        """Return the access key, which is sent with every request."""
        return self._access_key

    @property
    def secret_key(self) -> str:
        """Return the secret key, which is never sent."""
        return self._secret_key

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Credentials):
            return NotImplemented
        return self._access_key == other._access_key and hmac.compare_digest(_utf8(self._secret_key), _utf8(other._secret_key))

    def __hash__(self) -> int:
        return hash((self._access_key, self._secret_key))

    def __repr__(self) -> str:
        return "<Credentials: not shown>"

    def __copy__(self) -> Credentials:
        return self

    def __deepcopy__(self, memo: object) -> Credentials:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("Credentials cannot be pickled, so that no secret is written to a file; read them where they are needed")


def now_ms() -> int:
    """Return the time of this machine as a signature states it: milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


def string_to_sign(method: str, target: str | bytes, timestamp: int | str, access_key: str) -> bytes:
    """Return the bytes that are signed. `timestamp` is in milliseconds since 1970-01-01 UTC.

    `target` is the path with its query, exactly as it is sent. A `str` must begin with a slash and hold printable ASCII only; `bytes` are
    used unchanged. Raises `ValueError` for values that a request line or header cannot hold.
    """
    if not _METHOD.fullmatch(method):
        raise ValueError("the method is not a valid HTTP method")
    if isinstance(target, str):
        if not target.startswith("/"):
            raise ValueError("the target must begin with a slash: it is the path with its query, without scheme and host")
        if not _TARGET.fullmatch(target):
            raise ValueError("the target holds a character that a request line cannot hold; percent-encode it (as UTF-8) before signing")
        target = target.encode("ascii")
    if not re.fullmatch(contract().rules["NC202"].pattern, str(timestamp)):
        raise ValueError("the timestamp is not a decimal number of milliseconds since 1970-01-01 UTC")
    _require_access_key(access_key)
    return b"%s %s\n%s\n%s" % (method.upper().encode("ascii"), target, str(timestamp).encode("ascii"), access_key.encode("ascii"))


def signature(secret_key: str, message: bytes) -> str:
    """Return the signature of a `string_to_sign`: HMAC-SHA256 in standard Base64 with padding, 44 characters."""
    return base64.b64encode(hmac.digest(_utf8(secret_key), message, "sha256")).decode("ascii")


def signed_headers(method: str, target: str | bytes, credentials: Credentials, now_ms: int) -> dict[str, str]:
    """Return the three headers of a request that is sent now. `now_ms` is in milliseconds since 1970-01-01 UTC.

    For a client without an adapter: `target` is the path with its query, as it is sent. Raises `ValueError` like `string_to_sign`, and
    `TypeError` for credentials of another type.
    """
    require_credentials(credentials)
    message = string_to_sign(method, target, now_ms, credentials.access_key)
    values = (str(now_ms), credentials.access_key, signature(credentials.secret_key, message))
    return dict(zip(contract().headers, values, strict=True))


def require_credentials(value: object) -> None:
    """Raise `TypeError` for anything but `Credentials`; the message does not show the value, which may be a key."""
    if not isinstance(value, Credentials):
        raise TypeError(f"credentials are a Credentials object, Credentials(access_key, secret_key), not {type(value).__name__}")


def _require_access_key(access_key: str) -> None:
    # Client libraries print a header that they cannot send, so an invalid key must not reach them.
    if not re.fullmatch(contract().rules["NC204"].pattern, access_key):
        raise ValueError("the access key is empty, or holds a character that keys do not have, such as a space or a line feed")


def _utf8(text: str) -> bytes:
    # The error for a lone surrogate would include the whole text.
    return text.encode("utf-8", "surrogatepass")


EXAMPLE = Credentials("EXAMPLEACCESSKEY0001", "EXAMPLEsecretKEY0000000000000000000000001")
"""An example key pair for tests, and for a server that is started without keys. It belongs to no account."""
