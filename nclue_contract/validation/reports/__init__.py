"""Formats of validation reports: text, JSON, JSON Lines, JUnit, SARIF and GitHub annotations."""
