"""Which registration an Expires 0 takes away (RFC 3261 10.3 steps 6 and 7)."""

from __future__ import annotations

import pytest

from gateway.signalling.bindings import Binding
from gateway.signalling.unregister import Unregistration, contact_left, unregistration
from sip.aio import Peer
from tests.gateway.signalling.raw import CAMERA, NODE, parsed, request_bytes

OLD, NEW = Peer("UDP", "192.0.2.7", 5060), Peer("UDP", "192.0.2.8", 5060)
MINE, OTHER = f"<sip:{CAMERA}@192.0.2.8:5060>", f"<sip:{CAMERA}@192.0.2.7:5060>"


def held(contact: str = MINE) -> Binding:
    """The registration a moved camera has: from its new address, in place of one whose Call-ID was "old"."""
    return Binding(CAMERA, NEW, contact, 100.0, 3700.0, 100.0, call_id="new", cseq=5, replaced_call_id="old")


def says(source: Peer, contact: str, *, call_id: str, cseq: int = 9, binding: Binding | None = None) -> str:
    lines = ["Expires: 0", *([f"Contact: {contact}"] if contact else [])]
    request = parsed(request_bytes("REGISTER", NODE, lines=lines, call_id=call_id, cseq=cseq))
    return unregistration(request, source, binding or held()).value


@pytest.mark.parametrize("contact", [MINE, OTHER, "*", ""])
def test_from_the_place_that_is_registered_it_is_always_meant(contact: str) -> None:
    assert says(NEW, contact, call_id="new") == says(NEW, contact, call_id="third") == "removes"


@pytest.mark.parametrize("contact", [OTHER, "*", "", MINE])
def test_what_the_replaced_registration_still_says_is_not_about_the_new_one(contact: str) -> None:
    assert says(OLD, contact, call_id="old") == "leaves"


@pytest.mark.parametrize(("contact", "what"), [(OTHER, "leaves"), ("", "leaves"), (MINE, "removes"), ("*", "removes")])
def test_from_elsewhere_only_the_contact_that_is_named_goes_and_a_star_means_all(contact: str, what: str) -> None:
    assert says(OLD, contact, call_id="third") == what


@pytest.mark.parametrize("source", [OLD, NEW])
def test_within_one_call_id_the_order_of_cseq_counts(source: Peer) -> None:
    assert says(source, "*", call_id="new", cseq=4) == "out of order"
    assert says(source, MINE, call_id="new", cseq=4) == "out of order"
    # Firmware that writes the same number into every REGISTER.
    assert says(source, MINE, call_id="new", cseq=5) == "removes"


@pytest.mark.parametrize(
    ("contact", "what"),
    [
        (f"<sip:{CAMERA}@192.0.2.8>", "removes"),
        (f"<sip:{CAMERA}@192.0.2.8:5060;transport=udp>;expires=0", "removes"),
        (f"<sip:{CAMERA}@192.0.2.8:5061>", "leaves"),
        ("<sip:34020000001320000099@192.0.2.8:5060>", "leaves"),
        (f"{OTHER}, {MINE}", "removes"),
    ],
)
def test_contacts_are_the_same_when_user_host_and_port_are(contact: str, what: str) -> None:
    assert says(OLD, contact, call_id="third") == what


@pytest.mark.parametrize("stored", ["", "<nonsense"])
def test_a_registration_whose_contact_cannot_be_read_goes_by_its_address(stored: str) -> None:
    assert says(OLD, OTHER, call_id="third", binding=held(stored)) == "leaves"
    assert says(NEW, OTHER, call_id="third", binding=held(stored)) == "removes"
    assert contact_left(held(stored), 3600.0) == f"<sip:{CAMERA}@192.0.2.8:5060>;expires=100"


def test_another_connection_is_another_place() -> None:
    first, second = Peer("TCP", "192.0.2.8", 40000, connection=1), Peer("TCP", "192.0.2.8", 40001, connection=2)
    binding = Binding(CAMERA, second, MINE, 0.0, 60.0, 0.0, call_id="new", replaced_call_id="old")
    assert says(first, "*", call_id="old", binding=binding) == "leaves"
    assert says(second, "*", call_id="old", binding=binding) == "removes"


def test_where_nobody_is_registered_there_is_nothing_to_leave() -> None:
    request = parsed(request_bytes("REGISTER", NODE, lines=["Expires: 0"]))
    assert unregistration(request, OLD, None) is Unregistration.REMOVES


def test_what_is_left_is_told_with_its_time() -> None:
    assert contact_left(held(MINE + ";expires=3600"), 3600.5) == f"{MINE};expires=99"
    assert contact_left(held(), 9999.0).endswith(";expires=0")
