"""Validation of method and URL of a request: whether they are an operation of the tasks API (page "Overview")."""

from __future__ import annotations

import difflib
from urllib.parse import urlsplit

from nclue_contract.contract.model import contract
from nclue_contract.contract.readings import Policy, Readings
from nclue_contract.contract.wording import excerpt
from nclue_contract.validation.findings import Finding

SIMILAR = 0.75
"""How similar to `tasks` a segment of a path is that was meant to be it (`difflib`, from 0 to 1): `task`, `Tasks`, `taks`."""

SHOWN = 80
"""Characters of a path that a message shows."""


def unknown_operation(method: str, path: str, prefix: str) -> Finding:
    """Return the finding of NC300 about a method and a path, without the query, that are no operation of an API with this base path.

    It suggests the path that was probably meant, if that has the method.
    """
    method = method.upper()
    methods = [operation.method for operation, _ in contract().operations_at(path.removeprefix(prefix)) if path.startswith(prefix)]
    known = " and ".join(dict.fromkeys(prefix + operation.path for operation in contract().operations.values()))
    reason = f"this path has {' and '.join(sorted(methods))}" if methods else f"its paths are {known}"
    problem = f"{excerpt(method, 20)} {excerpt(path, SHOWN)} is no operation of the tasks API; {reason}"
    return _finding(problem, path, None if methods else _meant(method, path, prefix))


def without_tls(target: str) -> Finding:
    """Return the finding of NC300 about a request that was sent without TLS; `target` is its path with the query."""
    server = urlsplit(contract().server)
    problem = f"the request was sent without TLS (http://); the API is at {contract().server}"
    return _finding(problem, target, f"{server.scheme}://{server.netloc}{target}")


def _finding(problem: str, text: str, suggestion: str | None) -> Finding:
    rule = Policy(Readings.of(None)).documented("NC300", suggest=lambda _: suggestion)
    return Finding(rule, "", text=text, detail={"problem": problem})


def _meant(method: str, path: str, prefix: str) -> str | None:
    """Return the path of the API that a path was probably meant to be; None without one that has the method."""
    name = contract().operations["createTask"].path.removeprefix("/")
    segments = [segment for segment in path.split("/") if segment]
    similar = [difflib.SequenceMatcher(None, name, segment.casefold()).ratio() >= SIMILAR for segment in segments[-2:]]
    if True not in similar:
        return None
    behind = segments[-2:][similar.index(True) + 1 :]  # the task ID, if there is one
    below = "/".join(("", name, *behind))
    return prefix + below if any(operation.method == method for operation, _ in contract().operations_at(below)) else None
