"""The ONVIF services as their WSDL describes them: requests to bytes, answers and faults back. No network, no clock.

The descriptions ship with the package onvif-zeep-async and are read from its files alone, once per process and off the
event loop; a node without ONVIF cameras never reads them. One description serves every camera.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from lxml import etree

from gateway.errors import LocalError
from gateway.onvif.fault import BadAnswer, fault_in
from gateway.onvif.username_token import UsernameToken, add_token

ServiceName = Literal["device", "media", "ptz", "imaging", "events", "pull_point", "subscription"]

NAMESPACES: dict[ServiceName, str] = {
    "device": "http://www.onvif.org/ver10/device/wsdl",
    "media": "http://www.onvif.org/ver10/media/wsdl",
    "ptz": "http://www.onvif.org/ver20/ptz/wsdl",
    "imaging": "http://www.onvif.org/ver20/imaging/wsdl",
    "events": "http://www.onvif.org/ver10/events/wsdl",
}
"""By which GetServices names the services used here."""

_BINDINGS: dict[ServiceName, tuple[str, str, str]] = {
    "device": ("devicemgmt.wsdl", NAMESPACES["device"], "DeviceBinding"),
    "media": ("media.wsdl", NAMESPACES["media"], "MediaBinding"),
    "ptz": ("ptz.wsdl", NAMESPACES["ptz"], "PTZBinding"),
    "imaging": ("imaging.wsdl", NAMESPACES["imaging"], "ImagingBinding"),
    "events": ("events.wsdl", NAMESPACES["events"], "EventBinding"),
    "pull_point": ("events.wsdl", NAMESPACES["events"], "PullPointSubscriptionBinding"),
    "subscription": ("events.wsdl", NAMESPACES["events"], "SubscriptionManagerBinding"),
}

LARGE = 32 * 1024
"""Bytes from which on an answer is read off the event loop: reading takes about half a second per megabyte."""


@dataclass(frozen=True, slots=True)
class SoapRequest:
    """A request ready to be posted (SOAP 1.2)."""

    content_type: str
    body: bytes


class Services:
    """All services used here. Making one reads the descriptions: about half a second and 40 MB, see `load`."""

    def __init__(self) -> None:
        # Imported here: only who speaks ONVIF pays for it.
        from zeep import Settings
        from zeep.wsdl import Document

        logging.getLogger("zeep").setLevel(logging.CRITICAL)  # it logs every value it cannot read
        settings = Settings(strict=False, forbid_dtd=True, forbid_entities=True, forbid_external=True)
        directory = _directory()
        files = {
            file: Document(str(directory / file), _Files(), settings=settings) for file, _, _ in _BINDINGS.values()
        }
        self._bindings = {
            service: files[file].bindings[f"{{{namespace}}}{binding}"]
            for service, (file, namespace, binding) in _BINDINGS.items()
        }

    def request(
        self,
        service: ServiceName,
        operation: str,
        params: dict[str, Any],
        *,
        address: str,
        token: UsernameToken | None = None,
        headers: tuple[bytes, ...] = (),
    ) -> SoapRequest:
        """The bytes of a request. `headers`: elements a subscription asks to see again. LocalError: no such operation,
        or a parameter it does not have."""
        described = self._operation(service, operation)
        try:
            made = described.create(**params)
        except (TypeError, ValueError) as error:
            raise LocalError(f"{service}.{operation}: {error}") from error
        envelope = _addressed(made.content, service, described, address)
        for header in headers:
            _header_of(envelope).append(etree.fromstring(header, _parser()))
        if token is not None:
            add_token(_header_of(envelope), token)
        action = described.soapaction
        return SoapRequest(
            f'application/soap+xml; charset=utf-8; action="{action}"',
            etree.tostring(envelope, xml_declaration=True, encoding="utf-8"),
        )

    def answer(self, service: ServiceName, operation: str, body: bytes) -> Any:
        """What an answer says, as dicts, lists and plain values. Raises SoapFault (the camera refused), BadAnswer."""
        from zeep.exceptions import Error
        from zeep.helpers import serialize_object

        envelope = parsed(body)
        fault = fault_in(envelope)
        if fault is not None:
            raise fault
        if next(envelope.iter(f"{{*}}{operation}Response"), None) is None:
            raise BadAnswer(f"no answer to {operation}")
        try:
            return serialize_object(self._operation(service, operation).process_reply(envelope), dict)
        except (Error, AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
            raise BadAnswer(f"{operation}: {type(error).__name__}") from error

    async def read(self, service: ServiceName, operation: str, body: bytes) -> Any:
        """As `answer`; a large one does not keep the event loop from its work."""
        if len(body) < LARGE:
            return self.answer(service, operation, body)
        return await asyncio.to_thread(self.answer, service, operation, body)

    def _operation(self, service: ServiceName, operation: str) -> Any:
        try:
            return self._bindings[service].get(operation)
        except (KeyError, ValueError):
            raise LocalError(f"{service} has no operation {operation}") from None


def parsed(body: bytes) -> Any:
    """A SOAP envelope as an element. Entities and external references are neither resolved nor fetched. Raises
    BadAnswer."""
    try:
        root = etree.fromstring(body, _parser())
    except etree.XMLSyntaxError as error:
        raise BadAnswer(f"no XML ({error.msg})"[:200]) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise BadAnswer("a document type declaration")
    if etree.QName(root).localname != "Envelope":
        raise BadAnswer(f"<{etree.QName(root).localname}> instead of a SOAP envelope"[:200])
    return root


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
    )


def _header_of(envelope: Any) -> Any:
    from zeep.wsdl.utils import get_or_create_header

    return get_or_create_header(envelope)


def _addressed(envelope: Any, service: ServiceName, described: Any, address: str) -> Any:
    """The events services are addressed by WS-Addressing (ONVIF Core 9); the others must not be."""
    if service not in ("events", "pull_point", "subscription"):
        return envelope
    from zeep.wsa import WsAddressingPlugin

    if not described.abstract.wsa_action:
        described.abstract.wsa_action = described.soapaction
    made, _ = WsAddressingPlugin().egress(envelope, {}, described, {"address": address})
    return made


def _directory() -> Path:
    spec = find_spec("onvif")
    if spec is None or not spec.submodule_search_locations:
        raise LocalError("the package onvif-zeep-async is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / "wsdl"


class _Files:
    """What zeep reads descriptions through: files only."""

    def load(self, url: str) -> bytes:
        path = Path(url)
        if "://" in url or not path.is_file():
            raise LocalError(f"{url} is not in the package")
        return path.read_bytes()


_loaded: Services | None = None
_loading = threading.Lock()


def _load() -> Services:
    global _loaded
    with _loading:
        if _loaded is None:
            _loaded = Services()
        return _loaded


async def load() -> Services:
    """The services; read on first use, off the event loop."""
    return _loaded if _loaded is not None else await asyncio.to_thread(_load)
