"""The operations of the Media2 service for profiles the Media service cannot tell of, H.265 (ONVIF Media2 5.2, 5.14),
written out by hand: its description is not among those that ship with the library."""

from __future__ import annotations

import asyncio
from typing import Any

from lxml import etree

from gateway.errors import Failure, Reason
from gateway.onvif.client import MEDIA2, OnvifClient
from gateway.onvif.fault import BadAnswer, fault_in
from gateway.onvif.profiles import Profile, of_media2
from gateway.onvif.username_token import add_token
from gateway.onvif.wsdl import parsed

SOAP = "http://www.w3.org/2003/05/soap-envelope"
MAX_NESTED = 12


async def profiles(client: OnvifClient, address: str) -> list[Profile]:
    """Its profiles with everything that is configured in them. Raises Failure."""
    body = await _ask(client, address, "GetProfiles", [("Type", "All")])
    return await asyncio.to_thread(_profiles_in, body)  # a recorder has hundreds


async def stream_uri(client: OnvifClient, address: str, profile: str) -> str:
    """Where the stream of a profile is to be had by RTSP. Raises Failure."""
    body = await _ask(client, address, "GetStreamUri", [("Protocol", "RTSP"), ("ProfileToken", profile)])
    return (body.findtext(f".//{{{MEDIA2}}}Uri") or "").strip()


async def snapshot_uri(client: OnvifClient, address: str, profile: str) -> str:
    """Where pictures of a profile are to be had. Raises Failure."""
    body = await _ask(client, address, "GetSnapshotUri", [("ProfileToken", profile)])
    return (body.findtext(f".//{{{MEDIA2}}}Uri") or "").strip()


async def key_frame(client: OnvifClient, address: str, profile: str) -> None:
    """Have the encoder of a profile begin a new group of pictures. Raises Failure."""
    await _ask(client, address, "SetSynchronizationPoint", [("ProfileToken", profile)])


async def _ask(client: OnvifClient, address: str, operation: str, params: list[tuple[str, str]]) -> Any:
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"s": SOAP})
    header = etree.SubElement(envelope, f"{{{SOAP}}}Header")
    asked = etree.SubElement(
        etree.SubElement(envelope, f"{{{SOAP}}}Body"), f"{{{MEDIA2}}}{operation}", nsmap={"tr2": MEDIA2}
    )
    for name, value in params:
        etree.SubElement(asked, f"{{{MEDIA2}}}{name}").text = value
    if (token := client.fresh_token()) is not None:
        add_token(header, token)
    content_type = f'application/soap+xml; charset=utf-8; action="{MEDIA2}/{operation}"'
    answer = await client.post(address, etree.tostring(envelope, xml_declaration=True, encoding="utf-8"), content_type)
    try:
        found = parsed(answer.body)
    except BadAnswer as error:
        raise Failure(Reason.ONVIF_NOT_A_SERVICE, str(error)) from error
    if (fault := fault_in(found)) is not None:
        raise client.refusal(fault) from fault
    return found


def _profiles_in(body: Any) -> list[Profile]:
    return of_media2([_plain(element) for element in body.iterfind(f".//{{{MEDIA2}}}Profiles")])


def _plain(element: Any, depth: int = 0) -> dict[str, Any]:
    """Attributes and children of an element by their bare names; of several of one name the first."""
    found: dict[str, Any] = {etree.QName(name).localname: value for name, value in element.attrib.items()}
    for child in element if depth < MAX_NESTED else ():
        name = etree.QName(child).localname
        found.setdefault(name, _plain(child, depth + 1) if len(child) else (child.text or "").strip())
    return found
