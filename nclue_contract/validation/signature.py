"""Tells whether a request is signed rightly, and if not, which part is wrong and which usual mistake explains it.

Made for tests, stubs and gateways under development. No word of the answer is a secret or a right signature, but explaining takes longer
than refusing and tells a stranger more than he should know: a gateway in production refuses without a reason.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import NoReturn

from nclue_contract.contract.readings import Policy, Readings
from nclue_contract.contract.rules import Severity
from nclue_contract.contract.wording import pointer_to
from nclue_contract.signing import Credentials
from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.headers import header_checker, read_headers, why_unreadable
from nclue_contract.validation.signature_mistakes import KEYS_SWAPPED, TIMESTAMP_SECONDS, Mistake, Signed, explain

Keys = Mapping[str, str] | Credentials
Verifier = Callable[[str, str | bytes, object, Keys, int], "Verification"]


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of it: the report, and the mistakes that explain a refusal, when they could be found."""

    report: Report
    mistakes: tuple[Mistake, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the request may pass."""
        return self.report.ok

    @property
    def reason(self) -> str | None:
        """The slug of the rule that is broken, the first one if there are more, such as `signature-mismatch`; None when all is right."""
        return None if self.ok else self.report.errors[0].slug

    @property
    def sentence(self) -> str:
        """The reason in words, with the mistakes. Holds no value of a header."""
        if self.ok:
            return "the signature is right"
        message = self.report.errors[0].message
        return "; ".join([message, *(mistake.sentence for mistake in self.mistakes if mistake.sentence not in message)])

    def __bool__(self) -> NoReturn:
        raise TypeError("a Verification is neither true nor false; ask verification.ok")


def verify(
    method: str, target: str | bytes, headers: object, keys: Keys, now_ms: int, readings: Mapping[str, str] | None = None
) -> Verification:
    """Verify a request. Never raises, whatever the headers are.

    `target` is the path with its query as it came over the wire (a `str` is encoded in UTF-8), `headers` a mapping or pairs of text or
    bytes, `keys` the secret key per access key. `now_ms` is the clock in milliseconds since 1970-01-01 UTC; whether exactly 300 seconds
    are too much says the reading `timestamp-edge`. Raises `ValueError` for an unknown reading or option.
    """
    return (verifier(readings) if readings else _default_verifier())(method, target, headers, keys, now_ms)


def verifier(readings: Mapping[str, str] | None = None) -> Verifier:
    """A function like `verify` for one set of readings, to be used again and again."""
    policy = Policy(Readings.of(readings))
    check = header_checker(policy)
    names = policy.contract.headers
    unreadable, unknown, mismatch = (policy.documented(code) for code in ("NC207", "NC209", "NC208"))
    limit = policy.rule("NC203").limit * 1000

    def verify(method: str, target: str | bytes, headers: object, keys: Keys, now_ms: int) -> Verification:
        try:
            values = read_headers(headers)
        except Exception as error:  # noqa: BLE001  # an object of a client library may do anything
            return Verification(Report((Finding(unreadable, "", detail={"problem": why_unreadable(headers, error)}),)))
        found = check([(name, value) for name in names for value in values.get(name, [])], now_ms)
        errors = {finding.rule for finding in found if finding.severity is Severity.ERROR}
        if errors - {"NC203", "NC205"}:  # without all three values there is nothing to verify
            return Verification(Report(tuple(found)))
        timestamp, access_key, given = (values[name][0] for name in names)
        mistakes: tuple[Mistake, ...] = ()
        if "NC203" in errors and abs(int(timestamp) * 1000 - now_ms) <= limit + 1000:
            mistakes = (TIMESTAMP_SECONDS,)
        secret_key = _known(keys).get(access_key)
        if secret_key is None:
            if any(hmac.compare_digest(_bytes(access_key), _bytes(secret)) for secret in _known(keys).values()):
                mistakes += (KEYS_SWAPPED,)
            found.append(Finding(unknown, pointer_to(names[1]), detail={"problem": _hint(mistakes, "")}))
            return Verification(Report(tuple(found)), mistakes)
        path, mark, query = _bytes(target).partition(b"?")
        parts = (path, query if mark else None, _bytes(timestamp), _bytes(access_key), _bytes(secret_key))
        right = Signed(_bytes(method.upper()), *parts)
        if not hmac.compare_digest(base64.b64encode(right.digest()), _bytes(given)):
            why = explain(given, right, values.get("host", [""])[0])
            mistakes += why
            if "NC205" not in errors:
                found.append(Finding(mismatch, pointer_to(names[2]), detail={"problem": _hint(why, _UNEXPLAINED)}))
        return Verification(Report(tuple(found)), mistakes)

    return verify


_UNEXPLAINED = "no usual mistake explains it; another secret key was used, or something quite different was signed"


@cache
def _default_verifier() -> Verifier:
    return verifier()


def _hint(mistakes: tuple[Mistake, ...], otherwise: str) -> str:
    """What a message says behind its sentence."""
    words = ", and ".join(mistake.sentence for mistake in mistakes) or otherwise
    return f": {words}" if words else ""


def _known(keys: Keys) -> Mapping[str, str]:
    return {keys.access_key: keys.secret_key} if isinstance(keys, Credentials) else keys


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
