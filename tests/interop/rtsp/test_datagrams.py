"""Two datagram ports side by side."""

from __future__ import annotations

import asyncio
import socket

import pytest

from interop.rtsp import datagrams
from interop.rtsp.datagrams import DatagramPair, even_pair


def test_the_pair_is_even_and_the_one_above() -> None:
    for _ in range(20):
        rtp, rtcp = even_pair("127.0.0.1")
        with rtp, rtcp:
            first, second = rtp.getsockname()[1], rtcp.getsockname()[1]
        assert first % 2 == 0 and second == first + 1


def test_when_every_neighbour_is_taken_it_gives_up_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = datagrams._bound

    def crowded(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
        if port:
            raise OSError("taken")
        return bound(family, host, port)

    monkeypatch.setattr(datagrams, "_bound", crowded)
    with pytest.raises(OSError, match="side by side"):
        even_pair("127.0.0.1")


def test_an_address_that_is_not_ours_is_refused() -> None:
    with pytest.raises(OSError):
        even_pair("192.0.2.1")


async def test_packets_leave_from_their_port_and_rtcp_is_heard() -> None:
    heard: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
    pair = DatagramPair()
    pair.send(b"early", ("127.0.0.1", 9), control=False)
    await pair.open("127.0.0.1", lambda host, port: heard.put_nowait((host, port)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind(("127.0.0.1", 0))
        client.settimeout(5)
        port = client.getsockname()[1]
        for control in (False, True):
            pair.send(b"x", ("127.0.0.1", port), control=control)
            assert client.recvfrom(10) == (b"x", ("127.0.0.1", pair.ports[control]))
        client.sendto(b"report", ("127.0.0.1", pair.ports[1]))
        async with asyncio.timeout(5):
            assert await heard.get() == ("127.0.0.1", port)
    pair.send(b"x" * 70_000, ("127.0.0.1", port), control=False)
    assert pair.lost == 1
    pair.close()
    pair.close()
    pair.send(b"late", ("127.0.0.1", port), control=False)
    await asyncio.sleep(0)
