"""ICE, DTLS and SRTP towards one WebRTC viewer: the only module that knows aiortc, its private names included.

aiortc brings the transports (RFC 8445, 6347, 5764, 3711); offer and answer (`media.worker.whep_sdp`) and RTP
(`media.worker.rtp_track`) are our own, so that no codec can be negotiated other than the one that is sent. The module
is imported when the first WebRTC viewer comes. It relies on names of aiortc and aioice that are not theirs to keep:
another version than the known ones is refused loudly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from importlib.metadata import version
from struct import error as StructError
from typing import Any, Protocol

from aioice.candidate import Candidate, candidate_foundation, candidate_priority
from aioice.ice import Connection, StunProtocol, get_host_addresses
from aioice.stun import Class, parse_message
from aiortc import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceGatherer,
    RTCIceParameters,
    RTCIceTransport,
)
from aiortc.rtp import RTCP_PSFB_PLI, RTCP_RTPFB_NACK, RtcpPsfbPacket, RtcpRtpfbPacket

from media.errors import LocalError
from media.worker.candidates import Reach
from media.worker.whep_sdp import Local, Remote

KNOWN = {"aiortc": "1.16.", "aioice": "0.13."}
"""The versions whose private names were read and tested."""
MOST_WAITING = 256
"""Datagrams of the viewer that may wait to be read."""
MOST_SOURCES = 64
"""Addresses a viewer may check from: his network cards, and a NAT's port for each of our addresses."""
MOST_UNSENT = 512 * 1024
"""Bytes that may wait in one socket for the network; what is more is lost, as on any way that is too narrow."""


def check_versions(installed: Callable[[str], str] = version) -> None:
    """Raises LocalError when aiortc or aioice is another version than this module was written for."""
    for package, known in KNOWN.items():
        if not installed(package).startswith(known):
            raise LocalError(f"{package} {installed(package)} is unknown to media.worker.webrtc, which needs {known}*")


check_versions()


class Feedback(Protocol):
    """What the viewer tells about one of our streams."""

    ssrc: int

    async def lost(self, sequences: Sequence[int]) -> None:
        """Packets that did not arrive (RFC 4585 6.2.1)."""
        ...

    async def picture_lost(self) -> None:
        """A key frame is wanted (PLI, RFC 4585 6.3.1)."""
        ...


class WebRtcTransport:
    """One connection. Order of calls: `listen`, `connect`, then `send` until `ended`; `close` in any case."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.vanished = False
        """Whether it ended because the viewer stopped to consent (RFC 7675), not because he said goodbye."""
        self._gatherer = RTCIceGatherer(iceServers=[])
        self._ice = RTCIceTransport(self._gatherer)
        self._certificate = RTCCertificate.generateCertificate()
        self._dtls = RTCDtlsTransport(self._ice, [self._certificate])
        self._dtls._set_role("client")  # as the answer says, whatever becomes of the roles in ICE
        self._dtls.on("statechange", self._changed)
        self._ice.on("statechange", self._changed)

    @staticmethod
    def own_addresses() -> list[str]:
        """Addresses of the network cards, without loopback and link-local ones."""
        return get_host_addresses(use_ipv4=True, use_ipv6=True)

    async def listen(self, reached: Sequence[Reach], cname: str) -> Local:
        """Take over bound sockets; what the answer says of us. Raises OSError."""
        connection = self._gatherer._connection
        loop = asyncio.get_running_loop()
        made: list[Candidate] = []
        for number, one in enumerate(reached):
            transport, protocol = await loop.create_datagram_endpoint(lambda: _Guarded(connection), sock=one.sock)
            made.append(_candidate(one, number))
            protocol.local_candidate = made[-1]
            connection._protocols.append(protocol)

        async def gathered(component: int, addresses: list[str], timeout: int = 5) -> list[Candidate]:
            return made

        connection.get_component_candidates = gathered  # type: ignore[method-assign]
        await self._gatherer.gather()
        own = self._gatherer.getLocalParameters()
        assert own.usernameFragment is not None and own.password is not None
        prints = [(one.algorithm, one.value) for one in self._certificate.getFingerprints()]
        candidates = tuple(candidate.to_sdp() for candidate in made)
        return Local(own.usernameFragment, own.password, tuple(prints[:1]), candidates, cname)

    async def connect(self, remote: Remote, feedback: Sequence[Feedback]) -> None:
        """Wait for the viewer's checks, then shake hands. Raises ConnectionError; the caller sets a time limit."""
        await self._ice.start(RTCIceParameters(usernameFragment=remote.ufrag, password=remote.password))
        if self._ice.state != "completed":
            raise ConnectionError("no ICE check of the viewer arrived")
        for one in feedback:
            self._dtls._rtp_router.register_sender(_Recipient(one), one.ssrc)
        prints = [RTCDtlsFingerprint(algorithm=digest, value=value) for digest, value in remote.fingerprints]
        await self._dtls.start(RTCDtlsParameters(fingerprints=prints, role="server"))
        if self._dtls.state != "connected":
            raise ConnectionError("the DTLS handshake failed")

    async def send(self, packet: bytes) -> None:
        """Send an RTP packet or a compound RTCP packet, encrypted. Raises ConnectionError when it is over."""
        await self._dtls._send_rtp(packet)

    async def close(self) -> None:
        """Say goodbye and close the sockets."""
        self.ended.set()
        await self._dtls.stop()
        await self._ice.stop()

    def _changed(self) -> None:
        over = "failed" in (self._ice.state, self._dtls.state) or "closed" in (self._ice.state, self._dtls.state)
        if over and not self.ended.is_set():
            self.vanished = self._gatherer._connection._closed
            self.ended.set()


class _Guarded(StunProtocol):
    """A socket of ICE that hands on nothing but STUN, and what comes from where ICE ended up, and not too much."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        source = addr[0], addr[1]
        if isinstance(data, bytes) and data and (self._is_check(data, source) or self._is_media(data, source)):
            super().datagram_received(data, addr)

    def _is_check(self, data: bytes, source: tuple[str, int]) -> bool:
        """STUN that can be read (RFC 7983; aioice takes all other for data, or stumbles over it), not from ever more
        addresses: each is checked in return, and remembered."""
        if data[0] > 3:
            return False
        try:
            message = parse_message(data)
        except (ValueError, StructError):
            return False
        known = self.receiver._remote_candidates
        if len(known) >= MOST_SOURCES and not any((one._network_host, one.port) == source for one in known):
            return False
        return message.message_class is not Class.REQUEST or "PRIORITY" in message.attributes

    def _is_media(self, data: bytes, source: tuple[str, int]) -> bool:
        """DTLS, SRTP or SRTCP of the viewer, as long as there is room."""
        if data[0] <= 3:
            return False
        pair = self.receiver._nominated.get(1)
        waiting = self.receiver._queue.qsize()
        return pair is not None and pair.remote_addr == source and waiting < MOST_WAITING

    async def send_data(self, data: bytes, addr: tuple[str, int]) -> None:
        transport: Any = self.transport  # both loops' have it, their common type has not
        if transport.get_write_buffer_size() < MOST_UNSENT:
            await super().send_data(data, addr)


class _Recipient:
    """What aiortc's router takes for one of its senders."""

    def __init__(self, feedback: Feedback) -> None:
        self._ssrc = feedback.ssrc
        self._feedback = feedback

    async def _handle_rtcp_packet(self, packet: object) -> None:
        if isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
            await self._feedback.lost(packet.lost)
        elif isinstance(packet, RtcpPsfbPacket) and packet.fmt == RTCP_PSFB_PLI:
            await self._feedback.picture_lost()


def _candidate(one: Reach, number: int) -> Candidate:
    """A host candidate; the earlier an address is told, the more it is preferred (RFC 8445 5.1.2.1)."""
    return Candidate(
        foundation=candidate_foundation("host", "udp", one.told),
        component=1,
        transport="udp",
        priority=candidate_priority(1, "host", 65535 - number),
        host=one.told,
        port=one.port,
        type="host",
    )
