"""Injected faults: each shows in its witness, and the clean service does not have it."""

import copy
import itertools
import re
from functools import partial
from pathlib import Path
from types import FunctionType

import pytest

from nclue_contract.contract.readings import Readings
from nclue_contract.service.faults import authentication, deletion, echo, injection, lists, paths, payload, responses, tasks, tidying
from nclue_contract.service.faults.catalogue import CATALOGUE, find_fault, inject_fault
from nclue_contract.service.service import Service
from tests.service.faults.exchange import PAYLOAD, START_MS, TEST, delete, get, post, send, status, witness_service
from tests.service.faults.witnesses import WITNESSES, witness_of

KNOWN = Path(__file__).parent.parent.parent / "data" / "faults.txt"
INSTANCES = {instance: find_fault(instance) for fault in CATALOGUE for instance in fault.instances()}
PARTS = (authentication, deletion, echo, injection, lists, paths, payload, responses, tasks, tidying)
OF_READINGS = {"NC003", "NC005", "NC103", "NC104", "NC105", "NC106", "NC121", "NC130", "NC131", "NC206", "NC310", "NC409"}
"""Rules whose violation is allowed under some reading, or that only warn: a server cannot break them."""
OF_CALLERS = {"NC008", "NC204", "NC207", "NC300"}
"""Rules about what a caller passes, which a server cannot break, or (NC204) about the key as such."""


def witness_for(instance):
    fault, argument = INSTANCES[instance]
    return witness_of(fault.id, argument)


def faulty_service(*instances):
    service = witness_service()
    for instance in instances:
        inject_fault(service, instance)
    return service


@pytest.mark.parametrize("fault", CATALOGUE, ids=lambda fault: fault.id)
def test_a_witness_distinguishes_faulty_services_from_clean_ones(fault):
    """Both values are typed by hand, so a fault without effect, or a service that has it anyway, is detected.

    Faults keep no state outside the service: of two that exist at the same time, and of one made later, each shows the fault, and a clean
    service stays clean beside them.
    """
    for instance in fault.instances():
        shown = witness_for(instance)
        assert shown.clean != shown.faulty, instance
        clean, first, second = witness_service(), faulty_service(instance), faulty_service(instance)
        assert [shown.observe(service) for service in (first, second, faulty_service(instance))] == [shown.faulty] * 3, instance
        assert shown.observe(clean) == shown.clean, instance


def test_every_fault_has_a_witness_and_every_witness_a_fault():
    assert list(WITNESSES) == [fault.id for fault in CATALOGUE]


def test_a_fault_concerns_one_service_only():
    shown = witness_for("path-character-allowed:U+007E")
    clean, faulty = witness_service(), faulty_service("path-character-allowed:U+007E")
    assert (shown.observe(clean), shown.observe(faulty)) == (422, 200)


def bodies_of(instance, marker, start_ms):
    """Return the responses of a service with a fault to requests in which every value contains a marker; the task IDs contain it too."""
    numbers = itertools.count(1)
    service = witness_service(new_id=lambda: f"{marker}-{next(numbers)}")
    inject_fault(service, instance)
    changes = [dict.fromkeys(PAYLOAD | TEST, f"{marker}-{number}") for number in (1, 2)]
    required = dict.fromkeys(PAYLOAD, f"{marker}-3")
    steps = (*(post(**change) for change in changes), post(**required), post(**required), *[get()] * 3, get("?limit=5"), delete(), delete())
    return [response.body for response in send(service, steps, start_ms)]


def containers_in(function, seen):
    """Return the lists, sets and dictionaries in the closure of a function, and in the closures of the functions there."""
    if isinstance(function, partial):
        function = function.func
    if id(function) in seen or not isinstance(function, FunctionType):
        return
    seen.add(id(function))
    for cell in function.__closure__ or ():
        if isinstance(cell.cell_contents, list | set | dict):
            yield cell.cell_contents
        yield from containers_in(cell.cell_contents, seen)


def test_a_service_shows_nothing_of_an_earlier_one_with_the_same_fault_and_changes_nothing_that_others_share():
    """State of a module, or of an injection, is shared by all services, even when its keys are those of one of them."""
    shared = [
        value for part in PARTS for name, value in vars(part).items() if name != "__builtins__" and isinstance(value, list | set | dict)
    ]
    seen = set()
    shared += [container for fault in CATALOGUE for container in containers_in(fault.inject, seen)]
    before = copy.deepcopy(shared)
    for instance in INSTANCES:
        bodies_of(instance, "first", START_MS)
        bodies = bodies_of(instance, "second", START_MS + 2 * 86_400_000)
        assert [body for body in bodies if re.search(b"first|0000-0000|2025-11-2[45]", body)] == [], instance
    assert shared == before


@pytest.mark.parametrize(
    ("instance", "steps"),
    {
        "duplicates-after-deletion": (post(), delete(), post()),
        "refused-name-kept": (post(train_file_path="a~b"), post()),
    }.items(),
)
def test_a_reset_makes_the_service_forget_what_a_fault_remembers_but_not_the_fault(instance, steps):
    service, shown = faulty_service(instance), status(200, 409, *steps)
    for _ in range(2):
        assert shown.observe(service) == 409
        service.reset()
        assert status(200, 200, post()).observe(service) == 200
        service.reset()


def test_two_faults_can_be_injected_together():
    assert witness_for("name-empty-allowed").observe(faulty_service("name-empty-allowed", "status-201")) == 201


def test_faults_work_without_signatures_and_under_other_readings():
    """An injection needs nothing but a service."""
    readings = Readings.choose(("test", {"error-shape": "flat", "queue": "serial", "list-index": "page"}))
    for instance in INSTANCES:
        inject_fault(Service(None, readings=copy.copy(readings)), instance)


def test_every_rule_that_a_server_can_break_has_a_fault():
    from nclue_contract.contract.model import contract  # noqa: PLC0415  # the list of rules is under test

    assert {fault.rule for fault in CATALOGUE} >= set(contract().rules) - OF_READINGS - OF_CALLERS
    assert {fault.rule for fault in CATALOGUE} <= set(contract().rules)


def test_the_catalogue_never_shrinks():
    """People script against the ids; `tests/data/faults.txt` lists every one that has ever existed."""
    known = KNOWN.read_text(encoding="utf-8").split()
    assert set(known) <= set(INSTANCES)
    assert set(INSTANCES) <= set(known), "add the new faults to tests/data/faults.txt"


def test_every_fault_is_described_in_one_sentence():
    for fault in CATALOGUE:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", fault.id)
        assert fault.sentence.endswith(".")
    assert len({fault.sentence for fault in CATALOGUE}) == len(CATALOGUE)


def test_all_25_printable_characters_of_the_page_have_a_fault():
    expected = {f"path-character-allowed:U+{ord(character):04X}" for character in "&$@=;:+,?*\\{}^%`[]<>~#|\"'"}
    assert expected <= set(INSTANCES)


@pytest.mark.parametrize(
    ("text", "problem"),
    {
        "pth-character-allowed": "did you mean path-character-allowed",
        "": "unknown fault",
        "status-201:7": "takes no argument",
        "name-limit:long": "does not take the argument",
        "field-missing:": None,
    }.items(),
)
def test_an_invalid_id_or_argument_is_reported_with_a_suggestion(text, problem):
    if problem is None:
        inject_fault(witness_service(), text)
        return
    with pytest.raises(ValueError, match=re.escape(problem)):
        inject_fault(witness_service(), text)
