"""The FilePath schema rejects the same characters in every schema engine.

The expectation is typed by hand from the page: if it were computed from the contract's own files, a slip there would stay unseen.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import jsonschema
import jsonschema_rs
import pytest

from tests.support.tools import ROOT, node

OPENAPI = ROOT / "nclue_contract" / "contract" / "openapi.json"
PRINTABLE = """&$@=;:+,?*\\{}^%`[]<>~#|"'"""
CONTROL = range(32)
HIGH = range(128, 256)
REFUSED = sorted({*map(ord, PRINTABLE), *CONTROL, *HIGH})

EVERYTHING = range(sys.maxunicode + 1)
SURROGATES = range(0xD800, 0xE000)
SCALARS = [*range(SURROGATES.start), *range(SURROGATES.stop, sys.maxunicode + 1)]
BLOCK = 256
WRAPPERS = {"alone": "{}", "embedded": "a{}b"}

wrapped = pytest.mark.parametrize("wrapper", WRAPPERS.values(), ids=WRAPPERS)


@pytest.fixture(scope="module")
def schema():
    return json.loads(OPENAPI.read_text(encoding="utf-8"))["components"]["schemas"]["FilePath"]


def rejected_by(accepts: Callable[[str], bool], codes: Iterable[int], wrapper: str) -> list[int]:
    before, after = wrapper.split("{}")
    return [code for code in codes if not accepts(before + chr(code) + after)]


def test_the_expectation_has_the_25_characters_of_the_page_and_no_other_printable_one():
    assert len(set(PRINTABLE)) == len(PRINTABLE) == 25
    assert len(REFUSED) == 25 + 32 + 128


@wrapped
def test_jsonschema_rejects_exactly_the_characters_of_the_page(schema, wrapper):
    # It needs 8 microseconds a string. The class is not anchored, so a string is only accepted when each of its characters is:
    # whole blocks are validated first, and only the characters of rejected blocks one by one.
    accepts = jsonschema.Draft202012Validator(schema).is_valid
    blocks = [EVERYTHING[start : start + BLOCK] for start in range(0, len(EVERYTHING), BLOCK)]
    suspects = [block for block in blocks if not accepts(wrapper.format("".join(map(chr, block))))]
    assert suspects == blocks[:1], "only the first 256 code points hold refused characters"
    # The neighbours are validated one by one as well, and so is one character of each block: alone it could have another result.
    codes = sorted({*range(16 * BLOCK), *SURROGATES, *(block[-1] for block in blocks)})
    assert rejected_by(accepts, codes, wrapper) == REFUSED


@wrapped
def test_jsonschema_rs_rejects_exactly_the_characters_of_the_page(schema, wrapper):
    # Lone surrogates are left out: the Rust engine accepts strings as UTF-8, which cannot contain them.
    accepts = jsonschema_rs.Draft202012Validator(schema).is_valid
    assert rejected_by(accepts, SCALARS, wrapper) == REFUSED


def test_jsonschema_rs_does_not_accept_a_lone_surrogate(schema):
    # When this starts to fail, the test above can validate every code point.
    with pytest.raises(UnicodeEncodeError):
        jsonschema_rs.Draft202012Validator(schema).is_valid(chr(SURROGATES.start))


def test_ajv_rejects_exactly_the_characters_of_the_page_with_and_without_the_unicode_flag():
    script = Path(__file__).parent.parent / "engines" / "path_characters.mjs"
    run = subprocess.run([node(), script, OPENAPI], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {
        "with u flag": {"alone": REFUSED, "embedded": REFUSED},
        "without u flag": {"alone": REFUSED, "embedded": REFUSED},
    }
