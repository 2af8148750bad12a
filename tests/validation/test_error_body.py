"""One function reads the error code out of a response body, whatever shape and type the body has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nclue_contract.validation.error_body import error_code

BODIES = {
    "nested, as documented": ({"error": {"errorCode": "10104", "message": "m"}}, "10104"),
    "nested, an integer": ({"error": {"errorCode": 10104, "message": "m"}}, "10104"),
    "nested, named code": ({"error": {"code": "10104"}}, "10104"),
    "flat": ({"errorCode": "10104", "message": "m"}, "10104"),
    "flat, named code": ({"code": "10104", "message": "m"}, "10104"),
    "flat, named code, an integer": ({"code": 300}, "300"),
    "msg beside it": ({"code": "10104", "msg": "m", "data": None}, "10104"),
    "in responseError": ({"responseError": {"returnCode": "10104", "returnMessage": "m"}}, "10104"),
    "in status": ({"status": {"code": 10104, "message": "m"}}, "10104"),
    "as Spring prints it": ({"timestamp": "t", "status": 422, "error": "e", "message": "m", "code": "10104"}, "10104"),
    "both names": ({"error": {"code": "200", "errorCode": "10104"}}, "10104"),
    "nested and flat": ({"code": "200", "error": {"errorCode": "10104"}}, "10104"),
    "nested and flat, by the same name": ({"code": "200", "error": {"code": "10104"}}, "10104"),
    "beside an error without a code": ({"code": "10104", "error": {"message": "m"}}, "10104"),
    "beside an error that is text": ({"code": "10104", "error": "Unprocessable Entity"}, "10104"),
    "behind a null": ({"error": {"errorCode": None, "code": "10104"}}, "10104"),
    "null": ({"error": {"errorCode": None, "message": "m"}}, None),
    "a boolean": ({"error": {"errorCode": True}}, None),
    "a fraction": ({"error": {"errorCode": 10104.0}}, None),
    "an array": ({"error": {"errorCode": ["10104"]}}, None),
    "an empty string": ({"error": {"errorCode": ""}}, ""),
    "the largest integer": ({"code": 2**64 - 1}, "18446744073709551615"),
    "an integer beyond 64 bits": ({"code": 2**64}, None),
    "an integer of many digits": ({"code": 10**5000}, None),
    "80 characters": ({"code": "9" * 80}, "9" * 80),
    "81 characters": ({"code": "9" * 81}, "9" * 80),
    "no code": ({"message": "m"}, None),
    "an empty object": ({}, None),
    "a list": ([{"code": "10104"}], None),
    "a string": ("10104", None),
    "no body": (None, None),
}


@pytest.mark.parametrize(("body", "code"), BODIES.values(), ids=BODIES)
def test_the_error_code_of_a_body(body, code):
    assert error_code(body) == code


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "errorCode", "code", "responseError", "returnCode", "status", "x"]), inner)
    ),
    max_leaves=8,
)


@given(JSON)
def test_any_json_value_is_read_without_an_exception(body):
    code = error_code(body)
    assert code is None or (isinstance(code, str) and len(code) <= 80)
