"""Headers with a meaning: read on first use, remembered, re-read when their text changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sip.errors import ParseError
from sip.fields import MAX_CSEQ, method_name
from sip.headers import Headers
from sip.message import Request
from sip.tolerance import LENIENT, STRICT, Tolerance
from sip.uri import Uri


def request(*items: tuple[str, str], tolerance: Tolerance = LENIENT) -> Request:
    return Request("MESSAGE", Uri.parse("sip:a@b"), Headers(items), tolerance=tolerance)


def test_every_field_of_a_message_is_read() -> None:
    message = request(
        ("v", "SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b"),
        ("Via", "SIP/2.0/TCP c"),
        ("f", "<sip:a@b>;tag=1"),
        ("t", "sip:c@d"),
        ("i", "x@y"),
        ("CSeq", "0009  MESSAGE"),
        ("m", "<sip:a@192.0.2.1:5060>"),
        ("Expires", "3600"),
        ("c", "Application/MANSCDP+xml ;charset=gb2312"),
        ("Max-Forwards", "69"),
    )
    assert [via.host for via in message.vias] == ["a", "b", "c"]
    assert message.top_via.branch == "z9hG4bK1"
    assert (message.from_.tag, message.to.tag) == ("1", None)
    assert (message.call_id, message.cseq) == ("x@y", (9, "MESSAGE"))
    assert message.contact is not None
    assert message.contact.uri.port == 5060
    assert (message.expires, message.max_forwards) == (3600, 69)
    assert message.content_type == "application/manscdp+xml"


def test_what_is_absent_and_optional_has_its_default() -> None:
    message = request()
    assert (message.contact, message.contacts, message.expires) == (None, [], None)
    assert (message.content_type, message.max_forwards) == ("", 70)


@pytest.mark.parametrize("name", ["call_id", "cseq", "from_", "to", "vias", "top_via"])
def test_what_is_absent_and_required_is_a_parse_error(name: str) -> None:
    with pytest.raises(ParseError, match="missing"):
        getattr(request(), name)


def test_a_changed_header_is_read_again() -> None:
    message = request(("To", "<sip:a@b>"), ("Via", "SIP/2.0/UDP a"), ("Contact", "<sip:a@b>"))
    assert message.to is message.to
    assert message.vias is message.vias
    assert message.contacts is message.contacts
    message.headers.set("To", "<sip:a@b>;tag=2")
    message.headers.prepend("Via", "SIP/2.0/UDP z")
    message.headers.add("Contact", "<sip:c@d>")
    assert message.to.tag == "2"
    assert [via.host for via in message.vias] == ["z", "a"]
    assert len(message.contacts) == 2


@pytest.mark.parametrize("text", ["1", "MESSAGE", "x MESSAGE", "-1 MESSAGE", "1 ME/SS", f"{MAX_CSEQ + 1} MESSAGE", ""])
def test_a_broken_cseq_is_refused(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        _ = request(("CSeq", text)).cseq
    assert caught.value.where == "CSeq"


def test_methods_of_sip_are_known_in_any_letter_case_where_forgiven() -> None:
    assert request(("CSeq", "1 Message")).cseq == (1, "MESSAGE")
    assert request(("CSeq", "1 Message"), tolerance=STRICT).cseq == (1, "Message")
    assert method_name("Register", LENIENT) == "REGISTER"
    assert method_name("myMethod", LENIENT) == "myMethod"
    assert method_name("INVITE", STRICT) == "INVITE"


def test_expires_comes_from_the_header_then_from_the_contact() -> None:
    assert request(("Expires", "60"), ("Contact", "<sip:a@b>;expires=7")).expires == 60
    assert request(("Contact", "<sip:a@b>;expires=0")).expires == 0
    assert request(("Contact", "<sip:a@b>")).expires is None


def test_overlarge_expires_count_as_the_largest_and_malformed_ones_as_the_rfc_says() -> None:
    assert request(("Expires", "1" + "0" * 100)).expires == 2**32 - 1
    assert request(("Contact", "<sip:a@b>;expires=280297596632815")).expires == 2**32 - 1
    assert request(("Contact", "<sip:a@b>;expires=soon")).expires == 3600
    with pytest.raises(ParseError, match="Expires"):
        _ = request(("Expires", "soon")).expires


def test_max_forwards_is_a_byte() -> None:
    for text in ("256", "-1", "many"):
        with pytest.raises(ParseError, match="Max-Forwards"):
            _ = request(("Max-Forwards", text)).max_forwards


def test_hops_and_contacts_are_bounded() -> None:
    message = request(("Via", ", ".join(["SIP/2.0/UDP h"] * 257)), ("Contact", ", ".join(["<sip:a@b>"] * 257)))
    with pytest.raises(ParseError, match="more than 256 hops"):
        _ = message.vias
    with pytest.raises(ParseError, match="more than 256 addresses"):
        _ = message.contacts


def test_the_tolerance_of_the_message_reaches_its_addresses() -> None:
    strict = replace(LENIENT, raw_display_name=False)
    items = [(name, "东门 <sip:a@b>") for name in ("From", "To", "Contact")]
    for name in ("from_", "to", "contact"):
        assert getattr(request(*items), name).display == "东门"
        with pytest.raises(ParseError):
            getattr(request(*items, tolerance=strict), name)
