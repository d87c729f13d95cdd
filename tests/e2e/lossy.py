"""A UDP path that loses, repeats and reorders datagrams, by a fixed dice; between one client and one server."""

from __future__ import annotations

import asyncio
import random
from typing import Any


class LossyPath:
    """Forwards datagrams both ways. Probabilities are per datagram; `delay_s` is how late a reordered one is."""

    def __init__(
        self,
        server: tuple[str, int],
        *,
        loss: float = 0.0,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        delay_s: float = 0.02,
        seed: int = 1,
    ) -> None:
        self._server = server
        self._loss, self._duplicate, self._reorder, self._delay_s = loss, duplicate, reorder, delay_s
        self._dice = random.Random(seed)
        self._client: tuple[str, int] | None = None
        self._near: asyncio.DatagramTransport | None = None
        self._far: asyncio.DatagramTransport | None = None
        self.lost = self.duplicated = self.reordered = 0

    async def __aenter__(self) -> LossyPath:
        loop = asyncio.get_running_loop()
        self._near, _ = await loop.create_datagram_endpoint(lambda: _End(self._from_client), ("127.0.0.1", 0))
        self._far, _ = await loop.create_datagram_endpoint(lambda: _End(self._from_server), ("127.0.0.1", 0))
        return self

    async def __aexit__(self, *_: object) -> None:
        for transport in (self._near, self._far):
            if transport is not None:
                transport.close()

    @property
    def address(self) -> tuple[str, int]:
        """Where the client sends to instead of the server."""
        assert self._near is not None
        host, port = self._near.get_extra_info("sockname")[:2]
        return host, port

    def _from_client(self, data: bytes, source: tuple[str, int]) -> None:
        self._client = source
        self._forward(self._far, data, self._server)

    def _from_server(self, data: bytes, source: tuple[str, int]) -> None:
        if self._client is not None:
            self._forward(self._near, data, self._client)

    def _forward(self, transport: asyncio.DatagramTransport | None, data: bytes, to: tuple[str, int]) -> None:
        assert transport is not None
        if self._dice.random() < self._loss:
            self.lost += 1
            return
        if self._dice.random() < self._duplicate:
            self.duplicated += 1
            transport.sendto(data, to)
        if self._dice.random() < self._reorder:
            self.reordered += 1
            asyncio.get_running_loop().call_later(self._delay_s, transport.sendto, data, to)
            return
        transport.sendto(data, to)


class _End(asyncio.DatagramProtocol):
    def __init__(self, taken: Any) -> None:
        self._taken = taken

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._taken(data, (addr[0], addr[1]))
