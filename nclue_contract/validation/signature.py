"""Verification of the signature of a request, with the usual mistake that explains an invalid one.

Meant for tests, stubs and gateways under development. Nothing in the result is a secret or a correct signature, but the explanation takes
time and helps an attacker: a gateway in production rejects without a reason.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NoReturn

from nclue_contract.contract.readings import Policy, Readings
from nclue_contract.contract.rules import Severity
from nclue_contract.contract.wording import pointer_to, type_name
from nclue_contract.signing import Credentials
from nclue_contract.validation.findings import Finding, Report
from nclue_contract.validation.headers import HeaderCheck, clock_ms, read_headers, why_unreadable
from nclue_contract.validation.plain import is_text, plain_bytes, plain_text
from nclue_contract.validation.signature_mistakes import (
    KEYS_SWAPPED,
    TIMESTAMP_SECONDS,
    Mistake,
    SignedParts,
    find_header_mistakes,
    find_mistakes,
    time_zone,
)

Keys = Mapping[str, str] | Credentials

API_KEY = "x-ncp-apigw-api-key"
"""The header of version 1 of the signature whose value is signed there."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The result: the report, and the mistakes that explain an invalid signature, if any do."""

    report: Report
    mistakes: tuple[Mistake, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the request is signed correctly."""
        return self.report.ok

    @property
    def reason(self) -> str | None:
        """The slug of the first broken rule, such as `signature-mismatch`; None if the signature is correct."""
        return None if self.ok else self.report.errors[0].slug

    @property
    def sentence(self) -> str:
        """The reason in words, with the mistakes. It contains no value of a header."""
        if self.ok:
            return "the signature is right"
        first = self.report.errors[0]
        return "; ".join([first.message, *(mistake.sentence for mistake in self.mistakes if mistake.word not in first.causes)])

    def to_dict(self) -> dict[str, object]:
        """Return the reason and the mistakes as JSON values. They contain no value of a header."""
        mistakes = [{"id": mistake.word, "sentence": mistake.sentence} for mistake in self.mistakes]
        return {"reason": self.reason, "sentence": self.sentence, "mistakes": mistakes}

    def __bool__(self) -> NoReturn:
        raise TypeError("a Verification is neither true nor false; use verification.ok")


class Verifier:
    """Verifies requests under one set of readings. Raises `ValueError` for an unknown reading or option."""

    def __init__(self, readings: Mapping[str, str] | None = None) -> None:
        policy = Policy(Readings.of(readings))
        self._headers = HeaderCheck(policy)
        self._names = policy.contract.headers
        self._unreadable, self._unknown_key, self._mismatch = (policy.documented(code) for code in ("NC207", "NC209", "NC208"))
        self._limit_ms = policy.rule("NC203").limit * 1000

    def __call__(
        self, method: str, target: str | bytes, headers: object, keys: Keys, now_ms: int, body: bytes | None = None
    ) -> Verification:
        """Verify a request; see `verify`."""
        try:
            values = read_headers(headers)
        except Exception as error:  # noqa: BLE001  # an object of a client library may do anything
            return self._cannot_verify(why_unreadable(headers, error))
        try:
            return self._verify(method, target, values, keys, now_ms, body)
        except Exception as error:  # noqa: BLE001  # as above; its message may hold a secret
            return self._cannot_verify(f"the request cannot be read: {type_name(error)}")

    def _cannot_verify(self, problem: str) -> Verification:
        return Verification(Report((Finding(self._unreadable, "", detail={"problem": problem}),)))

    def _verify(
        self, method: str, target: str | bytes, values: dict[str, list[str]], keys: Keys, now_ms: int, body: bytes | None
    ) -> Verification:
        found = self._headers.check_signed(values, now_ms)
        errors = {finding.rule for finding in found if finding.severity is Severity.ERROR}
        secret_keys = _secret_keys(keys)
        mistakes = find_header_mistakes(values, secret_keys)
        if "NC203" in errors and (clock := clock_ms(now_ms)) is not None:
            mistakes = (*self._clock_mistakes(int(values[self._names[0]][0]), clock), *mistakes)
        if errors - {"NC203", "NC205"}:  # without all three values there is nothing to verify
            return Verification(Report(tuple(found)), mistakes)
        timestamp, access_key, given = (values[name][0] for name in self._names)
        secret_key = secret_keys.get(access_key)
        if secret_key is None:
            swapped = any(hmac.compare_digest(_bytes(access_key), _bytes(secret)) for secret in secret_keys.values())
            mistakes += (KEYS_SWAPPED,) if swapped else ()
            causes = tuple(mistake for mistake in mistakes if not mistake.of_timestamp)
            found.append(Finding(self._unknown_key, pointer_to(self._names[1]), detail=_explained(causes, "")))
            return Verification(Report(tuple(found)), mistakes)
        path, mark, query = _bytes(target).partition(b"?")
        parts = (path, query if mark else None, _bytes(timestamp), _bytes(access_key), _bytes(secret_key))
        correct = SignedParts(_bytes(method.upper()), *parts)
        if not hmac.compare_digest(base64.b64encode(correct.digest()), _bytes(given)):
            api_key = values.get(API_KEY, [None])[0]
            causes = find_mistakes(given, correct, values.get("host", [""])[0], body, api_key)
            mistakes += causes
            if "NC205" not in errors:
                found.append(Finding(self._mismatch, pointer_to(self._names[2]), detail=_explained(causes, _UNEXPLAINED)))
        return Verification(Report(tuple(found)), mistakes)

    def any_of(
        self, method: str, targets: Sequence[str], headers: object, keys: Keys, now_ms: int, body: bytes | None = None
    ) -> Verification:
        """Verify a request whose target may have been written in several ways; return the first success, else the result of the first.

        A signature that is wrong for another reason than the target is wrong for each of them, so it is diagnosed once.
        """
        first = self(method, targets[0], headers, keys, now_ms, body)
        if first.reason != "signature-mismatch" or len(first.mistakes) != 1:
            return first
        others = (self(method, target, headers, keys, now_ms, body) for target in targets[1:])
        return next((verification for verification in others if verification.ok), first)

    def _clock_mistakes(self, timestamp: int, now_ms: int) -> tuple[Mistake, ...]:
        """Return the mistake that explains a timestamp which is too far from the clock; empty if none does."""
        if abs(timestamp * 1000 - now_ms) <= self._limit_ms + 1000:
            return (TIMESTAMP_SECONDS,)
        zone = time_zone(timestamp - now_ms)
        return () if zone is None else (zone,)


def verify(
    method: str,
    target: str | bytes,
    headers: object,
    keys: Keys,
    now_ms: int,
    readings: Mapping[str, str] | None = None,
    *,
    body: bytes | None = None,
) -> Verification:
    """Verify a request. Never raises, whatever the arguments are: what cannot be read is a finding (NC207).

    `target` is the path with its query as it was sent (a `str` is encoded in UTF-8), `headers` a mapping or pairs of text or bytes, `keys`
    the secret key per access key. `now_ms` is the clock in milliseconds since 1970-01-01 UTC; the reading `timestamp-edge` decides whether
    a difference of exactly 300 seconds is too much. `body` is not signed; a client that signs it is told so. Raises `ValueError` for an
    unknown reading or option.
    """
    return (Verifier(readings) if readings else _default_verifier())(method, target, headers, keys, now_ms, body)


_UNEXPLAINED = "no usual mistake explains it; another secret key was used, or something else was signed"


@cache
def _default_verifier() -> Verifier:
    return Verifier()


def _explained(mistakes: tuple[Mistake, ...], otherwise: str) -> dict[str, object]:
    """Return the detail of a finding: what follows the sentence of its message, and the words of the mistakes in it."""
    words = ", and ".join(mistake.sentence for mistake in mistakes) or otherwise
    return {"problem": f": {words}" if words else "", "causes": tuple(mistake.word for mistake in mistakes)}


def _secret_keys(keys: Keys) -> Mapping[str, str]:
    return {keys.access_key: keys.secret_key} if isinstance(keys, Credentials) else keys


def _bytes(text: object) -> bytes:
    return plain_text(text).encode("utf-8", "surrogatepass") if is_text(text) else plain_bytes(text)
