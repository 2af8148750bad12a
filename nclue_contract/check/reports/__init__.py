"""Formats of check reports: text, JSON, JSON Lines, JUnit, GitHub annotations and HTML."""
