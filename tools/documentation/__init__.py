"""Build the documentation site: hand-written pages of `docs/`, and pages generated from the contract, the command and the docstrings."""
