"""A second implementation of the tasks API, written from the pages alone, and its tests."""
