"""WS-Discovery: a probe, and answers written by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway.onvif.ws_discovery import FoundCamera, matches, probe

ID = "0a6dc791-2be6-4991-9af1-454778a1917a"
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
    ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl">'
)
SCOPES = (
    "onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/name/East%20Gate%20%E4%B8%9C%E9%97%A8 "
    "onvif://www.onvif.org/hardware/D-7 onvif://www.onvif.org/location/city/hangzhou onvif://www.onvif.org/name/second"
)


def answer(xaddrs: str, *, relates: str = f"<wsa:RelatesTo>uuid:{ID}</wsa:RelatesTo>", scopes: str = SCOPES) -> bytes:
    return (
        f"{HEAD}<SOAP-ENV:Header>{relates}</SOAP-ENV:Header><SOAP-ENV:Body><d:ProbeMatches><d:ProbeMatch>"
        "<wsa:EndpointReference><wsa:Address>urn:uuid:cam-1</wsa:Address></wsa:EndpointReference>"
        f"<d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>{scopes}</d:Scopes><d:XAddrs>{xaddrs}</d:XAddrs>"
        "<d:MetadataVersion>10</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></SOAP-ENV:Body></SOAP-ENV:Envelope>"
    ).encode()


def test_the_probe_asks_for_network_video_transmitters() -> None:
    root = etree.fromstring(probe(ID))
    text = {etree.QName(element).localname: element.text for element in root.iter() if element.text}
    assert text == {
        "Action": "http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe",
        "MessageID": f"uuid:{ID}",
        "To": "urn:schemas-xmlsoap-org:ws:2005:04:discovery",
        "Types": "dn:NetworkVideoTransmitter",
    }
    assert root.nsmap["dn"] == "http://www.onvif.org/ver10/network/wsdl"


def test_a_camera_is_found_with_what_its_scopes_say() -> None:
    [found] = matches(answer("http://10.0.0.5/onvif/device_service"), "10.0.0.5", ID)
    assert found == FoundCamera(
        "10.0.0.5", "http://10.0.0.5/onvif/device_service", "East Gate 东门", "D-7", "city/hangzhou", "urn:uuid:cam-1"
    )


@pytest.mark.parametrize(
    ("xaddrs", "url"),
    [
        ("http://192.168.1.9/a http://10.0.0.5/b", "http://10.0.0.5/b"),
        ("http://[fe80::1]/a http://192.168.1.9/b", "http://192.168.1.9/b"),
        (
            "ftp://10.0.0.5/ file:///etc/passwd 10.0.0.5 http://u:p@10.0.0.5/x https://10.0.0.5/ok",
            "https://10.0.0.5/ok",
        ),
    ],
)
def test_of_several_addresses_the_one_that_answered_is_taken(xaddrs: str, url: str) -> None:
    assert [found.url for found in matches(answer(xaddrs), "10.0.0.5", ID)] == [url]


def test_an_answer_to_another_question_is_none_and_one_that_names_no_question_counts() -> None:
    other = "<wsa:RelatesTo>uuid:somebody-else</wsa:RelatesTo>"
    assert matches(answer("http://10.0.0.5/", relates=other), "10.0.0.5", ID) == []
    shouted = f"<wsa:RelatesTo>urn:uuid:{ID.upper()}</wsa:RelatesTo>"
    assert len(matches(answer("http://10.0.0.5/", relates=shouted), "10.0.0.5", ID)) == 1
    assert len(matches(answer("http://10.0.0.5/", relates=""), "10.0.0.5", ID)) == 1


@pytest.mark.parametrize(
    "datagram",
    [
        b"", b"hello", b"<a/>", answer(""), answer("gopher://x/"), answer("http://10.0.0.5/") + b" " * 20_000,
        b'<!DOCTYPE x [<!ENTITY a "b">]>' + answer("http://10.0.0.5/").partition(b"?>")[2],
    ],
    ids=range(7),
)  # fmt: skip
def test_what_is_no_answer_finds_nothing(datagram: bytes) -> None:
    assert matches(datagram, "10.0.0.5", ID) == []


def test_texts_and_the_number_of_matches_are_bounded() -> None:
    [found] = matches(answer("http://h/", scopes="onvif://www.onvif.org/name/" + "x" * 900), "10.0.0.5", ID)
    assert len(found.name) == 128
    many = answer("http://h/").replace(b"<d:ProbeMatch>", b"<d:ProbeMatch/>" * 20 + b"<d:ProbeMatch>")
    assert matches(many, "10.0.0.5", ID) == []


@given(st.binary(max_size=400))
def test_no_datagram_breaks_it(data: bytes) -> None:
    assert isinstance(matches(data, "10.0.0.5", ID), list)
