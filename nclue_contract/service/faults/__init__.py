"""Faults: bugs of real servers that can be injected into the service."""
