"""A second server with a client and a simulated clock."""

from tests.second_server.client import Client, Clock
from tests.second_server.server import SecondServer

FILES = frozenset({"data/train.tsv", "data/test.tsv"})  # what exists, where a witness needs a file that does not


def connect(faults=(), variant=None, **options):
    clock = Clock()
    return Client(SecondServer(faults, variant, now_ms=clock, **options).handle, clock)
