"""Tests of validation.reports."""
