"""Access units to WebRTC viewers: where everybody starts, who loses what, what is found out about the stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from media.unit import AccessUnit
from media.worker import live_units
from media.worker.live_units import KEPT_STEP, LiveUnits, RtpUnit, UnitQueue

SPS, PPS = bytes.fromhex("000000016742e01f8c68"), bytes.fromhex("0000000168ce3c80")
IDR, SLICE = bytes.fromhex("000000016588841122"), bytes.fromhex("00000001419a2211c0")


def key(pts: int = 0, data: bytes = SPS + PPS + IDR, codec: str = "H264") -> AccessUnit:
    return AccessUnit(codec, pts, pts, True, data, "video")


def delta(pts: int, codec: str = "H264") -> AccessUnit:
    return AccessUnit(codec, pts, pts, False, SLICE, "video")


def sound(pts: int, codec: str = "PCMA") -> AccessUnit:
    return AccessUnit(codec, pts, pts, True, b"\xd5" * 320, "audio")


def waiting(queue: UnitQueue) -> list[RtpUnit]:
    found = []
    while queue._queue:
        found.append(queue._queue.popleft())
    queue._size = 0
    return found


def unit(size: int, *, opens: bool = False) -> RtpUnit:
    return RtpUnit("video", 0, opens, bytes(size))


def test_a_viewer_who_joins_gets_the_group_of_pictures_at_once_and_then_live() -> None:
    units, queue = LiveUnits(), UnitQueue()
    units.offer([delta(0), key(3600), sound(3700), delta(7200), delta(10800)])
    units.join(queue)
    kept = waiting(queue)
    assert [(one.key, one.kept) for one in kept] == [(True, True), (False, True), (False, True)]
    assert [one.pts for one in kept] == [10800 - 2 * KEPT_STEP, 10800 - KEPT_STEP, 10800]
    units.offer([sound(14000), delta(14400)])
    assert [(one.track, one.pts, one.kept) for one in waiting(queue)] == [
        ("audio", 14000, False),
        ("video", 14400, False),
    ]
    units.leave(queue)
    units.offer([delta(18000)])
    assert waiting(queue) == []


def test_without_anything_kept_a_viewer_starts_at_the_next_key_frame() -> None:
    units, queue = LiveUnits(), UnitQueue()
    units.offer([delta(0)])
    units.join(queue)
    units.offer([sound(0), delta(0), key(3600), sound(3700)])
    assert [one.track for one in waiting(queue)] == ["video", "audio"]
    assert not LiveUnits().restart(queue)


def test_payloads_are_cut_once_for_all() -> None:
    units, one, other = LiveUnits(), UnitQueue(), UnitQueue()
    units.offer([key()])
    units.join(one)
    units.join(other)
    first, second = waiting(one)[0], waiting(other)[0]
    assert first.payloads is second.payloads
    assert first.payloads == [bytes.fromhex("78 0006 6742e01f8c68 0004 68ce3c80 0005 6588841122")]


def test_parameter_sets_stand_before_every_key_frame() -> None:
    units, queue = LiveUnits(), UnitQueue()
    units.join(queue)
    units.offer([key(0), key(3600, IDR)])
    assert [one.data for one in waiting(queue)] == [SPS + PPS + IDR, SPS + PPS + IDR]


def test_a_lost_picture_is_shown_again_from_the_key_frame() -> None:
    units, queue = LiveUnits(), UnitQueue()
    units.join(queue)
    units.offer([key(), delta(3600)])
    assert len(waiting(queue)) == 2
    assert units.restart(queue)
    assert [one.key for one in waiting(queue)] == [True, False]


def test_a_group_of_pictures_too_long_to_keep_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_units, "KEPT_LIMIT", 30)
    units, queue = LiveUnits(), UnitQueue()
    units.offer([key(), delta(3600)])
    units.join(queue)
    assert waiting(queue) == []


def test_the_longest_group_that_is_kept_reaches_who_joins_and_live_comes_behind() -> None:
    units, queue = LiveUnits(), UnitQueue()
    units.offer([key(), AccessUnit("H264", 1, 1, False, SLICE + bytes([3]) * (live_units.KEPT_LIMIT - 99), "video")])
    units.join(queue)
    units.offer([AccessUnit("H264", 2, 2, False, SLICE + bytes([3]) * 1_000_000, "video")])
    assert [one.kept for one in waiting(queue)] == [True, True, False] and queue.dropped == 0


def test_after_an_interruption_everybody_goes_on_at_a_key_frame() -> None:
    units, queue, late = LiveUnits(), UnitQueue(), UnitQueue()
    units.join(queue)
    units.offer([key(), delta(3600)])
    units.interrupt()
    units.offer([delta(7200)])
    units.join(late)
    units.offer([delta(10_800), key(14_400)])
    assert [one.pts for one in waiting(queue)] == [0, 3600, 14_400]
    assert [one.pts for one in waiting(late)] == [14_400]


def test_a_slow_viewer_loses_what_waits_and_goes_on_at_a_key_frame() -> None:
    queue = UnitQueue(limit=100)
    for one in (unit(40, opens=True), unit(40), unit(40), unit(10)):
        queue.put(one)
    assert waiting(queue) == [] and queue.dropped == 4
    queue.put(unit(50, opens=True))
    queue.put(unit(60, opens=True))
    assert [len(one.data) for one in waiting(queue)] == [60] and queue.dropped == 5
    queue.put(unit(101, opens=True))
    assert waiting(queue) == [] and queue.dropped == 6


async def test_a_queue_that_ended_gives_nothing_more() -> None:
    queue = UnitQueue()
    reading = asyncio.create_task(queue.next())
    await asyncio.sleep(0)
    queue.put(unit(1, opens=True))
    assert await reading is not None
    queue.put(unit(1))
    over = asyncio.create_task(queue.over())
    queue.end("grant revoked")
    queue.end("later")
    await over
    assert await queue.next() is None and queue.ended == "grant revoked"


def test_the_end_of_the_stream_is_the_end_of_its_viewers() -> None:
    units, queue, expected, gone = LiveUnits(), UnitQueue(), UnitQueue(), UnitQueue()
    units.offer([key()])
    units.join(queue)
    units.expect(expected)
    units.expect(gone)
    units.leave(gone)
    units.end("input closed")
    assert queue.ended == expected.ended == "input closed" and gone.ended is None
    assert waiting(expected) == []


def test_another_codec_ends_the_viewers_and_is_known() -> None:
    units, queue = LiveUnits(), UnitQueue()
    units.offer([key(), sound(0, "AAC")])
    assert (units.codec, units.audio_codec, units.profile) == ("H264", "AAC", None)
    units.join(queue)
    waiting(queue)
    units.offer([key(0, codec="H265"), delta(1, "H265"), delta(2)])
    assert queue.ended == "the codec of the stream has changed"
    assert units.codec == "H265" and waiting(queue) == []


def test_sound_that_is_not_g711_goes_nowhere() -> None:
    units, queue = LiveUnits(), UnitQueue()
    units.join(queue)
    units.offer([key(), sound(0, "AAC"), sound(1, "PCMU")])
    assert [one.track for one in waiting(queue)] == ["video", "audio"]
    assert units.audio_codec == "PCMU"


def test_b_frames_are_noticed(encode: Callable[..., Any]) -> None:
    reordered, straight = LiveUnits(), LiveUnits()
    reordered.offer(list(encode("H264", frames=24, gop=10, b_frames=2)))
    straight.offer(list(encode("H264", frames=24, gop=10)))
    assert reordered.reordered and not straight.reordered
    assert straight.profile is not None and len(straight.profile) == 6


def test_a_viewer_who_came_before_b_frames_were_noticed_is_told(
    encode: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_units, "KEPT_LIMIT", 1)  # noticed in a group that is too long to keep, too
    units, queue, other, straight = LiveUnits(), UnitQueue(), UnitQueue(), LiveUnits()
    units.join(queue)
    straight.join(other)
    units.offer(list(encode("H264", frames=24, gop=10, b_frames=2)))
    straight.offer(list(encode("H264", frames=24, gop=10)))
    assert units.reordered and queue.ended == "the stream has B frames, which WebRTC cannot play"
    assert not straight.reordered and other.ended is None


def test_a_camera_that_sets_its_clock_back_has_no_b_frames() -> None:
    units = LiveUnits()
    units.offer([key(9_000_000), delta(9_003_600), delta(0), delta(3600), delta(0), key(7200)])
    assert not units.reordered
