"""Which hosts are the real service, which are this machine, and how a base URL is parsed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nclue_contract.contract.hosts import Target, is_loopback, is_real, parse_host


@pytest.mark.parametrize(
    "host", ["nclue.apigw.ntruss.com", "NCLUE.apigw.NTRUSS.com", "nclue.apigw.ntruss.com.", "fin-ncloud.apigw.ntruss.com", "ntruss.com"]
)
def test_every_gateway_of_the_platform_is_the_real_service(host):
    assert is_real(host)
    assert not is_loopback(host)


@pytest.mark.parametrize("host", ["ntruss.com.example", "notntruss.com", "ntruss.org", "localhost", "127.0.0.1", "", "com"])
def test_a_host_that_only_looks_like_it_is_not_the_real_service(host):
    assert not is_real(host)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.9.8.7", "::1", "[::1]"])
def test_this_machine_is_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "10.0.0.1", "::", "fe80::1", "localhost.example", "127.0.0.1.example", "127.1", "example.com", "", "2130706433"]
)
def test_nothing_else_is_loopback(host):
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("localhost", "localhost"),
        ("LocalHost.:8000", "localhost"),
        ("my_service-1.example:", "my_service-1.example"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("[::1]", "::1"),
        ("[0:0:0:0:0:0:0:1]:8000", "::1"),
        ("[FE80::A]", "fe80::a"),
    ],
)
def test_the_host_of_an_authority_is_returned_in_one_spelling(authority, host):
    assert parse_host(authority) == host


@pytest.mark.parametrize(
    "authority",
    [
        "",
        ".",
        ":80",
        "user@localhost",
        "localhost:x",
        "localhost:80:80",
        "::1",
        "[::1",
        "[localhost]",
        "[abc]",
        "a b",
        "a/b",
        "a,b",
        "é",
        "a;b",
    ],
)
def test_what_is_not_an_authority_has_no_host(authority):
    assert parse_host(authority) is None


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", ""),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000", ""),
        ("http://127.0.0.1:8000/api/v1/", "http://127.0.0.1:8000", "/api/v1"),
        ("http://gateway.example:80/team/nclue", "http://gateway.example", "/team/nclue"),
        ("https://gateway.example:443/v2", "https://gateway.example", "/v2"),
        ("https://gateway.example:8443/v2", "https://gateway.example:8443", "/v2"),
        ("https://gateway.example/%ED%95%9C", "https://gateway.example", "/%ED%95%9C"),
        ("http://[::1]:9000/x", "http://[::1]:9000", "/x"),
        ("HTTP://Gateway.Example/X", "http://gateway.example", "/X"),
    ],
    ids=["no path", "a slash", "a slash behind", "port 80", "port 443", "another port", "encoded", "IPv6", "capitals"],
)
def test_a_base_url_is_the_part_before_tasks(url, origin, path):
    target = Target.parse(url)
    assert (target.origin, target.path, target.signed_path, target.url) == (origin, path, path, origin + path)
    assert Target.parse(target.url) == target


def test_the_port_follows_from_the_scheme():
    assert [Target.parse(f"{scheme}://gateway.example").port for scheme in ("http", "https")] == [80, 443]


@pytest.mark.parametrize(("given", "signed"), [("/inside", "/inside"), ("/inside/", "/inside"), ("/", ""), ("", ""), (None, "/team")])
def test_a_proxy_may_sign_another_path(given, signed):
    target = Target.parse("https://gateway.example/team", given)
    assert (target.path, target.signed_path) == ("/team", signed)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8000",
        "//h/x",
        "ftp://gateway.example",
        "http://",
        "http:///x",
        "http://[::1",
        "http://h:99999",
        "http://h:x",
        "http://h/a b",
        "http://h/\n",
        "http://h/\x1b[2J",
        "http://h/\x7f",
        "http://h:0/x",
        "http://h/é",
        "http://ｎｔｒｕｓｓ.com",
    ],
)
def test_an_invalid_url_is_rejected_with_an_example(url):
    with pytest.raises(
        ValueError, match=r"is not a valid URL; give the base URL \(without /tasks\), such as https://nclue\.apigw\.ntruss\.com/api/v1$"
    ):
        Target.parse(url)


@pytest.mark.parametrize("url", ["http://user@h/x", "http://user:word@h/x", "http://@h/x", "http://h/x?y=1", "http://h/x#y"])
def test_a_user_a_query_or_a_fragment_is_rejected_without_repeating_it(url):
    with pytest.raises(ValueError, match=r"^the base URL must not have a user, a query or a fragment$"):
        Target.parse(url)


@pytest.mark.parametrize("url", ["http://h/api/v1/tasks", "http://h/api/v1/tasks/", "http://h/tasks"])
def test_the_address_of_the_tasks_themselves_is_rejected(url):
    with pytest.raises(ValueError, match=r"^the base URL must not include /tasks$"):
        Target.parse(url)


def test_a_signed_prefix_without_a_slash_is_rejected():
    with pytest.raises(ValueError, match=r"^--signed-prefix must start with a slash"):
        Target.parse("http://h/x", "api/v1")


@given(st.text(max_size=30) | st.text(max_size=30).map("http://{}".format) | st.text(max_size=20).map("http://127.0.0.1/{}".format))
def test_any_text_is_a_target_or_a_sentence(text):
    """Nothing but `ValueError` comes of a URL that cannot be used, and what can be used is ASCII and goes back and forth."""
    try:
        target = Target.parse(text)
    except ValueError:
        return
    assert target.url.isascii()
    assert Target.parse(target.url) == target
