"""The requests this node originates, as they go out."""

from __future__ import annotations

from gateway.signalling.requests import MANSCDP, Party, contact_of, request_to
from sip import Uri
from sip.aio import Peer
from tests.gateway.signalling.raw import CAMERA, NODE, split

TO = Peer("UDP", "192.0.2.7", 5070)


def test_a_message_is_addressed_to_the_peer_where_it_is_and_names_both_domains() -> None:
    out = request_to(
        "MESSAGE", me=Party(NODE), target=Party(CAMERA, "example.org"), peer=TO, local=("192.0.2.1", 5060),
        body=b"<x/>", content_type=MANSCDP, headers=[("Subject", "s")],
    )  # fmt: skip
    wire = split(out.to_bytes())
    assert wire.start == f"MESSAGE sip:{CAMERA}@192.0.2.7:5070 SIP/2.0"
    assert wire.need("from").startswith(f"<sip:{NODE}@3402000000>;tag=")
    assert wire.need("to") == f"<sip:{CAMERA}@example.org>"
    assert wire.need("call-id").endswith("@192.0.2.1") and wire.need("cseq") == "1 MESSAGE"
    assert wire.need("content-type") == "Application/MANSCDP+xml" and wire.need("subject") == "s"
    assert wire.need("content-length") == "4" and wire.body == b"<x/>"


def test_a_register_names_ourselves_in_to_and_keeps_its_call_id_and_tag() -> None:
    me = Party(NODE)
    out = request_to(
        "REGISTER", me=me, target=Party("34010000002000000001"), to=me, peer=TO, local=("192.0.2.1", 5060), call_id="c",
        from_tag="f", cseq=7, uri=Uri("sip", "34010000002000000001", "3401000000"),
    )  # fmt: skip
    wire = split(out.to_bytes())
    assert wire.start == "REGISTER sip:34010000002000000001@3401000000 SIP/2.0"
    assert wire.need("to") == f"<sip:{NODE}@3402000000>" and wire.need("from") == f"<sip:{NODE}@3402000000>;tag=f"
    assert wire.need("call-id") == "c" and wire.need("cseq") == "7 REGISTER" and wire.get("content-type") is None
    assert contact_of(NODE, ("192.0.2.1", 5060)) == f"<sip:{NODE}@192.0.2.1:5060>"


def test_no_two_requests_have_the_same_call_id_or_tag() -> None:
    made = [request_to("MESSAGE", me=Party(NODE), target=Party(CAMERA), peer=TO, local=("::1", 1)) for _ in range(50)]
    assert len({one.call_id for one in made}) == 50 and len({one.from_.tag for one in made}) == 50
