"""Each fault of the second implementation by its witness: an exchange in which the clean and the faulty server differ."""

import pytest

from tests.second_server.client import FAILS
from tests.second_server.connect import FILES, connect
from tests.second_server.faults.catalogue import CATALOGUE, by_first_word
from tests.second_server.patch import edited
from tests.second_server.server import FAULTS, NEEDS_FAILING_FILE, NEEDS_UNKNOWN_FILE


def options_for(name):
    """Return the options of a server with which a fault can show."""
    if name in NEEDS_FAILING_FILE:
        return {"failing_files": frozenset({FAILS})}
    return {"known_files": FILES} if name in NEEDS_UNKNOWN_FILE else {}


@pytest.mark.parametrize("names", by_first_word(CATALOGUE).values(), ids=by_first_word(CATALOGUE))
def test_a_bug_shows_in_its_witness(names):
    for name in names:
        fault, options = CATALOGUE[name], options_for(name)
        assert fault.clean != fault.faulty, name
        assert fault.witness(connect(**options)) == fault.clean, name
        assert fault.witness(connect([name], **options)) == fault.faulty, name


@pytest.mark.parametrize("name", sorted(NEEDS_FAILING_FILE | NEEDS_UNKNOWN_FILE))
def test_a_bug_that_needs_a_special_file_stays_hidden_without_one(name):
    witness = CATALOGUE[name].witness
    assert witness(connect([name])) == witness(connect())


def test_there_are_enough_bugs_each_with_its_own_id_sentence_and_change():
    assert len(FAULTS) >= 120
    assert len(set(FAULTS.values())) == len(FAULTS)
    assert all(text.endswith(".") for text in FAULTS.values())
    assert len({tuple(sorted(edited(fault.edits).items())) for fault in CATALOGUE.values()}) == len(FAULTS)


def test_a_bug_in_one_server_leaves_the_next_one_clean():
    assert connect(["auth-skips-list"]).tasks(without="v2").short == "200"
    assert connect().tasks(without="v2").short == "401 10100"


def test_faults_can_be_injected_together_and_into_a_variant():
    c = connect(["create-answers-201", "path-forgets-tilde"], {"path-characters": "page-2025"})
    assert [c.train("a~=b").short, c.create("b", train_file_path="a&b").short] == ["201", "422 10104"]


def test_an_unknown_bug_or_option_is_named():
    with pytest.raises(ValueError, match="no fault 'no-such-bug'"):
        connect(["no-such-bug"])
    with pytest.raises(ValueError, match="no option '98' of 'name-edge'"):
        connect(variant={"name-edge": "98"})
    with pytest.raises(ValueError, match="no option 'on' of 'no-such-reading'"):
        connect(variant={"no-such-reading": "on"})


def test_a_change_that_fits_nowhere_or_twice_is_reported():
    with pytest.raises(ValueError, match="at 0 places"):
        edited([("no such text", "")])
    with pytest.raises(ValueError, match=r"at \d+ places"):
        edited([("return", "")])
