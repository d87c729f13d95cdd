"""Our addresses on real sockets of 127.0.0.1, and which of them leads to a peer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sip.aio.listeners import Listeners
from sip.aio.route import WayOut
from sip.aio.tcp import TcpConnection
from sip.counters import Counters
from sip.errors import LocalError, ParseError
from sip.limits import Limits
from sip.peer import Peer
from sip.tolerance import LENIENT
from sip.transaction.machine import Local

HOST = "127.0.0.1"
FAR = Peer("UDP", HOST, 5099)
MESSAGE = b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nContent-Length: 0\r\n\r\n"


class Heard:
    """Keeps what the sockets bring."""

    def __init__(self) -> None:
        self.datagrams: asyncio.Queue[tuple[bytes, Peer, Local]] = asyncio.Queue()
        self.messages: asyncio.Queue[tuple[bytes | ParseError, TcpConnection]] = asyncio.Queue()
        self.batches = 0

    def datagram_arrived(self, data: bytes, source: Peer, local: Local) -> None:
        self.datagrams.put_nowait((data, source, local))

    def message_arrived(self, message: bytes | ParseError, connection: TcpConnection) -> None:
        self.messages.put_nowait((message, connection))

    def batch_ended(self) -> None:
        self.batches += 1

    def connection_ended(self, connection: TcpConnection, reason: str) -> None:
        pass


@asynccontextmanager
async def bound() -> AsyncIterator[tuple[Listeners, Heard]]:
    heard = Heard()
    now = asyncio.get_running_loop().time
    listeners = Listeners(heard, limits=Limits(), counters=Counters(), tolerance=LENIENT, now=now)
    try:
        yield listeners, heard
    finally:
        await listeners.close()


@asynccontextmanager
async def far_end() -> AsyncIterator[tuple[socket.socket, Peer]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.setblocking(False)
        far.bind((HOST, 0))
        yield far, Peer("UDP", HOST, far.getsockname()[1])


def unexpected(reason: str) -> None:
    raise AssertionError(reason)


async def test_a_datagram_comes_with_its_source_and_the_address_it_came_to() -> None:
    async with bound() as (listeners, heard), far_end() as (far, peer), asyncio.timeout(5):
        port = await listeners.listen("UDP", HOST, 0)
        for data in (b"one", b"two"):
            far.sendto(data, (HOST, port))
            assert await heard.datagrams.get() == (data, peer, (HOST, port))
        listeners.send(b"three", peer, (HOST, port), unexpected)
        assert await asyncio.get_running_loop().sock_recv(far, 99) == b"three"
        assert heard.batches > 0


async def test_what_leaves_from_an_address_given_up_goes_nowhere() -> None:
    async with bound() as (listeners, _):
        listeners.send(b"x", FAR, (HOST, 1), unexpected)


async def test_a_tcp_connection_is_opened_once_and_its_end_is_told_to_who_sends() -> None:
    async with bound() as (near, heard), bound() as (far, answering), asyncio.timeout(5):
        port = await far.listen("TCP", HOST, 0)
        to, sent_by, local = near.hop(Peer("TCP", HOST, port))
        assert to.connection is not None and (sent_by, local) == ((HOST, 5060), (HOST, 5060))
        assert near.hop(Peer("TCP", HOST, port))[0] == to
        near.send(MESSAGE, to, local, unexpected)
        message, connection = await answering.messages.get()
        assert message == MESSAGE
        far.send(MESSAGE, connection.peer, connection.local, unexpected)
        assert (await heard.messages.get())[0] == MESSAGE
        reasons: list[str] = []
        near.send(b"x", Peer("TCP", HOST, port, 4711), local, reasons.append)
        assert reasons == ["connection closed"]


async def test_an_unknown_transport_and_a_name_are_our_mistakes() -> None:
    async with bound() as (listeners, _):
        with pytest.raises(LocalError, match="no such transport"):
            await listeners.listen("SCTP", HOST, 0)
        with pytest.raises(LocalError, match="not an IP address"):
            listeners.hop(Peer("UDP", "camera.lan", 5060))
        with pytest.raises(LocalError, match="no UDP address"):
            listeners.hop(FAR)


async def test_an_ipv6_peer_has_one_spelling() -> None:
    async with bound() as (listeners, _):
        port = await listeners.listen("UDP", "::1", 0)
        to, sent_by, local = listeners.hop(Peer("UDP", "0:0:0:0:0:0:0:1", 5060))
        assert (to.host, sent_by, local) == ("::1", ("::1", port), ("::1", port))


async def test_with_several_sockets_a_peer_is_reached_from_the_one_it_came_to_else_by_its_route() -> None:
    async with bound() as (listeners, heard), far_end() as (far, peer), asyncio.timeout(5):
        await listeners.listen("UDP", "127.0.0.2", 0)
        routed = await listeners.listen("UDP", HOST, 0)
        other = await listeners.listen("UDP", "127.0.0.3", 0)
        assert listeners.local_address(peer) == (HOST, routed)
        far.sendto(b"x", ("127.0.0.3", other))
        await heard.datagrams.get()
        assert listeners.local_address(peer) == ("127.0.0.3", other)


async def test_a_wildcard_socket_serves_where_no_other_does_and_shows_the_address_of_the_route() -> None:
    async with bound() as (listeners, _):
        await listeners.listen("UDP", "127.0.0.2", 0)
        port = await listeners.listen("UDP", "0.0.0.0", 0)
        assert listeners.local_address(FAR) == (HOST, port)


async def test_an_advertised_host_is_what_peers_see() -> None:
    async with bound() as (listeners, _):
        for transport in ("UDP", "TCP"):
            port = await listeners.listen(transport, HOST, 0, advertised_host="203.0.113.5")
            assert listeners.local_address(Peer(transport, HOST, 5099)) == ("203.0.113.5", port)


@asynccontextmanager
async def several() -> AsyncIterator[tuple[Listeners, dict[str, int], list[WayOut]]]:
    """Three addresses, and a policy that sends everybody out by what was appended last."""
    chosen: list[WayOut] = []
    now = asyncio.get_running_loop().time
    listeners = Listeners(
        Heard(), limits=Limits(), counters=Counters(), tolerance=LENIENT, now=now, way_out=lambda peer: chosen[-1]
    )
    hosts = ("127.0.0.2", "127.0.0.3", "0.0.0.0")
    ports = {host: await listeners.listen_on_one_number(("UDP", "TCP"), host, 0) for host in hosts}
    try:
        yield listeners, ports, chosen
    finally:
        await listeners.close()


@pytest.mark.parametrize("host", ["127.0.0.2", "127.0.0.3"])
async def test_the_application_chooses_the_address_a_request_leaves_from(host: str) -> None:
    async with several() as (listeners, ports, chosen), bound() as (far, heard), asyncio.timeout(5):
        chosen.append(WayOut(host, ports[host]))
        peer = Peer("UDP", HOST, await far.listen("UDP", HOST, 0))
        to, sent_by, local = listeners.hop(peer)
        assert sent_by == local == (host, ports[host])
        listeners.send(b"x", to, local, unexpected)
        assert (await heard.datagrams.get())[1].host == host
        to, sent_by, local = listeners.hop(Peer("TCP", HOST, await far.listen("TCP", HOST, 0)))
        assert sent_by == (host, ports[host])
        listeners.send(MESSAGE, to, local, unexpected)
        assert (await heard.messages.get())[1].peer.host == host


async def test_each_way_out_shows_an_address_of_its_own_and_a_wildcard_that_of_the_route() -> None:
    async with several() as (listeners, ports, chosen):
        for transport in ("UDP", "TCP"):
            peer = Peer(transport, HOST, 5099)
            chosen.append(WayOut("127.0.0.2", ports["127.0.0.2"], "203.0.113.5"))
            assert listeners.local_address(peer) == ("203.0.113.5", ports["127.0.0.2"])
            chosen.append(WayOut("0.0.0.0", ports["0.0.0.0"]))
            assert listeners.local_address(peer) == (HOST, ports["0.0.0.0"])


async def test_a_way_out_that_is_not_bound_is_none() -> None:
    async with several() as (listeners, ports, chosen):
        chosen.append(WayOut("127.0.0.9", 5060))
        assert listeners.hop(FAR)[2] == ("0.0.0.0", ports["0.0.0.0"])


async def test_over_tcp_the_listener_of_the_route_is_shown_and_a_wildcard_by_the_route() -> None:
    async with bound() as (listeners, _):
        wildcard = await listeners.listen("TCP", "0.0.0.0", 0)
        assert listeners.local_address(Peer("TCP", HOST, 5099)) == (HOST, wildcard)
        exact = await listeners.listen("TCP", HOST, 0)
        assert listeners.local_address(Peer("TCP", HOST, 5099)) == (HOST, exact)


@pytest.mark.parametrize("transports", [("UDP", "TCP"), ("TCP", "UDP")])
async def test_a_number_held_by_somebody_else_is_given_back_whole(transports: tuple[str, str]) -> None:
    kind = socket.SOCK_STREAM if transports[1] == "TCP" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind((HOST, 0))
        held = holder.getsockname()[1]
        async with bound() as (listeners, _):
            with pytest.raises(OSError):
                await listeners.listen_on_one_number(transports, HOST, held)
            number = await listeners.listen_on_one_number(transports, HOST, 0)
            assert number != held
            for transport in transports:
                assert listeners.local_address(Peer(transport, HOST, 5099)) == (HOST, number)
