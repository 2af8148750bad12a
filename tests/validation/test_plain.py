"""Values without what their classes may override: what counts as text or bytes, and the sentence of an error."""

from unittest.mock import Mock

import pytest

from nclue_contract.validation.plain import is_binary, is_text, plain, plain_bytes, plain_text, reason


class Text(str):
    """A text whose methods say something else."""

    __slots__ = ()

    def __str__(self):
        return "other"


class Bytes(bytes):
    def __bytes__(self):
        return b"other"


class Error(Exception):
    """An error whose sentence is a text of a subclass, or which cannot say it."""

    def __str__(self):
        if self.args:
            return Text(*self.args)
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "text", "binary"),
    [
        ("a", True, False),
        (Text("a"), True, False),
        (b"a", False, True),
        (Bytes(b"a"), False, True),
        (bytearray(b"a"), False, True),
        (memoryview(b"a"), False, True),
        (None, False, False),
        (str, False, False),
    ],
)
def test_the_type_decides_what_is_text_and_what_is_bytes(value, text, binary):
    assert (is_text(value), is_binary(value)) == (text, binary)


def test_a_mock_of_a_text_is_no_text():
    text, data = Mock(spec=str), Mock(spec=bytes)
    assert isinstance(text, str)
    assert isinstance(data, bytes)
    assert (is_text(text), is_binary(data)) == (False, False)


def test_the_text_of_a_subclass_is_a_plain_text():
    for value in (plain_text(Text("a")), plain(Text("a"))):
        assert (value, type(value)) == ("a", str)
    other = ["a"]
    assert plain(other) is other


def test_the_bytes_of_a_value_are_plain_and_not_copied_without_need():
    for value in (Bytes(b"ab"), bytearray(b"ab"), memoryview(b"ab"), memoryview(b"axbx")[::2]):
        data = plain_bytes(value)
        assert (data, type(data)) == (b"ab", bytes)
    data = b"ab"
    assert plain_bytes(data) is data
    with pytest.raises(TypeError):
        plain_bytes("ab")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(ValueError("wrong"), "wrong"), (ValueError(), "ValueError"), (Error("why"), "why"), (Error(), "Error"), (Error(""), "Error")],
)
def test_an_error_is_named_by_its_sentence_or_its_type(error, sentence):
    said = reason(error)
    assert (said, type(said)) == (sentence, str)
