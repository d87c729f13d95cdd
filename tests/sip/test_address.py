"""Addresses in From, To and Contact."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.address import NameAddr
from sip.errors import ParseError
from sip.tolerance import LENIENT, STRICT
from sip.uri import Uri

DEVICE = "sip:34020000001180000001@3402000000"


def test_an_address_in_brackets_with_a_tag() -> None:
    address = NameAddr.parse(f"<{DEVICE}>;tag=d1a7")
    assert (str(address.uri), address.display, address.tag) == (DEVICE, "", "d1a7")
    assert str(address) == f"<{DEVICE}>;tag=d1a7"


def test_an_address_without_brackets_gives_its_parameters_to_the_header() -> None:
    address = NameAddr.parse(f"{DEVICE} ; tag = d1a7")
    assert (dict(address.uri.params), address.tag) == ({}, "d1a7")
    assert NameAddr.parse(DEVICE).tag is None


def test_parameters_inside_and_outside_the_brackets_are_kept_apart() -> None:
    address = NameAddr.parse("<sip:a@b:5060;transport=tcp>;expires=3600")
    assert (dict(address.uri.params), dict(address.params)) == ({"transport": "tcp"}, {"expires": "3600"})


@pytest.mark.parametrize(
    ("text", "display"),
    [
        ('"Bell, \\"A\\"" <sip:a@b>', 'Bell, "A"'),
        ("caller<sip:a@b>", "caller"),
        ("two words <sip:a@b>", "two words"),
        ("东门枪机 <sip:a@b>", "东门枪机"),
        ("\udcb6\udcab <sip:a@b>", "\udcb6\udcab"),
        (" <sip:a@b>", ""),
        ('"" <sip:a@b>', ""),
    ],
)
def test_display_names_are_read_quoted_or_not(text: str, display: str) -> None:
    address = NameAddr.parse(text)
    assert address.display == display
    assert NameAddr.parse(str(address)) == address


def test_strict_reading_wants_quotes_round_chinese_names() -> None:
    with pytest.raises(ParseError, match="needs quotes"):
        NameAddr.parse("东门枪机 <sip:a@b>", where="From", tolerance=STRICT)
    assert NameAddr.parse('"东门枪机" <sip:a@b>', tolerance=STRICT).display == "东门枪机"


def test_an_underscore_in_the_host_can_be_forbidden() -> None:
    assert NameAddr.parse("<sip:a@NVR_01>").uri.host == "NVR_01"
    with pytest.raises(ParseError, match="underscore"):
        NameAddr.parse("sip:a@NVR_01", tolerance=replace(LENIENT, host_underscore=False))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('"open <sip:a@b>', "unterminated quoted string"),
        ('"name" sip:a@b', "display name without an address"),
        ('"name" text <sip:a@b>', "text between"),
        ("Bell, Alexander <sip:a@b>", "needs quotes"),
        ("< sip:a@b >", "malformed URI"),
        ("<>", "malformed URI"),
        ("sip:a@b?Route=x", "without <>"),
        ("sip:a@b,sip:c@d", "without <>"),
        ("<sip:a@b>;;", "malformed parameter"),
        ("", "malformed URI"),
    ],
)
def test_malformed_addresses_are_refused_with_the_header_named(text: str, what: str) -> None:
    with pytest.raises(ParseError, match=what) as caught:
        NameAddr.parse(text, where="To")
    assert caught.value.where == "To"


def test_a_tag_is_set_replaced_and_taken_away() -> None:
    address = NameAddr.parse("<sip:a@b>;x=1")
    tagged = address.with_tag("t1")
    assert str(tagged) == "<sip:a@b>;x=1;tag=t1"
    assert str(tagged.with_tag("t2")) == "<sip:a@b>;x=1;tag=t2"
    assert tagged.with_tag(None) == address


def test_the_star_means_all_bindings() -> None:
    star = NameAddr.parse(" * ")
    assert star.is_star
    assert star == NameAddr.STAR
    assert str(star) == "*"
    assert not NameAddr(Uri.parse("sip:a@b")).is_star


def test_a_list_of_contacts_is_read_in_order() -> None:
    contacts = NameAddr.parse_many('"a,b" <sip:a@b>, sip:c@d;expires=5', where="Contact")
    assert [contact.uri.user for contact in contacts] == ["a", "c"]


@given(st.text(alphabet='<>",;=*\\ab:sip@ \t东', max_size=40))
def test_any_text_is_refused_or_written_back_to_an_equal_address(text: str) -> None:
    try:
        address = NameAddr.parse(text)
    except ParseError:
        return
    assert NameAddr.parse(str(address)) == address
