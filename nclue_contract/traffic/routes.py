"""Which exchanges of a recording belong to NCLUE, to which server, and to which operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from nclue_contract.contract.hosts import Target, is_loopback
from nclue_contract.contract.model import Operation, contract
from nclue_contract.traffic.exchanges import RecordedExchange

UNKNOWN = "(server not recorded)"
"""The name of the server of recordings that do not name it, such as a journal."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request went: the base URL of the server, the operation (None if the contract has none there) and the task ID.

    `signed_target` is the path with the query that the client should have signed.
    """

    server: str
    operation: Operation | None
    task_id: str
    signed_target: str


class Router:
    """Finds the route of an exchange; those of other servers have none.

    With `servers`, these are judged and no others. Otherwise it is the server that the pages name, and, for paths of the contract below any
    base path, every server on loopback, every server whose requests have a header of the signature, and one that is not recorded.
    """

    def __init__(self, servers: Sequence[Target] = ()) -> None:
        self._servers = servers
        self._documented = Target.parse(contract().server)

    def route(self, exchange: RecordedExchange) -> Route | None:
        """Return the route of an exchange; None for another server."""
        for server in self._servers or (self._documented,):
            if exchange.origin == server.origin and (exchange.path + "/").startswith(server.path + "/"):
                return self._below(exchange, server.url, server.path, server.signed_path)
        signed = any(name.lower() in contract().headers for name, _ in exchange.request_headers)
        if self._servers or not (signed or not exchange.origin or is_loopback(exchange.host)):
            return None
        head, found, _ = exchange.path.rpartition(contract().operations["createTask"].path)
        if not found or not contract().operations_at(exchange.path.removeprefix(head)):
            return None
        return self._below(exchange, (exchange.origin + head) if exchange.origin else UNKNOWN, head, head)

    @staticmethod
    def _below(exchange: RecordedExchange, url: str, prefix: str, signed_prefix: str) -> Route:
        known = contract().operations_at(exchange.path.removeprefix(prefix))
        operation, task_id = next((one for one in known if one[0].method == exchange.method.upper()), (None, ""))
        return Route(url, operation, unquote(task_id), signed_prefix + exchange.target.removeprefix(prefix))


def split_url(url: str) -> tuple[str, str]:
    """Return the origin of an absolute URL (without a default port) and its path with the query. Raises `ValueError`."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("the URL of the request is not absolute")
    port = "" if parts.port in {None, {"http": 80, "https": 443}[parts.scheme]} else f":{parts.port}"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    mark = url.partition("#")[0].find("?")
    return f"{parts.scheme}://{host}{port}", (parts.path or "/") + ("" if mark < 0 else url.partition("#")[0][mark:])
