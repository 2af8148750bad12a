"""What all readers of recordings have in common."""

from __future__ import annotations


class SourceError(ValueError):
    """A recording cannot be read any further; the message says where and why, and quotes nothing of it."""
