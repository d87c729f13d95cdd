"""Free ports are really free, and the kernel gives them to nobody meanwhile."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from interop.demo import ports
from interop.demo.ports import HOST, choosable, free_port, free_range


@pytest.fixture
def ephemeral(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file in the place of the kernel's."""
    file = tmp_path / "ip_local_port_range"
    monkeypatch.setattr(ports, "EPHEMERAL", file)
    choosable.cache_clear()
    yield file
    choosable.cache_clear()


def test_a_free_port_takes_both_udp_and_tcp() -> None:
    port = free_port()
    with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind((HOST, port))
        tcp.bind((HOST, port))


def test_no_port_is_one_a_socket_bound_to_port_0_could_be_given() -> None:
    low, high = map(int, ports.EPHEMERAL.read_text("ascii").split())
    for _ in range(200):
        assert not low <= free_port() <= high
    first, last = free_range(200, set())
    assert last < low or first > high


def test_no_port_is_given_twice_in_a_row() -> None:
    given = [free_port() for _ in range(300)]
    assert len(set(given)) == 300


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["UDP", "TCP"])
def test_a_port_of_which_one_side_is_taken_is_passed_over(
    kind: socket.SocketKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, free = free_port(), free_port()
    ports._given.clear()
    with socket.socket(type=kind) as holder:
        holder.bind((HOST, held))
        chosen = iter((held, free))
        monkeypatch.setattr(ports.random, "choice", lambda _: next(chosen))
        assert free_port() == free


def test_no_port_left(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as holder:
        holder.bind((HOST, 0))
        monkeypatch.setattr(ports.random, "choice", lambda _: holder.getsockname()[1])
        with pytest.raises(OSError, match="no free port"):
            free_port()


def test_ranges_do_not_overlap_and_keep_clear_of_single_ports() -> None:
    taken: set[int] = set()
    ranges = sorted(free_range(200, taken) for _ in range(20))
    assert all(last - first == 199 for first, last in ranges)
    assert all(one[1] < other[0] for one, other in zip(ranges, ranges[1:], strict=False))
    assert taken == {first for first, _ in ranges}
    singles = [free_port() for _ in range(100)]
    assert not any(first <= port <= last for port in singles for first, last in ranges)


def test_no_range_left() -> None:
    taken = {choosable()[place] for place in range(0, len(choosable()), 200)}
    with pytest.raises(OSError, match="no free port range"):
        free_range(200, taken)


def test_a_range_does_not_reach_over_the_ephemeral_ports(ephemeral: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ephemeral.write_text("10100\t50000\n")
    places = iter((0, 1))
    monkeypatch.setattr(ports.random, "randrange", lambda _: next(places))
    first, last = free_range(200, set())
    assert (first, last) == (50_101, 50_300)


def test_a_machine_whose_ephemeral_ports_are_nearly_all_ports_still_has_some(ephemeral: Path) -> None:
    ephemeral.write_text("1024\t65535\n")
    assert choosable() == tuple(range(ports.LOWEST, 65_536))
    assert free_port() >= ports.LOWEST
