"""The events of all cameras, as alarms of their channels."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.alarms.alarm import Alarm
from gateway.onvif.event_topics import Notification
from gateway.onvif.event_watch import EventWatch, channel_of
from gateway.onvif.pull_point import PullPoint
from tests.gateway.onvif.node_parts import CHANNEL, ID, SECOND, parts
from tests.gateway.onvif.stand import camera
from tests.stand.street import until


async def test_motion_before_the_second_lens_is_an_alarm_of_the_second_channel(tmp_path: Path) -> None:
    raised: list[Alarm] = []
    watch = EventWatch(raised.append, clock=lambda: 5.0)
    async with camera() as one, parts(tmp_path, one) as made:
        made.cameras.on_known = watch.follow
        await made.cameras.camera(ID)
        await until(lambda: one.subscriptions == 1)
        one.motion(True, "fixed")
        await until(lambda: raised)
        one.motion(False, "fixed")
        one.motion(True, "dome")
        await until(lambda: len(raised) == 2)
        await watch.stop()
    first, second = raised
    assert (first.peer_id, first.code, first.method, first.type) == (ID, SECOND, "5", "2")
    assert second.code == CHANNEL and first.at == 5.0 and first.time and first.topic and first.description == "motion"


async def test_a_camera_is_followed_once_and_anew_after_a_change(tmp_path: Path) -> None:
    watch = EventWatch(lambda _alarm: None)
    async with camera() as one, parts(tmp_path, one) as made:
        known = await made.cameras.camera(ID)
        watch.follow(known)
        watch.follow(known)
        await until(lambda: one.subscriptions == 1)
        watch.forget(ID)
        watch.forget(ID)
        await until(lambda: one.subscriptions == 0)
        watch.follow(known)
        await until(lambda: one.subscriptions == 1)
        await watch.stop()


async def test_a_camera_without_events_is_not_followed_and_a_fault_of_ours_is_not_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = EventWatch(lambda _alarm: None)
    async with camera(events=False) as one, parts(tmp_path, one) as made:
        watch.follow(await made.cameras.camera(ID))
        assert watch._tasks == {}
    watch._told("34020000001110000099", Notification("VideoSource/MotionAlarm", "Changed", {}, {"State": "true"}))

    async def broken(self: PullPoint) -> None:
        raise RuntimeError("a fault of our own")

    monkeypatch.setattr(PullPoint, "run", broken)
    async with camera() as one, parts(tmp_path / "other", one) as made:
        watch.follow(await made.cameras.camera(ID))
        await until(lambda: not watch._tasks)


async def test_an_event_that_names_no_source_is_the_first_channels(tmp_path: Path) -> None:
    async with camera() as one, parts(tmp_path, one) as made:
        known = await made.cameras.camera(ID)
    for token, code in (("", CHANNEL), ("unknown", CHANNEL), ("fixed", SECOND), ("config_fixed", SECOND)):
        notification = Notification("x", "Changed", {"Source": token} if token else {}, {})
        assert channel_of(known, notification) == code
