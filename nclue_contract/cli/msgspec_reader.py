"""The reader of the extra `fast`: pieces of JSON Lines with msgspec. See `valid_blocks` for what it must prove, and what others prove."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from nclue_contract.cli.stdlib_reader import FOUR, SEVEN
from nclue_contract.validation.request import Columns

VERSION = f"msgspec {msgspec.__version__}"
"""The library and its version."""


class _Payload(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    name: str
    train_feature_id: str
    train_bucket: str
    train_file_path: str
    test_feature_id: str | UnsetType = UNSET
    test_bucket: str | UnsetType = UNSET
    test_file_path: str | UnsetType = UNSET


_decode_lines = msgspec.json.Decoder(_Payload).decode_lines


def read(piece: bytes) -> tuple[Columns, Sequence[bytes]] | None:
    """Read a piece; a `Reader`."""
    try:
        payloads = _decode_lines(piece)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    names, paths = [p.name for p in payloads], [p.train_file_path for p in payloads]
    buckets, ids = [p.train_bucket for p in payloads], [p.train_feature_id for p in payloads]
    # A payload with only some of the test fields shows in the quotation marks, or in the lengths of the columns.
    shapes = [FOUR if p.test_file_path is UNSET else SEVEN for p in payloads]
    paths += [p.test_file_path for p in payloads if p.test_file_path is not UNSET]
    buckets += [p.test_bucket for p in payloads if p.test_bucket is not UNSET]
    ids += [p.test_feature_id for p in payloads if p.test_feature_id is not UNSET]
    return (Columns(names, paths, buckets, ids), shapes) if len(paths) == len(buckets) == len(ids) else None
