"""The address of the documentation site, which the project may have or not: tests choose it, and so do not depend on pyproject.toml."""

from contextlib import contextmanager

from nclue_contract.contract.model import contract


@contextmanager
def documented_at(url):
    """Let the contract say that the documentation site has this address, or none (empty)."""
    before = contract().documentation
    object.__setattr__(contract(), "documentation", url)
    try:
        yield
    finally:
        object.__setattr__(contract(), "documentation", before)
