"""The connection to the relay."""

from __future__ import annotations

import socket

import pytest

from media.worker.pull_outlet import PullOutlet

PACKETS = [b"first packet", b"second"]


def test_over_tcp_each_packet_has_its_length_before_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        outlet = PullOutlet(listener.getsockname(), "tcp")
        accepted, _ = listener.accept()
        with accepted:
            outlet.send(PACKETS)
            outlet.close()
            assert b"".join(iter(lambda: accepted.recv(100), b"")) == b"\0\x0cfirst packet\0\x06second"


def test_over_udp_each_packet_is_a_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        outlet = PullOutlet(receiver.getsockname(), "udp")
        outlet.send(PACKETS)
        outlet.close()
        assert [receiver.recv(100), receiver.recv(100)] == PACKETS


def test_a_relay_that_is_not_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gone = listener.getsockname()
    with pytest.raises(ConnectionRefusedError):
        PullOutlet(gone, "tcp")
