"""Planted faults: each shows in its witness, and the clean service does not have it."""

import copy
import re
from pathlib import Path

import pytest

from nclue_contract.contract.readings import Readings
from nclue_contract.service.faults.catalogue import Fault, catalogue, find, observe, plant, witness_service
from nclue_contract.service.service import Service

KNOWN = Path(__file__).parent.parent.parent / "data" / "faults.txt"
INSTANCES = {instance: find(instance) for fault in catalogue() for instance in fault.instances()}
OF_READINGS = {"NC003", "NC005", "NC103", "NC104", "NC105", "NC106", "NC121", "NC130", "NC131", "NC206", "NC310", "NC409"}
"""Rules whose other side is right under some reading, or that only warn: a server cannot be wrong there."""
OF_CALLERS = {"NC008", "NC204", "NC207", "NC300"}
"""Rules about what a caller passes; a server has no part in them, or (NC204) is wrong about the key as such."""


@pytest.mark.parametrize("instance", INSTANCES)
def test_a_witness_tells_the_faulty_service_from_the_clean_one(instance):
    """Both sides are typed by hand in the catalogue, so a fault that does nothing, or a service that has it anyway, is seen."""
    fault, argument = INSTANCES[instance]
    witness = fault.witness(argument)
    assert witness.clean != witness.faulty
    assert observe(witness_service(), witness) == witness.clean
    service = witness_service()
    plant(service, instance)
    assert observe(service, witness) == witness.faulty


def test_planting_changes_one_service_only():
    """A fault belongs to an instance: what runs beside it stays clean."""
    witness = find("path-character-allowed")[0].witness("U+007E")
    clean, faulty = witness_service(), witness_service()
    plant(faulty, "path-character-allowed:U+007E")
    assert (observe(clean, witness), observe(faulty, witness)) == (422, 200)


def test_two_faults_can_be_planted_together():
    service = witness_service()
    plant(service, "name-empty-allowed")
    plant(service, "status-201")
    assert observe(service, find("name-empty-allowed")[0].witness("")) == 201


def test_faults_work_without_signatures_and_under_other_readings():
    """Planting asks for nothing but a service."""
    readings = Readings.choose(("test", {"error-shape": "flat", "queue": "serial", "list-index": "page"}))
    for instance in INSTANCES:
        plant(Service(None, readings=copy.copy(readings)), instance)


def test_every_rule_that_a_server_can_break_has_a_fault():
    from nclue_contract.contract.model import contract  # noqa: PLC0415  # the list of rules is what is asked

    assert {fault.rule for fault in catalogue()} >= set(contract().rules) - OF_READINGS - OF_CALLERS
    assert {fault.rule for fault in catalogue()} <= set(contract().rules)


def test_the_catalogue_never_shrinks():
    """People script against the ids; `tests/data/faults.txt` remembers every one that there has been."""
    known = KNOWN.read_text(encoding="utf-8").split()
    assert set(known) <= set(INSTANCES)
    assert set(INSTANCES) <= set(known), "add the new faults to tests/data/faults.txt"


def test_every_fault_says_what_it_is_in_one_sentence():
    for fault in catalogue():
        assert isinstance(fault, Fault)
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", fault.id)
        assert fault.sentence.endswith(".")
    assert len({fault.sentence for fault in catalogue()}) == len(catalogue())


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
def test_a_wrong_spelling_is_answered_with_the_right_one(text, problem):
    if problem is None:
        plant(witness_service(), text)
        return
    with pytest.raises(ValueError, match=re.escape(problem)):
        plant(witness_service(), text)
