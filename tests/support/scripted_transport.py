"""A run of the contract check without a network: the reference service with a simulated clock, and a script that replaces responses."""

import json
from typing import NamedTuple

from nclue_contract.check.cases.plan import plan
from nclue_contract.check.expectations import FixtureData
from nclue_contract.check.requests import Exchange, RequestSpec
from nclue_contract.check.runner import Runner
from nclue_contract.check.sender import Limits
from nclue_contract.check.session import CheckSession
from nclue_contract.check.transport_memory import MemoryTransport
from nclue_contract.contract.readings import Readings
from nclue_contract.service.faults.catalogue import inject_fault
from nclue_contract.service.lifecycle import ProgressMode
from nclue_contract.service.service import Service
from nclue_contract.service.store import ExternalData
from nclue_contract.signing import EXAMPLE

FAILING = "churn/fails.tsv"


class Turn(NamedTuple):
    """A request, its number in the run, and its place among those that are sent at the same moment (0: the first one)."""

    number: int
    request: RequestSpec
    place: int = 0


class Scripted:
    """A transport. `script(turn)` returns the response to a request, or None for that of the service; numbers begin at 1.

    A response is a status, or a text: why there is none. In a tuple with True, the request is carried out all the same.
    """

    exact_clock = False

    def __init__(self, script=lambda _: None, *, readings=None, progress="seconds:0.5", faults=()):
        fixture_data = ExternalData(failing_files={FAILING: "NUM_OF_LABEL_INSUFFICIENT"})
        keys = {EXAMPLE.access_key: EXAMPLE.secret_key}
        service = Service(keys, readings=readings, progress=ProgressMode.parse(progress), fixture_data=fixture_data)
        for fault in faults:
            inject_fault(service, fault)
        self._direct = MemoryTransport(service.handle, service.prefix)
        self.prefix, self.now_ms = self._direct.prefix, self._direct.now_ms
        self.script, self.sent, self.slept, self.at_ms, self.overlaps = script, [], [], [], []

    def sleep(self, seconds):
        if seconds:
            self.slept.append(seconds)
            self._direct.sleep(seconds)

    def send(self, *requests):
        return [self._one(request) for request in requests]

    def overlap(self, requests, received, timeout_s=None):  # noqa: ARG002
        self.overlaps.append(requests)
        for place, request in enumerate(requests):
            received[place] = self._one(request, place)

    def _one(self, request, place=0):
        self.sent.append(request)
        self.at_ms.append(self.now_ms())
        scripted = self.script(Turn(len(self.sent), request, place))
        scripted, carried = scripted if isinstance(scripted, tuple) else (scripted, False)
        if scripted is None or carried:
            exchange = self._direct.send(request)[0]
        if scripted is None:
            return exchange
        status, error = (0, scripted) if isinstance(scripted, str) else (scripted, "")
        body = json.dumps({"error": {"errorCode": "900", "message": "x"}}).encode()
        headers = (("content-type", "application/json"),)
        return Exchange(request, self.prefix + request.path, self.now_ms(), self.now_ms(), status, headers, b"" if error else body, error)

    @property
    def posts(self):
        """Requests that may create a task, whatever the method."""
        return [request for request in self.sent if request.method not in {"GET", "DELETE"}]


def run(script=lambda _: None, only=("NC12",), *, limits=None, observer=None, word="abc", transport=None, pins=None, cases=None, **server):
    """Return the result of a run, and the transport with the requests. `word` is the word of the run, `pins` are readings.

    `cases` replace those of the rules `only`.
    """
    transport = transport or Scripted(script, **server)
    known = FixtureData(failing_file=FAILING)
    session = CheckSession(Readings.of(pins), known, run=word, prefix=transport.prefix, now_ms=transport.now_ms)
    runner = Runner(session, cases or plan(only=only), transport, limits or Limits(clean_up=False), observer)
    return runner.run("http://127.0.0.1:8000/api/v1", "loopback"), transport
