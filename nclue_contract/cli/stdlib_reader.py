"""The reader of `valid_blocks` that is always there: pieces of JSON Lines with the standard library."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from nclue_contract.validation.request import Columns

FOUR, SEVEN = b"{" + b'"' * 16 + b"}", b"{" + b'"' * 28 + b"}"
"""What is kept of an object with four members, and with seven."""

Reader = Callable[[bytes], tuple[Columns, Sequence[bytes]] | None]
"""Reads a piece: its columns, and `FOUR` or `SEVEN` for each object; None when it has other objects, or is no JSON."""

_SHAPES = {4: FOUR, 7: SEVEN}
_REQUIRED = itemgetter("name", "train_file_path", "train_bucket", "train_feature_id")
_TEST = itemgetter("test_file_path", "test_bucket", "test_feature_id")
# undocumented: the C scanner without the Python function around it
_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


def read_with_json(piece: bytes) -> tuple[Columns, Sequence[bytes]] | None:
    """Read a piece with the standard library; a `Reader`."""
    try:
        text = "[" + str(piece.replace(b"\n", b","), "utf-8") + "]"
        payloads, end = _scan(text, 0)
        shapes = [_SHAPES[len(payload)] for payload in payloads]
        names, paths, buckets, ids = zip(*map(_REQUIRED, payloads), strict=True)
        if SEVEN in shapes:
            tested = zip(*(_TEST(payload) for payload in payloads if len(payload) == 7), strict=True)
            paths, buckets, ids = (values + more for values, more in zip((paths, buckets, ids), tested, strict=True))
        for values in (names, paths, buckets, ids):
            "".join(values)
    except (ValueError, TypeError, KeyError, StopIteration, RecursionError):
        return None
    return (Columns(names, paths, buckets, ids), shapes) if end == len(text) else None
