"""Witnesses of the faults in authentication."""

from tests.service.faults.exchange import ACCESS_KEY, SIGNATURE, TIMESTAMP, delete, get, post, status, witness

_UNSIGNED = {"headers": {SIGNATURE: None}}
_COLLECTION = "/api/v1/tasks"
_OTHER_SIGNATURE = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


def _accepted(*steps):
    return status(401, 200, *steps)


def _denied(*steps):
    return status(200, 401, *steps)


def _skewed(seconds):
    return post(step={"skew_ms": seconds * 1000})


def _window(argument):
    return status(200, 401, _skewed(-299)) if int(argument) < 300 else status(401, 200, _skewed(-301))


WITNESSES = {
    "auth-off": _accepted(post(step={"headers": {TIMESTAMP: None, ACCESS_KEY: None, SIGNATURE: None}})),
    "auth-if-present": _accepted(post(step=_UNSIGNED)),
    "auth-presence-only": _accepted(post(step={"headers": {SIGNATURE: "x", TIMESTAMP: "x"}})),
    "auth-form-only": _accepted(post(step={"headers": {SIGNATURE: _OTHER_SIGNATURE}})),
    "auth-writes-only": _accepted(get("", **_UNSIGNED)),
    "auth-reads-only": _accepted(post(step=_UNSIGNED)),
    "auth-deletes-open": _accepted(post(), delete(**_UNSIGNED)),
    "auth-method-unsigned": _accepted(get("", signed_as=("DELETE", _COLLECTION))),
    "auth-query-unsigned": _accepted(get("?limit=1", signed_as=("GET", _COLLECTION))),
    "auth-path-unsigned": _accepted(post(), get(signed_as=("GET", _COLLECTION))),
    "auth-prefix-unsigned": _accepted(get("", signed_as=("GET", "/tasks"))),
    "auth-repeated-first": _accepted(post(step={"repeated": SIGNATURE})),
    "auth-timestamp-fraction": _accepted(post(step={"timestamp_suffix": ".0"})),
    "auth-hexadecimal": _accepted(post(step={"hexadecimal": True})),
    "auth-key-unknown-taken": _accepted(post(step={"access": "EXAMPLEACCESSKEY0002"})),
    "auth-signs-no-query": _denied(get("?limit=1")),
    "auth-signs-sorted-query": _denied(get("?limit=1&index=0")),
    "auth-signs-decoded-query": _denied(get("?limit=%31")),
    "auth-signs-decoded": _denied(get("?limit=%31")),
    "auth-signs-encoded-query": _denied(get("?limit=%31")),
    "auth-signs-no-prefix": _denied(get("")),
    "auth-signs-seconds": _denied(get("")),
    "auth-signs-key-first": _denied(get("")),
    "auth-signs-time-first": _denied(get("")),
    "auth-signs-no-key": _denied(get("")),
    "auth-signs-line-end": _denied(get("")),
    "auth-signs-lower-case": _denied(get("")),
    "auth-signs-delete-as-get": _denied(post(), delete()),
    "auth-signs-collection": _denied(post(), get()),
    "auth-signs-url-safe": _denied(get("")),
    "auth-signs-hexadecimal": _denied(get("")),
    "auth-query-rejected": _denied(get("?limit=1")),
    "auth-header-case": status(200, 401, post(step={"capitals": True})),
    "auth-status-403": status(401, 403, post(step=_UNSIGNED)),
    "auth-status-400": status(401, 400, post(step=_UNSIGNED)),
    "auth-code": witness("code", "10100", "210", post(step=_UNSIGNED)),
    "skew-unchecked": _accepted(_skewed(-301)),
    "skew-past-unchecked": _accepted(_skewed(-3600)),
    "skew-future-unchecked": _accepted(_skewed(3600)),
    "skew-window": _window,
}
