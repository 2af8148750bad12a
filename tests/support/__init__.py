"""Helpers of the tests: sample data typed by hand, servers, projects, and a second validation that is independent of the package."""
