"""Tests of the validating proxy."""
