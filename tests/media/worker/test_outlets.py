"""Sending: datagrams at once, records through a bounded queue."""

from __future__ import annotations

import socket
import struct

import pytest

from media.worker.outlets import TcpOutlet, UdpOutlet

PACKET = struct.pack("!BBHII", 0x80, 0xE0, 1, 2, 3) + bytes(88)


def test_a_datagram_leaves_at_once() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there,
    ):
        there.bind(("127.0.0.1", 0))
        outlet = UdpOutlet(here)
        outlet.remote = there.getsockname()
        assert outlet.put(PACKET)
        assert there.recv(2000) == PACKET
        assert (outlet.packets, outlet.bytes, outlet.dropped, outlet.queued) == (1, 100, 0, 0)


def test_a_datagram_the_kernel_refuses_is_counted() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        outlet = UdpOutlet(here)
        outlet.remote = ("127.0.0.1", 9)
        assert outlet.put(bytes(70_000))
        assert (outlet.packets, outlet.dropped, outlet.error) == (0, 1, "Message too long")


@pytest.fixture
def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair()


def test_records_leave_on_flush(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    outlet = TcpOutlet()
    outlet.connect(here)
    assert outlet.put(PACKET) and outlet.put(PACKET)
    assert outlet.queued == 204
    assert not outlet.flush()
    assert there.recv(1000) == (b"\x00\x64" + PACKET) * 2
    assert (outlet.packets, outlet.bytes, outlet.queued) == (2, 200, 0)
    here.close()
    there.close()


def test_a_receiver_that_takes_nothing_fills_the_queue(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    here.setblocking(False)
    outlet = TcpOutlet(limit=1000)
    outlet.connect(here)
    while outlet.put(PACKET):
        while len(outlet._queue) > 5 and not outlet.flush():
            pass
        outlet.flush()
    assert outlet.dropped == 1 and not outlet.ready and outlet.flush()
    outlet.skip(4)
    assert outlet.dropped == 5
    while there.recv(1 << 20) and outlet.flush():
        pass
    assert outlet.ready
    here.close()
    there.close()


def test_without_a_connection_packets_are_counted_as_lost() -> None:
    outlet = TcpOutlet()
    assert outlet.put(PACKET)
    assert outlet.dropped == 1 and not outlet.flush()


def test_a_broken_connection_is_an_error(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    outlet = TcpOutlet()
    outlet.connect(here)
    there.close()
    outlet.put(PACKET)
    with pytest.raises(OSError):
        outlet.flush()
    outlet.connect(None)
    assert outlet.dropped == 1
    here.close()


def test_what_has_not_begun_to_leave_can_be_forgotten(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    outlet = TcpOutlet()
    outlet.connect(here)
    outlet.put(PACKET)
    outlet.forget()
    assert (outlet.queued, outlet.dropped) == (0, 1)
    UdpOutlet(here).forget()
    here.close()
    there.close()
