"""Tests of the test cases and of their plan."""
