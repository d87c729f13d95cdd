"""SOAP envelopes."""

from __future__ import annotations

import pytest

from interop.onvif.envelope import answer, answered_action, parse
from interop.onvif.faults import OnvifFault
from interop.onvif.tree import node
from tests.interop.onvif.conftest import Found, enveloped
from tests.stand.onvif_schemas import body_of

PULL = "http://www.onvif.org/ver10/events/wsdl/PullPointSubscription/PullMessages"
ADDRESSED = f"<wsa:Action>{PULL}Request</wsa:Action><wsa:MessageID>urn:uuid:1</wsa:MessageID>"


def test_a_request_is_its_operation_and_its_addressing() -> None:
    request = parse(enveloped("<tev:PullMessages/>", ADDRESSED))
    assert (request.namespace, request.operation) == ("http://www.onvif.org/ver10/events/wsdl", "PullMessages")
    assert (request.action, request.message_id) == (PULL + "Request", "urn:uuid:1")
    assert request.header is not None


def test_a_request_needs_no_header() -> None:
    request = parse(
        b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><GetScopes/></e:Body></e:Envelope>'
    )
    assert (request.namespace, request.operation, request.header, request.message_id) == ("", "GetScopes", None, "")


@pytest.mark.parametrize(
    ("content", "subcode"),
    [
        (b"<env", "ter:WellFormed"),
        (
            b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><a/></e:Body></e:Envelope>',
            "ter:Namespace",
        ),
        (enveloped(""), "ter:TagMismatch"),
        (b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"/>', "ter:TagMismatch"),
    ],
)
def test_what_is_no_request_is_refused(content: bytes, subcode: str) -> None:
    with pytest.raises(OnvifFault) as refused:
        parse(content)
    assert refused.value.subcodes == (subcode,)


def test_an_addressed_request_is_answered_by_its_action() -> None:
    content = answer(node("tev:SetSynchronizationPointResponse"), parse(enveloped("<tev:PullMessages/>", ADDRESSED)))
    header = Found(body_of(content).getparent().getparent()).one
    assert header("env:Header/wsa:Action") == PULL + "Response"
    assert header("env:Header/wsa:RelatesTo") == "urn:uuid:1"


def test_a_fault_has_the_action_of_faults() -> None:
    request = parse(enveloped("<tev:PullMessages/>", ADDRESSED))
    content = answer(OnvifFault("ter:InvalidArgs", reason="no").body(), request)
    root = Found(body_of(content).getparent().getparent())
    assert root.one("env:Header/wsa:Action") == "http://www.w3.org/2005/08/addressing/soap/fault"


def test_a_plain_request_gets_no_header() -> None:
    root = (
        body_of(answer(node("tds:SystemRebootResponse"), parse(enveloped("<tds:SystemReboot/>"))))
        .getparent()
        .getparent()
    )
    assert Found(root).all("env:Header") == []


def test_the_action_of_an_answer() -> None:
    assert answered_action("") == ""
    assert answered_action("http://www.onvif.org/ver10/media/wsdl/GetProfiles").endswith("/GetProfilesResponse")
