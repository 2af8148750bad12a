"""Writing of output files: whole, or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def atomic_file(path: Path) -> Iterator[TextIO]:
    """Open a text file (UTF-8) that appears at `path` when the block ends, and not at all when it fails or is interrupted.

    A symbolic link stays, and its target is replaced. What is not a regular file, such as /dev/null or a pipe, is written to directly. Only
    a process that is killed (SIGKILL) leaves its temporary file behind; that is hidden, and nothing of ours ever reads one.
    """
    if path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8", newline="\n") as file:
            yield file
            with _errors_about(path):
                file.flush()
        return
    target = Path(os.path.realpath(path))
    temporary = _temporary(target)
    try:  # the name is known before the file exists, so that an interruption at any moment finds it
        with _created(temporary, path) as file:
            yield file
            with _errors_about(path):
                file.flush()
        with _errors_about(path):
            temporary.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
            temporary.replace(target)
    except BaseException:
        _discard(temporary)
        raise


def require_writable(path: Path) -> None:
    """Raise `OSError` with the path if `atomic_file` could not write there; nothing is left behind."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return
    temporary = _temporary(Path(os.path.realpath(path)))
    try:
        _created(temporary, path).close()
    finally:
        _discard(temporary)


def _temporary(target: Path) -> Path:
    """Return the name of a file beside the target that does not exist yet; it is short, since the name of the target may be the longest."""
    return target.parent / f".nclue-contract.{secrets.token_hex(8)}"


def _created(temporary: Path, path: Path) -> TextIO:
    """Create a text file that only this user can read, to be renamed to `path`."""
    with _errors_about(path):
        return open(temporary, "x", encoding="utf-8", newline="\n", opener=_private)  # Path.open has no opener


@contextmanager
def _errors_about(path: Path) -> Iterator[None]:
    """Name the path that the user has given in an error about its temporary file."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _discard(temporary: Path) -> None:
    try:
        temporary.unlink(missing_ok=True)
    except KeyboardInterrupt:  # signals come in pairs, from a terminal and from the program that runs this one
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value
