"""The pages of the Python API: the public names of each module. mkdocstrings fills in signatures and docstrings."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType

from tools.documentation.markdown import escaped, page

MODULES = {
    "nclue_contract": "Validate payloads, headers and responses",
    "nclue_contract.clients": "Sign and validate the requests of a client",
    "nclue_contract.signing": "Signature v2, in steps",
    "nclue_contract.mock": "A mock for tests, in the same process",
    "nclue_contract.guard": "Keep tests away from the real service",
    "nclue_contract.strategies": "Hypothesis strategies",
    "nclue_contract.pytest_plugin": "Fixtures for pytest",
    "nclue_contract.schemathesis_hooks": "Hooks for Schemathesis",
}
"""The public modules, and what each is for."""

_FIXTURES = "nclue_contract.pytest_plugin"


def pages() -> dict[str, str]:
    """Return a page for each module by its path, and their list."""
    links = "\n".join(f"- [`{name}`]({path_of(name).rpartition('/')[2]}): {escaped(title)}" for name, title in MODULES.items())
    found = {"reference/python/index.md": page("# Python API", _INTRO, links)}
    return found | {path_of(name): _page(name, title) for name, title in MODULES.items()}


def path_of(module: str) -> str:
    """Return the path of the page about a module."""
    return f"reference/python/{module.replace('.', '_')}.md"


_INTRO = """\
These modules are public: their names stay, or a release note says what to use instead. Everything else in the package is internal and may
move. The core needs only the standard library; a module that needs an extra says so when it is imported."""


def _page(name: str, title: str) -> str:
    module = importlib.import_module(name)
    directives = [f"::: {name}.{member}" for member in public_names(module)]
    whole = f"::: {name}\n    options:\n      members: []\n      show_root_heading: false\n      show_root_toc_entry: false"
    if name == _FIXTURES:  # its docstring has a line for pytest
        whole = "[Test your client](../../client.md) shows how to use them."
    return page(f"# {name}", f"*{escaped(title)}.*", whole, *directives)


def public_names(module: ModuleType) -> list[str]:
    """Return the public names of a module: those of `__all__`, the fixtures of the plugin, or else what it defines, in its order."""
    if module.__name__ == _FIXTURES:
        return [name for name in vars(module) if name.startswith("nclue_")]
    if hasattr(module, "__all__"):
        return [name for name in module.__all__ if not name.startswith("__")]
    defined = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__ == module.__name__
    ]
    return sorted(defined, key=lambda name: inspect.getsourcelines(getattr(module, name))[1])
