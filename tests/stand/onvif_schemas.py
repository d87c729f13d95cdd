"""The schemas of ONVIF, SOAP 1.2 and WS-Discovery as judges of messages.

Those of device, media, PTZ, imaging and events come with the package onvif-zeep-async; Media2 is in `onvif/`.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import onvif
from lxml import etree

HERE = Path(__file__).parent / "onvif"
PACKAGE = Path(onvif.__file__).parent / "wsdl"
XS = "{http://www.w3.org/2001/XMLSchema}"
ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
DISCOVERY = "http://schemas.xmlsoap.org/ws/2005/04/discovery"

_WSDL = {
    "http://www.onvif.org/ver10/device/wsdl": PACKAGE / "devicemgmt.wsdl",
    "http://www.onvif.org/ver10/media/wsdl": PACKAGE / "media.wsdl",
    "http://www.onvif.org/ver20/media/wsdl": HERE / "media.wsdl",
    "http://www.onvif.org/ver20/ptz/wsdl": PACKAGE / "ptz.wsdl",
    "http://www.onvif.org/ver20/imaging/wsdl": PACKAGE / "imaging.wsdl",
    "http://www.onvif.org/ver10/events/wsdl": PACKAGE / "events.wsdl",
    "http://docs.oasis-open.org/wsn/b-2": PACKAGE / "events.wsdl",
}
_BY_ADDRESS = {
    "http://schemas.xmlsoap.org/ws/2004/08/addressing": PACKAGE / "addressing",
    "https://www.w3.org/2003/05/soap-envelope": HERE / "soap12.xsd",
    "https://www.w3.org/2005/05/xmlmime": PACKAGE / "xmlmime",
    "https://www.w3.org/2004/08/xop/include": PACKAGE / "include",
    "http://docs.oasis-open.org/wsn/b-2.xsd": PACKAGE / "b-2.xsd",
}


def _deterministic(text: bytes) -> bytes:
    """A schema libxml2 takes: it refuses an element beside a wildcard that would take it as well."""
    for wildcard in (b"##any", b"##targetNamespace"):
        text = text.replace(b'namespace="%s"' % wildcard, b'namespace="##other"')
    return text


class _Local(etree.Resolver):
    """Every schema is a file here, whatever address it is imported by; beside the first one before the package's."""

    def __init__(self, beside: Path) -> None:
        self._beside = beside

    def resolve(self, system_url: str, public_id: str, context: Any) -> Any:
        name = system_url.rpartition("/")[2]
        places = (_BY_ADDRESS.get(system_url), self._beside / name, PACKAGE / name)
        found = next(place for place in places if place is not None and place.is_file())
        text = found.read_bytes()
        if found.parent == HERE and found.name != "soap12.xsd":
            text = _deterministic(text)
        return self.resolve_string(text, context, base_url=str(found))


def _parser(path: Path) -> Any:
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Local(path.parent))
    return parser


def _parsed(path: Path) -> Any:
    return etree.parse(str(path), _parser(path))


@functools.cache
def schema_of(namespace: str) -> etree.XMLSchema:
    """The schema that knows the elements of a namespace."""
    if namespace == ENVELOPE:
        return etree.XMLSchema(_parsed(HERE / "soap12.xsd"))
    if namespace == DISCOVERY:
        return etree.XMLSchema(_parsed(PACKAGE / "ws-discovery.xsd"))
    path = _WSDL[namespace]
    types = _parsed(path).find(f".//{XS}schema")
    alone = etree.Element(types.tag, types.attrib, nsmap=types.nsmap)
    alone.extend(list(types))
    text = _deterministic(etree.tostring(alone)) if path.parent == HERE else etree.tostring(alone)
    return etree.XMLSchema(etree.fromstring(text, _parser(path), base_url=str(path)))


def faults_of(element: Any) -> list[str]:
    """What an element does wrong; nothing where it is valid. The element is judged alone, out of its envelope."""
    alone = etree.fromstring(etree.tostring(element))
    schema = schema_of(etree.QName(alone).namespace or "")
    return [] if schema.validate(alone) else [f"{one.line}: {one.message}" for one in schema.error_log]


def body_of(envelope: bytes) -> Any:
    """The one element in the body of an envelope, which is judged with it."""
    root = etree.fromstring(envelope)
    assert faults_of(root) == []
    (body,) = root.find(f"{{{ENVELOPE}}}Body")
    return body
