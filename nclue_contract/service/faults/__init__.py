"""Faults: named bugs that can be injected into the reference service."""
