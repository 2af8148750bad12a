"""The command `nclue-contract sign`: the three signed headers of a request, or the curl command that sends it.

It is the only command whose output contains a signature. The secret key is in no output.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from urllib.parse import urlsplit

from nclue_contract.contract.model import contract
from nclue_contract.signing import Credentials, signed_headers


def sign(method: str, url: str, environ: Mapping[str, str], now_ms: int, timestamp: str | None = None) -> dict[str, str]:
    """Return the headers of a request that is sent now, or at `timestamp`, in ms since 1970-01-01 UTC. The keys are in the environment.

    Raises `ValueError` for missing variables, a URL or a timestamp that cannot be used; the message quotes none of them.
    """
    if timestamp is not None and not re.fullmatch(contract().rules["NC202"].pattern, timestamp):
        raise ValueError("the timestamp is not a decimal number of milliseconds since 1970-01-01 UTC")
    target = target_of(url)
    return signed_headers(method, target, Credentials.from_environment(environ), now_ms if timestamp is None else int(timestamp))


def target_of(url: str) -> str:
    """Return path and query of a URL exactly as a client sends them: an empty query keeps its question mark. Raises `ValueError`."""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("the URL contains a character that a request line cannot; percent-encode it (as UTF-8) before signing")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port)
    except ValueError:  # its message shows the URL
        usable = False
    if not usable:
        raise ValueError(f"this is not an absolute URL, such as {contract().server}/tasks")
    rest = url.partition("://")[2].partition("#")[0]
    target = re.sub("^[^/?]*", "", rest)
    return target if target.startswith("/") else f"/{target}"


def header_lines(headers: Mapping[str, str]) -> str:
    """Return a line `Name: value` for each header."""
    return "\n".join(f"{name}: {value}" for name, value in headers.items())


def curl_command(method: str, url: str, headers: Mapping[str, str]) -> str:
    """Return a command for a POSIX shell that sends the request as it was signed. A body can be added, such as `--data @task.json`."""
    method = method.upper()
    words = {"GET": ["curl"], "HEAD": ["curl", "--head"]}.get(method, ["curl", "--request", method])
    if re.search(r"[\[\]{}]", url):  # curl would expand them as a pattern
        words.append("--globoff")
    if re.search(r"/\.{1,2}(?:[/?#]|$)", url):  # curl would remove dot segments from the path
        words.append("--path-as-is")
    words.append(url)
    if method == contract().operations["createTask"].method:  # otherwise curl declares a body as a form
        headers = {**headers, "content-type": contract().request_media_type}
    for name, value in headers.items():
        words += ["--header", f"{name}: {value}"]
    return shlex.join(words)
