"""The transport of WebRTC, with aiortc's own transports as the viewer: what is pinned and what goes through."""

from __future__ import annotations

import ast
import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aioice.stun import Class, Message, Method
from aiortc import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceCandidate,
    RTCIceGatherer,
    RTCIceParameters,
    RTCIceTransport,
)
from aiortc.rtp import RtcpPsfbPacket, RtcpRtpfbPacket
from aiortc.sdp import candidate_from_sdp

from media.errors import LocalError
from media.rtcp import SenderReport, parse_compound
from media.worker import webrtc
from media.worker.candidates import CandidatePorts
from media.worker.webrtc import MOST_SOURCES, MOST_UNSENT, MOST_WAITING, WebRtcTransport, check_versions
from media.worker.whep_sdp import Local, Remote

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parents[3]


class Told:
    """What the viewer told."""

    ssrc = 0x01020304

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.news = asyncio.Event()

    async def lost(self, sequences: Sequence[int]) -> None:
        self.said.append(list(sequences))
        self.news.set()

    async def picture_lost(self) -> None:
        self.said.append("picture")
        self.news.set()


class Viewer:
    """The other side, made of aiortc's transports: it checks (ICE controlling) and waits for the handshake."""

    def __init__(self) -> None:
        self.gatherer = RTCIceGatherer(iceServers=[])
        self.ice = RTCIceTransport(self.gatherer)
        self.ice._connection.ice_controlling = True
        self.certificate = RTCCertificate.generateCertificate()
        self.dtls = RTCDtlsTransport(self.ice, [self.certificate])
        self.received: asyncio.Queue[bytes] = asyncio.Queue()

    async def gather(self) -> Remote:
        await self.gatherer.gather()
        own = self.gatherer.getLocalParameters()
        prints = tuple((one.algorithm, one.value) for one in self.certificate.getFingerprints())
        assert own.usernameFragment and own.password
        return Remote(own.usernameFragment, own.password, prints)

    async def connect(self, local: Local) -> None:
        async def got(data: bytes, **_: Any) -> None:
            self.received.put_nowait(data)

        self.dtls._handle_rtp_data = got  # type: ignore[method-assign]
        self.dtls._handle_rtcp_data = got  # type: ignore[method-assign]
        for text in local.candidates:
            candidate: RTCIceCandidate = candidate_from_sdp(text)
            await self.ice.addRemoteCandidate(candidate)
        await self.ice.addRemoteCandidate(None)
        await self.ice.start(RTCIceParameters(usernameFragment=local.ufrag, password=local.password))
        prints = [RTCDtlsFingerprint(algorithm=digest, value=value) for digest, value in local.fingerprints]
        await self.dtls.start(RTCDtlsParameters(fingerprints=prints))

    async def close(self) -> None:
        await self.dtls.stop()
        await self.ice.stop()


class Pair:
    """Both sides, connected."""

    def __init__(self) -> None:
        self.ours, self.viewer, self.told = WebRtcTransport(), Viewer(), Told()
        self.local: Local | None = None

    async def connect(self, remote: Remote | None = None) -> None:
        offered = await self.viewer.gather()
        self.local = await self.ours.listen(CandidatePorts(HOST, 0, 0).open([HOST]), "cafe")
        async with asyncio.timeout(20):
            await asyncio.gather(
                self.ours.connect(remote or offered, [self.told]),
                self.viewer.connect(self.local),
                return_exceptions=False,
            )


@pytest.fixture
async def pair(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pair]:
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: [HOST])
    made = Pair()
    yield made
    await made.viewer.close()
    await made.ours.close()


def test_an_unknown_version_of_aiortc_is_refused_loudly() -> None:
    check_versions()
    with pytest.raises(LocalError, match=r"aiortc 1\.17\.0 is unknown"):
        check_versions({"aiortc": "1.17.0", "aioice": "0.13.0"}.__getitem__)
    with pytest.raises(LocalError, match=r"aioice 0\.14\.2 is unknown"):
        check_versions({"aiortc": "1.16.3", "aioice": "0.14.2"}.__getitem__)


def test_no_other_module_knows_aiortc() -> None:
    for path in (path for package in ("media", "gateway", "interop") for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            if any(name.split(".")[0] in ("aiortc", "aioice", "pylibsrtp") for name in names):
                assert path == Path(webrtc.__file__)


async def test_nobody_else_is_asked_for_our_address(pair: Pair) -> None:
    await pair.connect()
    connection = pair.ours._gatherer._connection
    assert connection.stun_server is None and connection.turn_server is None
    assert pair.local is not None and pair.local.cname == "cafe"
    (candidate,) = pair.local.candidates
    assert candidate.split()[1:3] == ["1", "udp"] and candidate.split()[4:] == [
        HOST,
        str(connection._protocols[0].local_candidate.port),
        "typ",
        "host",
    ]
    assert [digest for digest, _ in pair.local.fingerprints] == ["sha-256"]


async def test_packets_arrive_decrypted_and_feedback_comes_back(pair: Pair) -> None:
    await pair.connect()
    await pair.ours.send(bytes.fromhex("8066 7fff 00000e10 01020304 aabb"))
    assert await pair.viewer.received.get() == bytes.fromhex("8066 7fff 00000e10 01020304 aabb")
    await pair.ours.send(SenderReport(Told.ssrc, 1, 2, 3, 4).to_bytes())
    assert parse_compound(await pair.viewer.received.get()) == [SenderReport(Told.ssrc, 1, 2, 3, 4)]
    await pair.viewer.dtls._send_rtp(bytes(RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=Told.ssrc, lost=[7, 9])))
    await pair.viewer.dtls._send_rtp(bytes(RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=Told.ssrc)))
    await pair.viewer.dtls._send_rtp(bytes(RtcpPsfbPacket(fmt=2, ssrc=1, media_ssrc=Told.ssrc)))
    await pair.viewer.dtls._send_rtp(bytes(RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=99)))
    async with asyncio.timeout(10):
        while len(pair.told.said) < 2:
            pair.told.news.clear()
            await pair.told.news.wait()
    assert pair.told.said == [[7, 9], "picture"]


async def test_a_viewer_who_says_goodbye_is_gone_at_once(pair: Pair) -> None:
    await pair.connect()
    await pair.viewer.close()
    async with asyncio.timeout(10):
        await pair.ours.ended.wait()
    assert not pair.ours.vanished
    with pytest.raises(ConnectionError):
        await pair.ours.send(bytes(12))


async def test_a_viewer_who_stops_to_consent_has_vanished(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioice.ice.CONSENT_INTERVAL", 0.02)
    monkeypatch.setattr("aioice.ice.CONSENT_FAILURES", 2)
    await pair.connect()
    for protocol in pair.viewer.gatherer._connection._protocols:
        protocol.transport.abort()
    async with asyncio.timeout(20):
        await pair.ours.ended.wait()
    assert pair.ours.vanished


async def test_another_certificate_than_the_offers_is_no_connection(pair: Pair) -> None:
    remote = await pair.viewer.gather()
    forged = Remote(remote.ufrag, remote.password, (("sha-256", ":".join(["4D"] * 32)),))
    with pytest.raises(ConnectionError, match="handshake"):
        await pair.connect(forged)
    assert pair.ours.ended.is_set()


async def test_a_connection_closed_while_it_waits_ends_as_an_error(pair: Pair) -> None:
    await pair.ours.listen(CandidatePorts(HOST, 0, 0).open([HOST]), "cafe")
    waiting = asyncio.create_task(pair.ours.connect(await pair.viewer.gather(), [pair.told]))
    await asyncio.sleep(0)
    await pair.ours.close()
    with pytest.raises(ConnectionError, match="no ICE check"):
        await waiting


async def test_strangers_fill_no_memory(pair: Pair) -> None:
    await pair.connect()
    connection = pair.ours._gatherer._connection
    (protocol,) = connection._protocols
    before = connection._queue.qsize()
    for _ in range(3):
        protocol.datagram_received(b"\x80 a stranger's", ("192.0.2.1", 9))
    protocol.datagram_received(b"", ("192.0.2.1", 9))
    assert connection._queue.qsize() == before
    own = connection._nominated[1].remote_addr
    for _ in range(2 * MOST_WAITING):
        protocol.datagram_received(b"\x16 the viewer's", own)
    assert connection._queue.qsize() == MOST_WAITING


async def test_what_only_looks_like_a_check_fills_no_memory_and_breaks_nothing(pair: Pair) -> None:
    await pair.ours.listen(CandidatePorts(HOST, 0, 0).open([HOST]), "cafe")
    connection = pair.ours._gatherer._connection
    (protocol,) = connection._protocols
    head = "0001 0008 2112a442 000102030405060708090a0b"
    for text in ("00", "0301 aabb", head, head + "0024 0002 0000 0000", head + "8029 0004 00000001"):
        protocol.datagram_received(bytes.fromhex(text), ("192.0.2.1", 9))
    assert connection._queue.qsize() == 0 and not connection._remote_candidates


def check(connection: Any, *, priority: bool = True) -> bytes:
    """A connectivity check of a viewer who has our answer (RFC 8445 7.2.4)."""
    made = Message(message_method=Method.BINDING, message_class=Class.REQUEST)
    made.attributes["USERNAME"] = f"{connection.local_username}:{connection.remote_username}"
    if priority:
        made.attributes["PRIORITY"] = 1
    made.add_message_integrity(connection.local_password.encode())
    return bytes(made)


async def test_a_viewer_checks_from_so_many_addresses_and_no_more(pair: Pair) -> None:
    await pair.connect()
    connection: Any = pair.ours._gatherer._connection
    (protocol,) = connection._protocols
    protocol.datagram_received(check(connection, priority=False), ("127.0.0.9", 29_999))
    assert len(connection._remote_candidates) == 1
    for port in range(30_000, 30_000 + 2 * MOST_SOURCES):
        protocol.datagram_received(check(connection), ("127.0.0.9", port))
    assert len(connection._remote_candidates) == MOST_SOURCES
    own = connection._nominated[1].remote_addr
    assert protocol._is_check(check(connection), own), "a known one goes on"


async def test_we_begin_the_handshake_whoever_leads_the_checks(pair: Pair) -> None:
    """The answer says setup:active (RFC 5763 5), and a conflict of ICE roles is not to change it."""
    pair.viewer.ice._connection.ice_controlling = False
    pair.ours._gatherer._connection._tie_breaker = (1 << 64) - 1
    pair.viewer.dtls._set_role("server")
    await pair.connect()
    assert pair.ours._ice.role == "controlling" and pair.ours._dtls.state == "connected"


async def test_what_the_network_does_not_take_is_lost_and_not_kept(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    class Narrow:
        waiting = MOST_UNSENT - 1

        def get_write_buffer_size(self) -> int:
            return self.waiting

        def sendto(self, data: bytes, addr: Any) -> None:
            self.waiting += len(data)

    await pair.connect()
    (protocol,) = pair.ours._gatherer._connection._protocols
    with monkeypatch.context() as patch:
        narrow = Narrow()
        patch.setattr(protocol, "transport", narrow)
        for _ in range(9):
            await pair.ours.send(bytes.fromhex("8066 7fff 00000e10 01020304 aabb"))
        assert MOST_UNSENT < narrow.waiting < MOST_UNSENT + 100


def test_addresses_of_the_network_cards() -> None:
    for one in WebRtcTransport.own_addresses():
        family = socket.AF_INET6 if ":" in one else socket.AF_INET
        assert socket.inet_pton(family, one) and one != HOST
