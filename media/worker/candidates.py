"""Where WebRTC viewers reach a stream worker: one UDP socket of a bounded port range per address and viewer."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

MOST_ADDRESSES = 8
SEND_BUFFER = 1024 * 1024
"""SO_SNDBUF asked for: a key frame goes out in bursts."""
_TAKEN = (errno.EADDRINUSE, errno.EACCES)


class NoPort(Exception):
    """Every port of the range is in use, or no address can be bound."""


@dataclass(frozen=True, slots=True)
class Reach:
    """``told``: the address the viewer is given, ``sock``: the bound, non-blocking socket behind it."""

    told: str
    sock: socket.socket

    @property
    def port(self) -> int:
        return int(self.sock.getsockname()[1])


class CandidatePorts:
    """Binds sockets between ``first`` and ``last``, from the end of the range: the relay takes the beginning first.

    ``bind``: the address of media sockets; where it is every address, each told one is bound itself, or, when it is
    none of this machine's (a NAT forwards it), every address of its family. ``last`` 0: ports of the kernel's choice.
    """

    def __init__(self, bind: str, first: int, last: int) -> None:
        self._bind = bind
        self._any = not bind or ip_address(bind).is_unspecified
        self._first, self._last = first, last

    def open(self, addresses: Sequence[str]) -> list[Reach]:
        """A socket for each address that can have one. Raises `NoPort` when none can."""
        reached: list[Reach] = []
        problems: list[str] = []
        for told in list(dict.fromkeys(addresses))[:MOST_ADDRESSES]:
            try:
                reached.append(Reach(told, self._socket(told)))
            except OSError as error:
                problems.append(f"{told}: {error}")
        if not reached:
            raise NoPort("; ".join(problems) or "no address")
        return reached

    def _socket(self, told: str) -> socket.socket:
        if not self._any:
            return self._bound(self._bind)
        try:
            return self._bound(told)
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL:
                raise
        return self._bound("::" if ":" in told else "0.0.0.0")

    def _bound(self, host: str) -> socket.socket:
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            for port in range(self._last, self._first - 1, -1) if self._last else (0,):
                try:
                    sock.bind((host, port))
                    return sock
                except OSError as error:
                    if error.errno not in _TAKEN:
                        raise
        except OSError:
            sock.close()
            raise
        sock.close()
        raise OSError(errno.EADDRINUSE, f"every port of {self._first}-{self._last} is in use")


def told_addresses(configured: Sequence[str], bind: str, seen: str, own: Sequence[str]) -> list[str]:
    """The addresses to tell a viewer: those configured; else the one media sockets bind to; else, where that is every
    address, the one the viewer reached us at (``seen``) and those of our network cards (``own``)."""
    if configured:
        return list(configured)
    if bind and not ip_address(bind).is_unspecified:
        return [bind]
    return [seen, *own] if seen else list(own)
