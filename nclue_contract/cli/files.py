"""Writing of output files: whole, or not at all."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def atomic_file(path: Path) -> Iterator[TextIO]:
    """Open a text file (UTF-8) that appears at `path` when the block ends, and not at all when it fails or is interrupted.

    A symbolic link stays, and its target is replaced. What is not a regular file, such as /dev/null or a pipe, is written to directly. Only
    a process that is killed (SIGKILL) leaves its temporary file behind; that is hidden, and nothing of ours ever reads one. Raises
    `OSError` with the path when it cannot be written.
    """
    if path.exists() and not path.is_file():
        with _opened(path, "w", path) as file:
            yield file
        return
    target = Path(os.path.realpath(path))
    temporary = _temporary(target)
    try:  # the name is known before the file exists, so that an interruption at any moment finds it
        with _opened(temporary, "x", path) as file:
            yield file
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
        _opened(temporary, "x", path).close()
    finally:
        _discard(temporary)


class _NamedFile(io.FileIO):
    """A file whose errors name the path that the user has given: those of writing have no name, those of a temporary file another one."""

    def __init__(self, file: Path, mode: str, path: Path) -> None:
        self._path = path
        with _errors_about(path):
            super().__init__(file, mode, opener=_private if mode == "x" else None)

    def write(self, data: object, /) -> int:
        with _errors_about(self._path):
            return super().write(data)  # type: ignore[arg-type]  # the type of buffers has no name in Python 3.11


def _opened(file: Path, mode: str, path: Path) -> TextIO:
    return io.TextIOWrapper(io.BufferedWriter(_NamedFile(file, mode, path)), encoding="utf-8", newline="\n")


def _private(name: str, flags: int) -> int:
    """Create a file that only this user can read; it gets the usual rights when it is complete."""
    return os.open(name, flags, 0o600)


@contextmanager
def _errors_about(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _temporary(target: Path) -> Path:
    """Return the name of a file beside the target that does not exist yet; it is short, since the name of the target may be the longest."""
    return target.parent / f".nclue-contract.{os.urandom(8).hex()}"


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
