"""Free ports for programs started on this machine, from where the kernel takes none for itself."""

from __future__ import annotations

import functools
import random
import socket
from collections import deque
from pathlib import Path

HOST = "127.0.0.1"
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
LOWEST = 10_000
FEWEST = 2_000
"""Numbers outside the ephemeral range below which the range is disregarded: better a race than no port."""
TRIES = 1000

_given: deque[int] = deque(maxlen=2_000)


@functools.cache
def choosable() -> tuple[int, ...]:
    """The port numbers to choose from: none that a socket bound to port 0 could be given meanwhile (tcp(7))."""
    low, high = (int(text) for text in EPHEMERAL.read_text("ascii").split())
    outside = (*range(LOWEST, low), *range(max(high + 1, LOWEST), 65_536))
    return outside if len(outside) >= FEWEST else tuple(range(LOWEST, 65_536))


def free_port() -> int:
    """A port that is free for UDP and TCP and was not given lately. OSError when there is none.

    It comes from the upper third of the numbers, `free_range` takes the others: the two never meet.
    """
    numbers = choosable()
    singles = numbers[len(numbers) * 2 // 3 :]
    for _ in range(TRIES):
        port = random.choice(singles)
        if port not in _given and _is_free(port):
            _given.append(port)
            return port
    raise OSError("no free port")


def free_range(size: int, taken: set[int]) -> tuple[int, int]:
    """The first and last port of a range whose ends and middle are free and that is not taken yet."""
    numbers = choosable()
    places = len(numbers) * 2 // 3 // size
    for _ in range(TRIES):
        first, last = (numbers[at] for at in _place(random.randrange(places), size))
        if first in taken or last - first != size - 1:
            continue
        if all(_is_free(port) for port in (first, first + size // 2, last)):
            taken.add(first)
            return first, last
    raise OSError("no free port range")


def _place(number: int, size: int) -> tuple[int, int]:
    return number * size, (number + 1) * size - 1


def _is_free(port: int) -> bool:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        try:
            tcp.bind((HOST, port))
            udp.bind((HOST, port))
        except OSError:
            return False
    return True
