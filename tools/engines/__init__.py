"""Do JSON Schema engines of all languages give the same results for our schemas? `python -m tools.engines` prints a table; `make engines` runs it."""
