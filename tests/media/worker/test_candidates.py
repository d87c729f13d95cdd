"""Sockets for WebRTC viewers: which addresses, which ports."""

from __future__ import annotations

import socket

import pytest

from interop.demo.ports import free_range
from media.worker.candidates import MOST_ADDRESSES, CandidatePorts, NoPort, told_addresses

HOST = "127.0.0.1"


def test_ports_are_taken_from_the_end_of_the_range_until_none_is_left() -> None:
    first, last = free_range(2, set())
    ports = CandidatePorts(HOST, first, last)
    opened = [ports.open([HOST])[0], ports.open(["192.0.2.7"])[0]]
    assert [(one.told, one.port, one.sock.getsockname()[0]) for one in opened] == [
        (HOST, last, HOST),
        ("192.0.2.7", first, HOST),
    ]
    with pytest.raises(NoPort, match=f"every port of {first}-{last}"):
        ports.open([HOST])
    for one in opened:
        one.sock.close()


def test_where_media_binds_to_every_address_each_told_one_is_bound_itself() -> None:
    opened = CandidatePorts("0.0.0.0", 0, 0).open([HOST, "127.0.0.2", HOST])
    assert [one.sock.getsockname()[0] for one in opened] == [HOST, "127.0.0.2"]
    for one in opened:
        assert not one.sock.getblocking() and one.port
        one.sock.close()


def test_an_address_of_a_nat_in_front_is_bound_as_every_address() -> None:
    (one,) = CandidatePorts("", 0, 0).open(["192.0.2.1"])
    assert (one.told, one.sock.getsockname()[0], one.sock.family) == ("192.0.2.1", "0.0.0.0", socket.AF_INET)
    one.sock.close()


def test_an_address_that_cannot_be_bound_is_left_out_or_said() -> None:
    (one,) = CandidatePorts("0.0.0.0", 0, 0).open(["fe80::1", HOST])
    assert one.told == HOST
    one.sock.close()
    with pytest.raises(NoPort, match="fe80::1"):
        CandidatePorts("0.0.0.0", 0, 0).open(["fe80::1"])
    with pytest.raises(NoPort, match="Cannot assign"):
        CandidatePorts("192.0.2.1", 0, 0).open([HOST])
    with pytest.raises(NoPort, match="no address"):
        CandidatePorts("0.0.0.0", 0, 0).open([])


def test_addresses_are_bounded() -> None:
    opened = CandidatePorts("0.0.0.0", 0, 0).open([f"127.0.0.{n}" for n in range(1, 20)])
    assert len(opened) == MOST_ADDRESSES
    for one in opened:
        one.sock.close()


def test_what_a_viewer_is_told() -> None:
    assert told_addresses(["203.0.113.1"], "0.0.0.0", "10.0.0.1", ["10.0.0.2"]) == ["203.0.113.1"]
    assert told_addresses([], "127.0.0.1", "10.0.0.1", ["10.0.0.2"]) == ["127.0.0.1"]
    assert told_addresses([], "0.0.0.0", "10.0.0.1", ["10.0.0.2"]) == ["10.0.0.1", "10.0.0.2"]
    assert told_addresses([], "", "", ["10.0.0.2"]) == ["10.0.0.2"]
