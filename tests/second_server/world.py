"""A second server with a client before it and a clock between them."""

from tests.second_server.client import Client, Clock
from tests.second_server.server import SecondServer

FILES = frozenset({"data/train.tsv", "data/test.tsv"})  # what exists, where a witness needs a file that does not


def world(faults=(), variant=None, **told):
    clock = Clock()
    return Client(SecondServer(faults, variant, now_ms=clock, **told).handle, clock)
