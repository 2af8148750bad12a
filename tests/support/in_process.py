"""Servers as functions: a request and a time in milliseconds go in, a response comes out. No thread and no port."""

from nclue_contract.cli.measure import KNOWN
from nclue_contract.service.messages import Response
from tests.second_server import server as second_server

FAILING = KNOWN.failing_file
"""A file with which tasks fail."""


def second(faults=(), variant=None, *, known_files=False):
    """Return the second server as a function, with the clock of the check."""
    now = [0]
    files = frozenset({KNOWN.file, FAILING}) if known_files else None
    server = second_server.SecondServer(faults, variant, now_ms=lambda: now[0], failing_files=frozenset({FAILING}), known_files=files)

    def handle(request, now_ms):
        now[0] = now_ms
        status, headers, body = server.handle(request.method, request.target, list(request.headers), request.body)
        return Response(status, body, tuple(headers))

    return handle
