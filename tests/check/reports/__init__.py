"""Tests of check.reports."""
