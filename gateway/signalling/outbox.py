"""Sending a long answer in many MESSAGEs (多响应消息): packed to fit, in a window that grows while 200s come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from sip import RemoteError, Response
from sip.manscdp import CatalogItem, CatalogResponse, Edition, dumps

UDP_BODY_BYTES = 1300 - 450
"""What a MESSAGE over UDP may carry so that the whole datagram stays within 1300 bytes (RFC 3261 18.1.1)."""

TRIES = 3


@dataclass(slots=True)
class Delivery:
    """How many messages of an answer were sent, acknowledged by a 200, and given up."""

    messages: int = 0
    acknowledged: int = 0
    failed: int = 0
    problem: str | None = None


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
    item alone is."""

    def body(part: Sequence[CatalogItem]) -> bytes:
        answer = CatalogResponse(sn=sn, device_id=device_id, sum_num=len(items), items=list(part))
        return dumps(answer, charset=charset, edition=edition)

    if not items:
        yield body([])
        return
    start = 0
    while start < len(items):
        count = min(per_message, len(items) - start)
        page = body(items[start : start + count])
        while body_bytes is not None and len(page) > body_bytes and count > 1:
            count = max(1, count // 2)
            page = body(items[start : start + count])
        yield page
        start += count


async def deliver(pages: Iterator[bytes], send: Callable[[bytes], Awaitable[Response]], *, max_window: int) -> Delivery:
    """Send every page, several at once; a page that is not answered 200 is tried again, then given up and counted.

    The window starts at one, grows by one with each 200 and falls back to one with each failure, so that a peer that
    can only take one message at a time gets one at a time.
    """
    delivery = Delivery()
    window, under_way = 1, set[asyncio.Task[bool]]()
    exhausted = False

    async def one(page: bytes) -> bool:
        for _ in range(TRIES):
            try:
                response = await send(page)
            except RemoteError as error:
                delivery.problem = str(error)
                continue
            if response.status < 300:
                return True
            delivery.problem = f"answered {response.status} {response.reason}"
            if response.status not in (408, 480, 486, 500, 503):
                return False
        return False

    while not exhausted or under_way:
        while not exhausted and len(under_way) < window and not delivery.failed:
            page = next(pages, None)
            if page is None:
                exhausted = True
                break
            delivery.messages += 1
            under_way.add(asyncio.create_task(one(page)))
        if not under_way:
            break
        done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if task.result():
                delivery.acknowledged += 1
                window = min(window + 1, max_window)
            else:
                delivery.failed += 1
                window = 1
    return delivery
