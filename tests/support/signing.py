"""Signed headers written by hand from the page about the platform's signature; this module imports nothing of the package."""

import base64
import hashlib
import hmac
import time

ACCESS = "EXAMPLEACCESSKEY0001"
SECRET = "EXAMPLEsecretKEY0000000000000000000000001"
NOW = 1732589296000
"""A moment in milliseconds: 2024-11-26T11:48:16+09:00, as in the response example of the page "Create task"."""

TIMESTAMP = "x-ncp-apigw-timestamp"
KEY = "x-ncp-iam-access-key"
SIGNATURE = "x-ncp-apigw-signature-v2"


def signature(method, target, timestamp, access=ACCESS, secret=SECRET):
    """Return the signature of a request: HMAC-SHA256 over method, target, timestamp and access key, in Base64."""
    message = f"{method} {target}\n{timestamp}\n{access}".encode()
    return base64.b64encode(hmac.digest(secret.encode(), message, hashlib.sha256)).decode()


def signed(method, target, access=ACCESS, secret=SECRET, timestamp=None):
    """Return the three headers; `timestamp` is in milliseconds, by default now."""
    timestamp = str(time.time_ns() // 1_000_000 if timestamp is None else timestamp)
    return {TIMESTAMP: timestamp, KEY: access, SIGNATURE: signature(method, target, timestamp, access, secret)}
