"""Shell commands that send a request of a check again, and the files of the bodies that do not fit into a command."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nclue_contract.check.requests import Exchange
from nclue_contract.check.results import CheckResult
from nclue_contract.contract.model import contract
from nclue_contract.validation.reports.base import TOOL_NAME

MAX_COMMAND, MAX_INLINE = 600, 420
"""Characters of a command without its comment, and of the body in it; a longer body is written to a file, or left out."""


@dataclass(frozen=True, slots=True)
class Reproducer:
    """Writes the commands: for a server (`origin`: scheme and host), with bodies that are in a folder, if there is one."""

    origin: str
    folder: Path | None = None

    def command(self, exchange: Exchange) -> str:
        """Return a command for a POSIX shell that signs the request anew and sends it. It contains no secret and no signature.

        The command signs correctly; a deliberate defect of the original signature is named in a comment behind it.
        """
        request, url = exchange.request, self.origin + exchange.target
        signed_url = self.origin + (exchange.signed_target or exchange.target)
        arguments = ["curl", "-gi", "-X", request.method, url, "--path-as-is", "-H", "@-"]
        types = [value for name, value in request.headers.items() if name == "content-type"] or [contract().rules["NC302"].media_type]
        line = f"{shlex.join([TOOL_NAME, 'sign', request.method, signed_url])} | {shlex.join(arguments)}"
        defects = signing_defects(exchange)
        notes = [f"sent with {defects}"] if defects else []
        if request.body or request.method == "POST":
            content_type = f"content-type: {types[0]}" if types[0] is not None else "content-type:"
            line += f" -H {shlex.quote(content_type)}"
            inline = f" --data-raw {_shell_word(request.body)}"
            path = self.file_of(exchange)
            if path is not None:
                line += f" --data-binary {shlex.quote(f'@{path}')}"
            elif b"\0" in request.body or len(inline) > MAX_INLINE or len(line) + len(inline) > MAX_COMMAND:
                line += " --data-binary @BODY"
                why = "contains NUL" if b"\0" in request.body else "is long"
                notes.insert(0, f"BODY: {len(request.body):,} bytes, left out because it {why}; --reproduce-dir DIR writes it to a file")
            else:
                line += inline
        return line + (f"  # {'; '.join(notes)}" if notes else "")

    def file_of(self, exchange: Exchange) -> Path | None:
        """Return the file with the body of a request; None without a folder, and for a short body that a terminal can show."""
        body = exchange.request.body
        if self.folder is None or (len(_shell_word(body)) <= MAX_INLINE and _text(body) is not None):
            return None
        return self.folder / f"body-{hashlib.sha256(body).hexdigest()[:16]}"

    def files(self, result: CheckResult) -> Iterator[tuple[Path, bytes]]:
        """Yield the files that the commands about the failures and advisories of a result refer to, with their contents."""
        exchanges = (failure.exchange for failure in (*result.failures, *result.advisories) if failure.exchange is not None)
        found = {path: exchange.request.body for exchange in exchanges if (path := self.file_of(exchange)) is not None}
        yield from found.items()


def reproducer(result: CheckResult, folder: Path | None = None) -> Reproducer:
    """Return what writes the commands for a result, for a placeholder of the host where the server is embedded."""
    found = re.match("https?://[^/]+", result.target)
    return Reproducer(found.group() if found else "http://127.0.0.1:8000", folder)


def _text(body: bytes) -> str | None:
    """Return a body as text; None where it is none, or where a terminal would change it."""
    with suppress(UnicodeDecodeError):
        if (text := body.decode()).isprintable():
            return text
    return None


def _shell_word(body: bytes) -> str:
    """Return a body as a word of a shell; in octal where it is no text, or where a terminal would change it."""
    if (text := _text(body)) is not None:
        return shlex.quote(text)
    return "$'" + "".join(chr(b) if 0x20 <= b < 0x7F and b not in b"'\\" else f"\\{b:03o}" for b in body) + "'"


def signing_defects(exchange: Exchange) -> str:
    """Return the deliberate defects of a request's signature in words; empty without any."""
    request = exchange.request
    signed = set(contract().headers)
    found = [f"{name}: ***" if value is not None else f"no {name}" for name, value in request.headers.items() if name in signed]
    found += [f"a signature for {request.signed_as[0]} {request.signed_as[1]}"] if request.signed_as else []
    found += [f"a timestamp {request.skew_ms / 1000:+,.0f} s"] if request.skew_ms else []
    found += [f"{request.repeated} twice"] if request.repeated else []
    found += ["another key pair"] if request.credentials else []
    found += ["header names in capitals"] if request.capitals else []
    found += ["a malformed timestamp"] if request.timestamp("1732589296000") != "1732589296000" else []
    found += ["a malformed signature"] if request.signature("A" * 43 + "=") != "A" * 43 + "=" else []
    return ", ".join(found)
