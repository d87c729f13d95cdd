"""WS-Discovery of a camera (WS-Discovery 2005/04, ONVIF Core 7): answers Probe, says Hello and Bye."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from interop.onvif.names import NS, qualified
from interop.onvif.tree import Element, node, whole

GROUP: Final = "239.255.255.250"
PORT: Final = 3702
MOST_BYTES: Final = 16 << 10
ANSWERS_PER_SECOND: Final = 50
TYPES: Final = frozenset({f"{{{NS['dn']}}}NetworkVideoTransmitter", f"{{{NS['tds']}}}Device"})

_ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
_TO = "urn:schemas-xmlsoap-org:ws:2005:04:discovery"
_PREFIXES = {"env": NS["env"], "a": NS["wsa4"], "d": NS["wsd"], "dn": NS["dn"], "tds": NS["tds"]}


@dataclass(frozen=True, slots=True)
class DiscoverySettings:
    """Where a camera listens for Probe.

    host    IPv4 address of the network card that joins the group
    port    UDP port; 0 takes a free one, for questions asked to that port alone
    group   multicast group; "" joins none and says neither Hello nor Bye
    """

    host: str = "127.0.0.1"
    port: int = PORT
    group: str = GROUP


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a camera says of itself."""

    serial: str
    scopes: Sequence[str]
    xaddrs: Sequence[str]

    @property
    def endpoint(self) -> str:
        """The camera's name for ever: a UUID made of its serial number."""
        return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, self.serial)}"

    def described(self) -> list[Element]:
        """Endpoint, types, scopes, addresses, version."""
        return [
            node("wsa4:EndpointReference", node("wsa4:Address", self.endpoint)),
            node("wsd:Types", "dn:NetworkVideoTransmitter tds:Device"),
            node("wsd:Scopes", " ".join(self.scopes)),
            node("wsd:XAddrs", " ".join(self.xaddrs)),
            node("wsd:MetadataVersion", 1),
        ]


@dataclass(frozen=True, slots=True)
class Probe:
    """A question: who has all these types and scopes?"""

    message_id: str
    types: frozenset[str]
    scopes: tuple[str, ...]

    def meets(self, announcement: Announcement) -> bool:
        """Whether a camera is meant: it has the types, and each scope is the beginning of one of its own."""
        if not self.types <= TYPES:
            return False
        return all(
            any(own == asked or own.startswith(asked.rstrip("/") + "/") for own in announcement.scopes)
            for asked in self.scopes
        )


def read_probe(datagram: bytes) -> Probe | None:
    """The Probe in a datagram; None for anything else. Raises ValueError for what is no XML or a broken Probe."""
    if len(datagram) > MOST_BYTES:
        raise ValueError(f"{len(datagram)} bytes")
    root = whole(datagram)
    probe = root.find(f"{qualified('env:Body')}/{qualified('wsd:Probe')}")
    if probe is None:
        return None
    message_id = (root.findtext(f"{qualified('env:Header')}/{qualified('wsa4:MessageID')}") or "").strip()
    if not message_id:
        raise ValueError("a Probe without MessageID")
    types = probe.find(qualified("wsd:Types"))
    asked = (types.text or "").split() if types is not None else []
    return Probe(
        message_id=message_id,
        types=frozenset(_resolved(probe if types is None else types, name) for name in asked),
        scopes=tuple((probe.findtext(qualified("wsd:Scopes")) or "").split()),
    )


def own_address_towards(asker: tuple[str, int]) -> str:
    """The address of the network card that faces somebody; nothing is sent. Without a route it is loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probing:
        try:
            probing.connect(asker)
        except OSError:
            return "127.0.0.1"
        return str(probing.getsockname()[0])


def _resolved(element: Element, name: str) -> str:
    prefix, colon, local = name.rpartition(":")
    uri = element.nsmap.get(prefix if colon else None)
    if uri is None:
        raise ValueError(f"no prefix {prefix!r}")
    return f"{{{uri}}}{local}"


def message(action: str, body: Element, number: int, instance: int, relates_to: str = "") -> bytes:
    """A discovery message; an answer relates to its question and goes to whoever asked."""
    envelope = etree.Element(qualified("env:Envelope"), nsmap=_PREFIXES)
    header = node(
        "env:Header",
        node("wsa4:MessageID", f"urn:uuid:{uuid.uuid4()}"),
        node("wsa4:RelatesTo", relates_to) if relates_to else None,
        node("wsa4:To", _ANONYMOUS if relates_to else _TO),
        node("wsa4:Action", f"{NS['wsd']}/{action}"),
        node("wsd:AppSequence", {"InstanceId": instance, "MessageNumber": number}),
    )
    envelope.append(header)
    envelope.append(node("env:Body", body))
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


class WsDiscovery(asyncio.DatagramProtocol):
    """A UDP socket that answers Probe; rubbish is counted in `malformed`, too many questions in `ignored`."""

    def __init__(
        self,
        settings: DiscoverySettings,
        announcement: Callable[[tuple[str, int]], Announcement],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.port = 0
        self.malformed = 0
        self.ignored = 0
        self._settings = settings
        self._announcement = announcement
        self._now = now
        self._instance = int(time.time())
        self._sent = 0
        self._second = 0
        self._answers = 0
        self._transport: asyncio.DatagramTransport | None = None
        self._closed: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Bind, join the group, say Hello. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._closed = loop.create_future()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=self._socket())
        self.port = self._transport.get_extra_info("sockname")[1]
        self._tell("Hello", node("wsd:Hello", self._announcement(self._everybody()).described()))

    async def stop(self) -> None:
        """Say Bye and close."""
        if self._transport is None or self._closed is None:
            return
        endpoint = node("wsa4:EndpointReference", node("wsa4:Address", self._announcement(self._everybody()).endpoint))
        self._tell("Bye", node("wsd:Bye", endpoint))
        self._transport.close()
        await self._closed
        self._transport = None

    def _socket(self) -> socket.socket:
        settings, port = self._settings, self.port or self._settings.port
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            made.setblocking(False)
            if settings.group:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                made.bind(("", port))
                joined = struct.pack("4s4s", socket.inet_aton(settings.group), socket.inet_aton(settings.host))
                made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, joined)
                made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(settings.host))
                made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
            else:
                made.bind((settings.host, port))
        except OSError:
            made.close()
            raise
        return made

    def _tell(self, action: str, body: Element) -> None:
        if self._settings.group:
            self._send(message(action, body, self._number(), self._instance), self._everybody())

    def _everybody(self) -> tuple[str, int]:
        return self._settings.group or self._settings.host, self.port

    def _number(self) -> int:
        self._sent += 1
        return self._sent

    def _send(self, datagram: bytes, address: tuple[str, int]) -> None:
        assert self._transport is not None
        self._transport.sendto(datagram, address)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a Probe that means this camera."""
        try:
            probe = read_probe(data)
        except ValueError:
            self.malformed += 1
            return
        announcement = self._announcement(addr)
        if probe is None or not probe.meets(announcement):
            return
        if not self._may_answer():
            self.ignored += 1
            return
        matches = node("wsd:ProbeMatches", node("wsd:ProbeMatch", announcement.described()))
        self._send(message("ProbeMatches", matches, self._number(), self._instance, probe.message_id), addr)

    def _may_answer(self) -> bool:
        second = int(self._now())
        if second != self._second:
            self._second, self._answers = second, 0
        self._answers += 1
        return self._answers <= ANSWERS_PER_SECOND

    def error_received(self, exc: Exception) -> None:
        """A destination was not there: nothing to do, the next question comes from elsewhere."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)
