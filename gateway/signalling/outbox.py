"""Sending a long answer in many MESSAGEs (多响应消息): packed to fit, in a window that grows while 200s come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sip import RemoteError, Response
from sip.manscdp import CatalogItem, CatalogResponse, Edition, dumps

TRIES = 3
WORTH_TRYING_AGAIN = frozenset({408, 480, 486, 500, 503})
"""Answers that speak of the moment, not of the message."""

T = TypeVar("T")


@dataclass(slots=True)
class Delivery:
    """How it went: messages sent, acknowledged by a 2xx, sent once more, given up; `unsent` is True when the rest of
    the answer was not sent at all because a message had to be given up."""

    messages: int = 0
    acknowledged: int = 0
    repeated: int = 0
    failed: int = 0
    unsent: bool = False
    problem: str | None = None


def packed(
    items: Sequence[T], body: Callable[[Sequence[T]], bytes], *, most: int, body_bytes: int | None
) -> Iterator[tuple[Sequence[T], bytes]]:
    """Cut `items` into parts of at most `most` whose body is at most `body_bytes` long, unless one item alone is.

    Writing a body is what costs time, so the size of a part is guessed from the one before: the usual item is written
    once.
    """
    start, guess = 0, most if body_bytes is None else 2
    while start < len(items):
        part = items[start : start + min(guess, most)]
        page = body(part)
        while body_bytes is not None and len(page) > body_bytes and len(part) > 1:
            part = part[: max(1, min(len(part) - 1, len(part) * body_bytes // len(page)))]
            page = body(part)
        yield part, page
        start += len(part)
        guess = most if body_bytes is None else max(1, len(part) * body_bytes // max(1, len(page)))


def catalogue_pages(
    sn: int,
    device_id: str,
    items: Sequence[CatalogItem],
    *,
    charset: str,
    edition: Edition,
    per_message: int,
    body_bytes: int | None,
) -> Iterator[bytes]:
    """The bodies of a catalogue answer: every message has SN and the total; none is larger than `body_bytes` unless one
    item alone is. An empty answer is one message without a list."""

    def body(part: Sequence[CatalogItem]) -> bytes:
        answer = CatalogResponse(sn=sn, device_id=device_id, sum_num=len(items), items=list(part))
        return dumps(answer, charset=charset, edition=edition)

    if not items:
        yield body([])
        return
    for _, page in packed(items, body, most=per_message, body_bytes=body_bytes):
        yield page


async def deliver(
    pages: Iterator[bytes], send: Callable[[bytes], Awaitable[Response]], *, max_window: int, tries: int = TRIES
) -> Delivery:
    """Send every page, several at once; a page that is not answered 2xx is tried again, then given up and counted.

    The window starts at one, grows by one with each 2xx and falls back to one when a page has to be repeated, so that
    a peer that can only take one message at a time gets one at a time. After a page given up nothing more is started.
    """
    courier = _Courier(send, max_window, tries)
    try:
        await courier.run(pages)
    finally:
        await courier.close()
    return courier.delivery


class _Courier:
    def __init__(self, send: Callable[[bytes], Awaitable[Response]], max_window: int, tries: int) -> None:
        self.delivery = Delivery()
        self._send = send
        self._max_window = max_window
        self._tries = tries
        self._window = 1
        self._under_way: set[asyncio.Task[None]] = set()
        self._settled = asyncio.Event()

    async def run(self, pages: Iterator[bytes]) -> None:
        delivery = self.delivery
        for page in pages:
            while len(self._under_way) >= self._window:
                await self._next_settled()
            if delivery.failed:
                delivery.unsent = True
                break
            delivery.messages += 1
            task = asyncio.create_task(self._carry(page))
            self._under_way.add(task)
            task.add_done_callback(self._ended)
        while self._under_way:
            await self._next_settled()

    async def close(self) -> None:
        """Leave nothing running behind."""
        tasks = list(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _next_settled(self) -> None:
        self._settled.clear()
        await self._settled.wait()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._settled.set()

    async def _carry(self, page: bytes) -> None:
        for attempt in range(self._tries):
            if attempt:
                self.delivery.repeated += 1
                self._window = 1
            taken = await self._taken(page)
            if taken:
                return
            if taken is None:
                break
        self.delivery.failed += 1
        self._window = 1

    async def _taken(self, page: bytes) -> bool | None:
        """Send once: whether it was accepted; None when trying again is hopeless."""
        try:
            response = await self._send(page)
        except RemoteError as error:
            self.delivery.problem = str(error)
            return False
        if response.status < 300:
            self.delivery.acknowledged += 1
            self._window = min(self._window + 1, self._max_window)
            return True
        self.delivery.problem = f"answered {response.status} {response.reason}"
        return False if response.status in WORTH_TRYING_AGAIN else None
