from __future__ import annotations

import asyncio
from dataclasses import replace

from catalog.change import Change, Changes, Event
from catalog.feed import Feed


def changes(number: int) -> Changes:
    return Changes("p", "notify", float(number), (Change(Event.ON, str(number)),))


async def test_a_feed_gives_changes_in_order_and_waits_for_them() -> None:
    feed = Feed()
    waiting = asyncio.create_task(feed.get())
    await asyncio.sleep(0)
    feed.put(changes(1))
    feed.put(changes(2))
    assert await waiting == changes(1)
    assert len(feed) == 1
    assert await feed.get() == changes(2)


async def test_a_reader_that_falls_behind_is_told_to_look_at_everything_again() -> None:
    feed = Feed(limit=2)
    for number in range(3):
        feed.put(changes(number))
    assert len(feed) == 1
    assert await feed.get() == replace(changes(2), overrun=True)
