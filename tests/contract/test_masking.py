"""Secrets are found in every spelling, and nothing else is."""

import base64
import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nclue_contract.contract.masking import Masker, header_secrets
from tests.support.spellings import AROUND, SPELLINGS

ACCESS_KEY = "CANARYACCESSKEY00001"
SECRET_KEY = "CANARYsecret/KEY+000000000000000000000001"
SIGNATURE = "cSilA3+iXudyHCy8RVF4308EGdStb/9B3nlcigZ+HiM="
TOKEN = "Bearer CANARY/token+99~x"
SECRETS = {"access key": ACCESS_KEY, "secret key": SECRET_KEY, "signature": SIGNATURE, "token": TOKEN}
VALUE = {
    "task_id": "f5aebc0c-0000-4000-8000-b201bc64b1c9",
    "task_name": "nclue-check 3fa2c1 1",
    "created_at": "2024-11-26T11:48:16+09:00",
    "train_file_path": "churn/answers%2F=3D&amp;\\u0041.csv",
    "message": "INVALID_ACCESS_KEY: the signature of the access key differs",
    "data": base64.b64encode(b"legible text that is no secret").decode(),
    "bytes": list(b"legible text that is no secret"),
}


@pytest.fixture
def masker():
    return Masker([ACCESS_KEY, SECRET_KEY, SIGNATURE, *header_secrets(TOKEN)])


def assert_replaced(masked, name):
    """Assert that something is masked, and nothing of the text around it."""
    assert "***" in masked, name
    assert masked.startswith("[<"), name
    assert masked.endswith(">]"), name


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_secret_is_replaced_in_every_spelling(masker, spell):
    for name, secret in SECRETS.items():
        masked = masker.text(f"[<{spell(secret)}>]")
        assert_replaced(masked, name)
        # What may be left is what the spelling has put around it: a path, the padding of Base64, half a byte in hexadecimal.
        left = masked.replace("***", "").replace("x" * 60, "").replace("/api/v1/", "")
        assert sum(character.isalnum() for character in left) <= 2, name


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_json_with_secrets_remains_json(masker, spell):
    text = json.dumps({"a": spell(SIGNATURE), "b": spell(SIGNATURE).split('", "'), "c": 1})
    masked = json.loads(masker.text(text))
    assert masked.keys() == {"a", "b", "c"}
    assert "***" in masked["a"]
    assert "***" in masked["b"][0]
    assert masked["c"] == 1


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('[["CANARYAC"], "CESSKEY00001"]', '[["***"], "***"]'),
        (r"{\"a\": [\"CANARYAC\", \"CESSKEY00001\"]}", r"{\"a\": [\"***\"]}"),
        ("x-a: CANARYACCESSKEY00001CANARYACCESSKEY00001 1", "x-a: *** 1"),
        (SIGNATURE + "\n" + SIGNATURE[:-1], "***\n***"),
    ],
)
def test_what_is_around_a_secret_stays(masker, text, masked):
    assert masker.text(text) == masked


def test_the_bytes_of_a_signature_in_hexadecimal_are_the_signature(masker):
    assert masker.text(base64.b64decode(SIGNATURE).hex()) == "***"


@pytest.mark.parametrize("secret", ["비밀비밀비밀", "clé-d'accès-01", "pass\U0001f511word1"])
def test_a_secret_may_hold_any_characters(secret):
    masker, quoted = Masker([secret]), json.dumps(secret)
    assert masker.text(f"<{secret}>") == "<***>"
    assert json.loads(masker.text(quoted)) == "***"
    assert masker.text("".join(f"%{byte:02X}" for byte in secret.encode())) == "***"


def test_a_secret_in_latin_1_is_found_in_bytes():
    assert Masker(["clé-d'accès-01"]).data("a=clé-d'accès-01".encode("latin-1")) == b"a=***"


def test_what_is_no_secret_stays_the_same_object(masker):
    for data in (json.dumps(VALUE).encode(), json.dumps(VALUE, indent=1).encode(), b"", b"\xff\x00\\"):
        assert masker.data(data) is data
    text = json.dumps(VALUE)
    assert masker.text(text) is text


def test_a_masker_without_secrets_changes_nothing():
    assert Masker().text(SIGNATURE) == SIGNATURE


def test_secrets_can_be_added(masker):
    other = base64.b64encode(bytes(range(100, 132))).decode()
    assert masker.text(other) == other
    masker.add(other)
    assert masker.text(other) == "***"
    assert masker.text(SIGNATURE) == "***"


# -- short secrets ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("secret", "text", "masked"),
    [
        ("abc", "abc a/abc/b", "abc a/abc/b"),
        ("", "abc", "abc"),
        ("s3cret", "s3cret, 's3cret', S3CRET, s3crets, my_s3cret", "***, '***', ***, s3crets, my_s3cret"),
        ("s3cret", "s3c\\u0072et=s3cr%65t", "***=***"),
        ("p@$$-w0rd", "p%40%24%24-w0rd; xp@$$-w0rdx", "***; x***x"),
        ("a b c d", "a+b+c+d a b c d", "*** ***"),
        ("2026", "2026-11-26T00:00:00+09:00", "2026-11-26T00:00:00+09:00"),
        ("20261126", "2026-11-26 20261126 120261126", "2026-11-26 *** 120261126"),
        ("1234567890123456", "no. 1234-5678-9012-3456", "no. ***"),
        ("????", "a????b", "a????b"),
    ],
)
def test_a_short_secret_is_found_where_it_stands_alone_or_not_at_all(secret, text, masked):
    assert Masker([secret]).text(text) == masked


def test_a_part_of_a_word_is_no_secret():
    assert Masker(["productionkey"]).text("production of productionkeys") == "production of ***s"


# -- what everybody may see ---------------------------------------------------------------------------------------------------------------


def test_what_is_public_is_not_masked():
    masker = Masker(["application/json", "my-bucket-1", "prod", SIGNATURE], public="the type is application/json, Prod")
    text = "application/json my-bucket-1 prod"
    assert masker.text(text) == "application/json *** prod"
    assert masker.text(text, "bucket: my-bucket-1") == text
    assert masker.text(text + SIGNATURE, "my-bucket-1") == f"{text}***"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Bearer CANARYtoken", ["CANARYtoken", "bearer canarytoken"]),
        ("session=CANARYcookie; lang=ko", ["CANARYcookie"]),
        ('Digest username="me", response="CANARYdigest"', ["CANARYdigest"]),
        ("Basic " + base64.b64encode(b"me:hunter2").decode(), ["hunter2", "me:hunter2", base64.b64encode(b"me:hunter2").decode()]),
    ],
)
def test_words_of_a_header_are_secrets_too(value, shown):
    masker = Masker(header_secrets(value))
    for text in shown:
        assert masker.text(f"<{text}>") == "<***>"
    assert masker.text("Bearer session lang=ko Digest username Basic me") == "Bearer session lang=ko Digest username Basic me"


# -- any text -----------------------------------------------------------------------------------------------------------------------------


@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from([b"\\u0041", b"%41", b"&#65;", b"=41", b"=\n", b"\\", b'"', b"CANARY"])).map(b"".join)
)
def test_bytes_without_a_secret_are_not_changed(data):
    assert Masker([SIGNATURE, ACCESS_KEY]).data(data) == data


@given(st.text(max_size=30), st.sampled_from([one for name, one in SPELLINGS.items() if name != "UTF-16"]), st.text(max_size=30))
def test_no_text_around_a_secret_makes_masking_raise_or_breaks_a_character(before, spell, behind):
    masked = Masker([SIGNATURE]).text(before + spell(SIGNATURE) + behind)
    assert SIGNATURE not in masked
    masked.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_spellings_one_inside_the_other_are_undone(masker, spell):
    for name, around in AROUND.items():
        masked = masker.text(f"[<{around(spell(SIGNATURE))}>]")
        assert_replaced(masked, name)


def test_a_check_has_many_signatures_and_each_is_found():
    signatures = [base64.b64encode(uuid.UUID(int=number).bytes * 2).decode() for number in range(10**36, 10**36 + 600 * 10**9, 10**9)]
    masker = Masker(signatures)
    assert all(masker.text(f"a{one}") == "a***" for one in signatures)
