"""SOAP 1.2 envelopes: what a request asks, and the bytes of an answer."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from interop.onvif.faults import OnvifFault
from interop.onvif.names import NS, qualified
from interop.onvif.tree import Element, node, whole

_PREFIXES = {prefix: NS[prefix] for prefix in ("env", "ter", "tt", "tns1", "wsa", "wsnt", "wsrf-rw", "xs")}
"""Declared on every envelope, because fault codes and topics are prefixed names in text."""

_FAULT_ACTION = "http://www.w3.org/2005/08/addressing/soap/fault"


@dataclass(frozen=True, slots=True)
class Request:
    """A request: the namespace and name of its operation, its element, its header, its WS-Addressing properties."""

    namespace: str
    operation: str
    element: Element
    header: Element | None
    action: str
    message_id: str


def parse(content: bytes) -> Request:
    """Read a request. Raises OnvifFault."""
    try:
        root = whole(content)
    except ValueError as error:
        raise OnvifFault("ter:WellFormed", reason=f"The request is {error}") from None
    if root.tag != qualified("env:Envelope"):
        raise OnvifFault("ter:Namespace", reason="Not a SOAP 1.2 envelope")
    header, body = root.find(qualified("env:Header")), root.find(qualified("env:Body"))
    element = next(iter(body), None) if body is not None else None
    if element is None:
        raise OnvifFault("ter:TagMismatch", reason="The body is empty")
    name = etree.QName(element)
    return Request(
        namespace=name.namespace or "",
        operation=name.localname,
        element=element,
        header=header,
        action=_header_text(header, "wsa:Action"),
        message_id=_header_text(header, "wsa:MessageID"),
    )


def _header_text(header: Element | None, name: str) -> str:
    return (header.findtext(qualified(name)) or "").strip() if header is not None else ""


def answer(body: Element, request: Request | None = None) -> bytes:
    """An envelope around the body; a request with WS-Addressing is related to and its action answered."""
    envelope = etree.Element(qualified("env:Envelope"), nsmap=_PREFIXES)
    if request is not None and request.message_id:
        action = _FAULT_ACTION if body.tag == qualified("env:Fault") else answered_action(request.action)
        envelope.append(
            node(
                "env:Header",
                node("wsa:Action", action) if action else None,
                node("wsa:RelatesTo", request.message_id),
            )
        )
    envelope.append(node("env:Body", body))
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


def answered_action(action: str) -> str:
    """The action of the answer (WSDL 1.1 binding of WS-Addressing): Request becomes Response."""
    if not action:
        return ""
    return action.removesuffix("Request") + "Response"
