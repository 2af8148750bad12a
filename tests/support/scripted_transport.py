"""A run of the contract check without a network: the reference service behind a clock that is made up, and a script that may interfere."""

import json
from typing import NamedTuple

from nclue_contract.check.cases.plan import plan
from nclue_contract.check.expectations import Known
from nclue_contract.check.requests import Ask, Exchange
from nclue_contract.check.runner import Runner
from nclue_contract.check.sender import Limits
from nclue_contract.check.session import Bench
from nclue_contract.check.transport_memory import MemoryTransport
from nclue_contract.contract.readings import Readings
from nclue_contract.service.faults.catalogue import plant
from nclue_contract.service.lifecycle import Progress
from nclue_contract.service.service import Service
from nclue_contract.service.store import World
from nclue_contract.signing import EXAMPLE

FAILING = "churn/fails.tsv"


class Turn(NamedTuple):
    number: int
    ask: Ask


class Scripted:
    """A transport. `script(turn)` gives what comes back instead of the answer to a request, or None; numbers begin at 1.

    What comes back is a status, or a text: why there is no answer. In a tuple with True, the request was carried out all the same.
    """

    exact_clock = False

    def __init__(self, script=lambda _: None, *, readings=None, progress="seconds:0.5", faults=()):
        world = World(failing_files={FAILING: "NUM_OF_LABEL_INSUFFICIENT"})
        keys = {EXAMPLE.access_key: EXAMPLE.secret_key}
        service = Service(keys, readings=readings, progress=Progress.parse(progress), world=world)
        for fault in faults:
            plant(service, fault)
        self._direct = MemoryTransport(service.handle, service.prefix)
        self.prefix, self.now_ms = self._direct.prefix, self._direct.now_ms
        self.script, self.sent, self.slept, self.at_ms = script, [], [], []

    def sleep(self, seconds):
        if seconds:
            self.slept.append(seconds)
            self._direct.sleep(seconds)

    def send(self, *asks):
        return [self._one(ask) for ask in asks]

    def _one(self, ask):
        self.sent.append(ask)
        self.at_ms.append(self.now_ms())
        said = self.script(Turn(len(self.sent), ask))
        said, carried = said if isinstance(said, tuple) else (said, False)
        if said is None or carried:
            exchange = self._direct.send(ask)[0]
        if said is None:
            return exchange
        status, error = (0, said) if isinstance(said, str) else (said, "")
        body = json.dumps({"error": {"errorCode": "900", "message": "x"}}).encode()
        headers = (("content-type", "application/json"),)
        return Exchange(ask, self.prefix + ask.path, self.now_ms(), self.now_ms(), status, headers, b"" if error else body, error)

    @property
    def posts(self):
        """What may make a task, whatever the method."""
        return [ask for ask in self.sent if ask.method not in {"GET", "DELETE"}]


def run(script=lambda _: None, only=("NC12",), *, limits=None, observer=None, word="abc", transport=None, pins=None, **server):
    """A run, and the transport with what was sent. `word` is the word of the run, `pins` are readings."""
    transport = transport or Scripted(script, **server)
    known = Known(failing_file=FAILING)
    bench = Bench(Readings.of(pins), known, run=word, prefix=transport.prefix, now_ms=transport.now_ms)
    runner = Runner(bench, plan(only=only), transport, limits or Limits(clean_up=False), observer)
    return runner.run("http://127.0.0.1:8000/api/v1", "loopback"), transport
