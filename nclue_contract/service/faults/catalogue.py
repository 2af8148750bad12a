"""The catalogue of faults: bugs that real servers have, to be injected into the service by their IDs.

Faults serve as test servers for the contract check, and as difficult servers for the tests of a client. A fault concerns one `Service`
instance. Some have an argument (`path-character-allowed:U+007E`).
"""

from __future__ import annotations

from nclue_contract.contract.wording import nearest
from nclue_contract.service.faults import authentication, deletion, echo, lists, paths, payload, responses, tasks, tidying
from nclue_contract.service.faults.injection import Fault
from nclue_contract.service.service import Service

CATALOGUE: tuple[Fault, ...] = (
    *paths.FAULTS,
    *payload.FAULTS,
    *authentication.FAULTS,
    *responses.FAULTS,
    *echo.FAULTS,
    *tidying.FAULTS,
    *tasks.FAULTS,
    *deletion.FAULTS,
    *lists.FAULTS,
)
"""All faults, in the order of the rules they break."""

_BY_ID = {fault.id: fault for fault in CATALOGUE}


def find_fault(text: str) -> tuple[Fault, str]:
    """Return the fault and the argument of `ID` or `ID:ARGUMENT`, by default its first one. Raises `ValueError` for an unknown ID."""
    name, _, argument = text.partition(":")
    if name not in _BY_ID:
        near = nearest(name, _BY_ID)
        message = f"unknown fault {name!r:.80}" + (f"; did you mean {near}?" if near else "; `nclue-contract faults` lists them")
        raise ValueError(message)
    fault = _BY_ID[name]
    if argument and fault.arguments == ("",):
        message = f"the fault {name} takes no argument"
        raise ValueError(message)
    return fault, argument or fault.arguments[0]


def inject_fault(service: Service, text: str) -> None:
    """Inject a fault, `ID` or `ID:ARGUMENT`, into a service, besides others. Raises `ValueError` for an unknown ID or argument."""
    fault, argument = find_fault(text)
    try:
        fault.inject(service, argument)
    except (ValueError, KeyError) as error:
        message = f"the fault {fault.id} does not take the argument {argument!r:.80}; for example {fault.instances()[0]}"
        raise ValueError(message) from error
