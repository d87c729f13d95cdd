"""Fan-out of fragments: late joiners, slow viewers, changed streams."""

from __future__ import annotations

import asyncio

import pytest

from media.worker import broadcast as broadcast_module
from media.worker.broadcast import Broadcast, Fragment, Viewer


def key(data: bytes = b"K") -> Fragment:
    return Fragment(data, True)


def other(data: bytes = b"p") -> Fragment:
    return Fragment(data, False)


async def waiting(viewer: Viewer) -> list[bytes]:
    """Everything that waits for a viewer."""
    found = []
    while viewer._queue:
        data = await viewer.next()
        assert data is not None
        found.append(data)
    return found


async def test_a_late_joiner_starts_with_init_and_the_last_key_frame() -> None:
    cast = Broadcast()
    cast.start(b"I")
    for fragment in (key(b"K1"), other(b"p1"), key(b"K2"), other(b"p2")):
        cast.send(fragment)
    viewer = Viewer()
    cast.join(viewer)
    cast.send(other(b"p3"))
    assert await waiting(viewer) == [b"I", b"K2", b"p2", b"p3"]
    assert cast.fragments == 5


async def test_nothing_is_kept_before_a_key_frame() -> None:
    cast = Broadcast()
    cast.send(other())
    assert not cast.ready
    cast.start(b"I")
    assert not cast.ready
    cast.send(key())
    assert cast.ready


async def test_who_comes_before_the_stream_gets_it_from_its_start() -> None:
    cast, viewer = Broadcast(), Viewer()
    cast.join(viewer)
    cast.start(b"I")
    cast.send(key())
    assert await waiting(viewer) == [b"I", b"K"]
    cast.leave(viewer)
    cast.send(other())
    assert await waiting(viewer) == []


async def test_a_viewer_waits_for_news() -> None:
    viewer = Viewer()
    reading = asyncio.create_task(viewer.next())
    await asyncio.sleep(0)
    viewer.put(key())
    assert await reading == b"K"


async def test_a_slow_viewer_loses_what_waits_and_goes_on_at_a_key_frame() -> None:
    viewer = Viewer(limit=10)
    for fragment in (key(b"K" * 6), other(b"p" * 4), other(b"lost"), other(b"lost too")):
        viewer.put(fragment)
    assert viewer.dropped == 4
    viewer.put(key(b"K" * 6))
    viewer.put(other(b"p"))
    assert await waiting(viewer) == [b"K" * 6, b"p"]


async def test_a_key_frame_that_overflows_replaces_what_waits() -> None:
    viewer = Viewer(limit=10)
    viewer.put(key(b"old old"))
    viewer.put(key(b"new new"))
    assert await waiting(viewer) == [b"new new"] and viewer.dropped == 1
    viewer.put(key(b"larger than the limit"))
    viewer.put(other(b"p"))
    assert await waiting(viewer) == [] and viewer.dropped == 3


async def test_the_end_comes_after_what_waits() -> None:
    cast, viewer = Broadcast(), Viewer()
    cast.start(b"I")
    cast.join(viewer)
    cast.end("input closed")
    viewer.end("too late")
    assert [await viewer.next(), await viewer.next()] == [b"I", None]
    assert viewer.ended == "input closed" and not cast.ready


async def test_a_new_init_segment_forgets_the_old_pictures() -> None:
    cast, early, late = Broadcast(), Viewer(), Viewer()
    cast.join(early)
    cast.start(b"I1")
    cast.send(key(b"K1"))
    cast.start(b"I2")
    cast.join(late)
    cast.send(key(b"K2"))
    assert await waiting(early) == [b"I1", b"K1", b"I2", b"K2"]
    assert await waiting(late) == [b"I2", b"K2"]


async def test_a_group_of_pictures_above_the_limit_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast_module, "KEPT_LIMIT", 5)
    cast = Broadcast()
    cast.start(b"I")
    cast.send(key(b"1234"))
    cast.send(other(b"56"))
    assert not cast.ready
    cast.send(other(b"78"))
    assert not cast.ready
