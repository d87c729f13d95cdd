"""WS-Discovery as ONVIF cameras speak it (WS-Discovery 1.0, April 2005; ONVIF Core 7): one probe, and its answers.

No I/O. Answers come from anybody in the network, so what they say is bounded and only shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from lxml import etree

from gateway.errors import LocalError
from gateway.onvif.address import device_service, host_of
from gateway.onvif.fault import BadAnswer
from gateway.onvif.wsdl import parsed

SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
WSD = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
NETWORK = "http://www.onvif.org/ver10/network/wsdl"
MAX_ANSWER = 16 * 1024
MAX_MATCHES = 8
MAX_TEXT = 128
_SCOPE = "onvif://www.onvif.org/"


@dataclass(frozen=True, slots=True)
class FoundCamera:
    """One that answered: its address, the URL of its device service, and what its scopes say of it."""

    address: str
    url: str
    name: str
    hardware: str
    location: str
    endpoint: str


def probe(message_id: str) -> bytes:
    """The question "which network video transmitters are there?"; `message_id` is a UUID."""
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"s": SOAP, "a": WSA, "d": WSD, "dn": NETWORK})
    header = etree.SubElement(envelope, f"{{{SOAP}}}Header")
    etree.SubElement(header, f"{{{WSA}}}Action").text = f"{WSD}/Probe"
    etree.SubElement(header, f"{{{WSA}}}MessageID").text = f"uuid:{message_id}"
    etree.SubElement(header, f"{{{WSA}}}To").text = "urn:schemas-xmlsoap-org:ws:2005:04:discovery"
    asked = etree.SubElement(etree.SubElement(envelope, f"{{{SOAP}}}Body"), f"{{{WSD}}}Probe")
    etree.SubElement(asked, f"{{{WSD}}}Types").text = "dn:NetworkVideoTransmitter"
    return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")


def matches(datagram: bytes, source: str, message_id: str) -> list[FoundCamera]:
    """The cameras an answer names; none when it is no answer to this question. `source`: the address it came from."""
    if len(datagram) > MAX_ANSWER:
        return []
    try:
        envelope = parsed(datagram)
    except BadAnswer:
        return []
    relates = next((element.text or "" for element in envelope.iter("{*}RelatesTo")), None)
    if relates is not None and message_id.lower() not in relates.lower():
        return []
    found = []
    for element in list(envelope.iter("{*}ProbeMatch"))[:MAX_MATCHES]:
        url = _url(_text(element, "XAddrs"), source)
        if url:
            scopes = dict(_scopes(_text(element, "Scopes")))
            endpoint = next((_short(one.text) for one in element.iter("{*}Address")), "")
            name, hardware, location = (scopes.get(kind, "") for kind in ("name", "hardware", "location"))
            found.append(FoundCamera(source, url, name, hardware, location, endpoint or url))
    return found


def _url(addresses: str, source: str) -> str:
    """The address of its device service that is best reached from here: one at the host that answered."""
    usable = []
    for address in addresses.split()[:MAX_MATCHES]:
        try:
            url, username, _ = device_service(address)
        except LocalError:
            continue
        if address.lower().startswith(("http://", "https://")) and not username:
            usable.append(url)
    same = [url for url in usable if host_of(url) == source]
    plain = [url for url in usable if ":" not in host_of(url)]
    return next(iter(same or plain or usable), "")


def _scopes(text: str) -> Iterator[tuple[str, str]]:
    for scope in reversed(text.split()[:64]):  # the first of a kind wins
        if scope.lower().startswith(_SCOPE):
            kind, _, value = scope[len(_SCOPE) :].partition("/")
            yield kind.lower(), _short(unquote(value))


def _text(element: Any, name: str) -> str:
    return next((child.text or "" for child in element.iter(f"{{*}}{name}")), "")


def _short(text: str | None) -> str:
    plain = "".join(char if char.isprintable() else " " for char in text or "")
    return " ".join(plain.split())[:MAX_TEXT]
