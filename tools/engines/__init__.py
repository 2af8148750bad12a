"""Compare JSON Schema engines of several languages on our schemas: `python -m tools.engines` prints a table, `make engines` runs it."""
