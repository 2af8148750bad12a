"""Imports and literals of a package, read from its source without importing it, and the imports that break a table of layers.

A module is named by its path in the package: `service.messages`; the package itself is `__init__`.
"""

import ast
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path


class Package:
    """The modules of a package; every import counts, inside functions and under TYPE_CHECKING too."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.paths = {_module(path.relative_to(folder)): path for path in sorted(folder.rglob("*.py"))}
        """The file of each module. A file is read when it is asked for."""
        self._trees: dict[str, ast.Module] = {}
        self._imports: dict[str, tuple[set[str], set[str]]] = {}

    def internal(self, module: str) -> set[str]:
        """Return the modules of the package that a module imports."""
        return self._imports_of(module)[0]

    def third_party(self, module: str) -> set[str]:
        """Return the packages that a module imports from neither the standard library nor this package."""
        return self._imports_of(module)[1]

    def _tree(self, module: str) -> ast.Module:
        if module not in self._trees:
            self._trees[module] = ast.parse(self.paths[module].read_text(encoding="utf-8"))
        return self._trees[module]

    def _imports_of(self, module: str) -> tuple[set[str], set[str]]:
        if module not in self._imports:
            targets = set(self._targets(module, self._tree(module), is_package=self.paths[module].stem == "__init__"))
            internal = {target for target, inside in targets if inside} - {module}
            self._imports[module] = internal, {target for target, inside in targets if not inside} - sys.stdlib_module_names
        return self._imports[module]

    def _targets(self, module: str, tree: ast.Module, *, is_package: bool) -> Iterator[tuple[str, bool]]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield self._resolve(alias.name)
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(module, node, is_package=is_package)
                for alias in node.names:
                    # A name that the package itself defines, such as its version, is not what another module defines.
                    if (base, alias.name) != (self.name, "__version__"):
                        yield self._resolve(f"{base}.{alias.name}")
            elif isinstance(node, ast.Call) and "import_module" in (getattr(node.func, "attr", ""), getattr(node.func, "id", "")):
                argument = node.args[0]
                if isinstance(argument, ast.Constant):
                    yield self._resolve(str(argument.value))

    def _absolute(self, module: str, node: ast.ImportFrom, *, is_package: bool) -> str:
        if not node.level:
            return node.module or ""
        parts = [self.name, *([] if module == "__init__" else module.split("."))]
        above = parts[: len(parts) - node.level + (is_package or module == "__init__")]
        return ".".join([*above, node.module] if node.module else above)

    def _resolve(self, name: str) -> tuple[str, bool]:
        """Return the module of the package that holds a dotted name, or the top-level package of another name."""
        first, _, rest = name.partition(".")
        if first != self.name:
            return first, False
        while rest and rest not in self.paths:
            rest = rest.rpartition(".")[0]
        return rest or "__init__", True

    def literals(self, module: str) -> Iterator[str]:
        """Yield the strings and numbers that are typed in a module, as text, without its docstrings."""
        tree = self._tree(module)
        docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node not in docstrings:
                yield str(node.value)


def _module(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts if len(parts) == 1 or parts[-1] != "__init__" else parts[:-1])


def within(module: str, places: Collection[str]) -> bool:
    """Return whether a module is one of these modules or lies in one of these packages."""
    return any(module == place or module.startswith(f"{place}.") for place in places)


def not_downward(package: Package, layers: Sequence[Collection[str]], restricted: Mapping[str, Mapping[str, Collection[str]]]) -> list[str]:
    """Return the imports that do not lead to a lower layer, as `module -> module`.

    `layers` lists the top-level modules and folders, lowest first; those of one layer may not import each other. `restricted` names, for
    an import of one folder by another, the only modules that may have it, and what they may import.
    """
    level = {name: number for number, names in enumerate(layers) for name in names}
    found = []
    for module in package.paths:
        for target in package.internal(module):
            here, there = module.partition(".")[0], target.partition(".")[0]
            allowed = restricted.get(f"{here} -> {there}")
            upward = here != there and level[there] >= level[here]
            if upward or (allowed is not None and not within(target, allowed.get(module, ()))):
                found.append(f"{module} -> {target}")
    return sorted(found)


def cycle(package: Package) -> list[str]:
    """Return the modules of a cycle of imports, the first one twice; empty if there is none."""
    try:
        TopologicalSorter({module: package.internal(module) for module in package.paths}).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def misplaced_third_party(package: Package, allowed: Mapping[str, Collection[str]]) -> list[str]:
    """Return the imports of third-party packages where `allowed` (module or folder -> packages) does not allow them."""
    return sorted(
        f"{module} -> {library}"
        for module in package.paths
        for library in package.third_party(module)
        if not any(library in allowed[place] for place in allowed if within(module, [place]))
    )
