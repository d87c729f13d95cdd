"""Free ports are really free."""

from __future__ import annotations

import socket

import pytest

from interop.demo import ports
from interop.demo.ports import HOST, free_port, free_range


def test_a_free_port_takes_both_udp_and_tcp() -> None:
    port = free_port()
    with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind((HOST, port))
        tcp.bind((HOST, port))


def test_a_port_whose_udp_side_is_taken_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    real, refused = socket.socket.bind, []

    def bind(self: socket.socket, address: tuple[str, int]) -> None:
        if self.type == socket.SOCK_DGRAM and not refused:
            refused.append(address[1])
            raise OSError(98, "Address already in use")
        real(self, address)

    monkeypatch.setattr(socket.socket, "bind", bind)
    free_port()
    assert len(refused) == 1


def test_ranges_do_not_overlap_and_lie_below_the_ephemeral_ports() -> None:
    taken: set[int] = set()
    ranges = sorted(free_range(200, taken) for _ in range(20))
    assert all(last - first == 199 for first, last in ranges)
    assert all(one[1] < other[0] for one, other in zip(ranges, ranges[1:], strict=False))
    assert all(first >= 10_000 and last < 32_000 for first, last in ranges)
    assert taken == {first for first, _ in ranges}


def test_no_range_left(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind((HOST, 0))
        monkeypatch.setattr(ports.random, "randrange", lambda *_: udp.getsockname()[1])
        with pytest.raises(OSError, match="no free port range"):
            free_range(1, set())
