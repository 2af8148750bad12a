"""Helpers of the tests: stub servers, projects, witnesses typed by hand."""
