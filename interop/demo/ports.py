"""Free ports for nodes on this machine."""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that is free for UDP and TCP right now."""
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind((HOST, 0))
            port = int(tcp.getsockname()[1])
            try:
                udp.bind((HOST, port))
            except OSError:
                continue
            return port


def free_range(size: int, taken: set[int]) -> tuple[int, int]:
    """The first and last port of a range below the ephemeral ports whose ends are free and that is not taken yet."""
    for _ in range(1000):
        first = random.randrange(10_000, 32_000 - size, size)
        if first in taken or not all(_is_free(port) for port in (first, first + size // 2, first + size - 1)):
            continue
        taken.add(first)
        return first, first + size - 1
    raise OSError("no free port range")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        try:
            udp.bind((HOST, port))
        except OSError:
            return False
    return True
