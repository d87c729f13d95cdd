"""SIP URIs, with the forms GB/T 28181 prescribes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import ParseError
from sip.uri import Uri


@pytest.mark.parametrize(
    ("text", "user", "host", "port"),
    [
        ("sip:34020000002000000001@3402000000", "34020000002000000001", "3402000000", None),
        ("sip:34020000001180000001@198.51.100.20:5060", "34020000001180000001", "198.51.100.20", 5060),
        ("sip:3402000000", None, "3402000000", None),
        ("sips:a@[2001:db8::1]:5061", "a", "[2001:db8::1]", 5061),
        ("sip:a@NVR_01", "a", "NVR_01", None),
        ("sip:user:password@example.com", "user:password", "example.com", None),
        ("sip:user;par=u%40example.net@example.com", "user;par=u%40example.net", "example.com", None),
    ],
)
def test_a_uri_is_cut_into_its_parts_and_written_back(text: str, user: str | None, host: str, port: int | None) -> None:
    uri = Uri.parse(text)
    assert (uri.user, uri.host, uri.port) == (user, host, port)
    assert uri.is_sip
    assert str(uri) == text


def test_parameters_and_headers_are_kept() -> None:
    uri = Uri.parse("SIP:a@example.com;transport=tcp;lr?Route=%3Csip:b@c%3E&x=y")
    assert (uri.scheme, dict(uri.params), uri.headers) == (
        "sip",
        {"transport": "tcp", "lr": None},
        "Route=%3Csip:b@c%3E&x=y",
    )
    assert str(uri) == "sip:a@example.com;transport=tcp;lr?Route=%3Csip:b@c%3E&x=y"


def test_other_schemes_are_kept_whole() -> None:
    for text in ("tel:+86-10-12345678;phone-context=x", "soap.beep://192.0.2.103:3002", "nobodyKnows:opaque"):
        uri = Uri.parse(text)
        assert not uri.is_sip
        assert str(uri) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "34020000002000000001",
        "sip:",
        "sip:@",
        "sip:a@",
        "sip:a@b:70000",
        "sip:a@b:123456",
        "sip:a@b;;lr",
        "sip:a b@c",
        "sip:a@b; lr",
        "sip:a@b\r\nX",
        "<sip:a@b>",
        "sip:a@b@c",
        "sip:东@门",
    ],
)
def test_what_is_no_uri_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        Uri.parse(text)


def test_the_user_is_decoded_on_request_only() -> None:
    assert Uri.parse("sip:%E4%B8%9C@example.com").decoded_user == "东"
    assert Uri.parse("sip:%B6@example.com").decoded_user == "\udcb6"
    assert Uri.parse("sip:%Zz@example.com").decoded_user == "%Zz"
    assert Uri.parse("sip:example.com").decoded_user == ""


def test_equal_uris_hash_alike() -> None:
    assert hash(Uri.parse("sip:a@b;x=1")) == hash(Uri("sip", "a", "b", None, {"x": "1"}))
    assert Uri.parse("sip:a@b;x=1") == Uri("sip", "a", "b", None, {"x": "1"})


def test_a_uri_longer_than_what_is_remembered_is_read_the_same() -> None:
    user = "x" * 1000
    assert Uri.parse(f"sip:{user}@b").user == user


@given(st.text(max_size=60) | st.text(alphabet="sip:@;?=&%[].0a_- <>", max_size=60).map(lambda rest: "sip:" + rest))
def test_any_text_is_refused_or_written_back_to_an_equal_uri(text: str) -> None:
    try:
        uri = Uri.parse(text)
    except ParseError:
        return
    assert Uri.parse(str(uri)) == uri
