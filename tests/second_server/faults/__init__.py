"""Faults of the second server, each a small change to its source text."""
