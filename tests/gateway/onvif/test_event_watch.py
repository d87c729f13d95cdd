"""The events of all cameras, as alarms of their channels."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.alarms.alarm import Alarm
from gateway.onvif.event_topics import EventStates, Notification
from gateway.onvif.event_watch import EventWatch, channel_of
from gateway.onvif.pull_point import PullPoint
from gateway.store.devices import Device
from tests.gateway.onvif.node_parts import CHANNEL, ID, SECOND, parts
from tests.gateway.onvif.stand import camera
from tests.stand.street import until


def about(token: str) -> Notification:
    """A message about a video source."""
    return Notification("x", "Changed", {"Source": token} if token else {}, {})


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
    watch._told(
        "34020000001110000099", EventStates(), Notification("VideoSource/MotionAlarm", "Changed", {}, {"State": "true"})
    )

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
        assert channel_of(known, about(token)) == code


async def test_an_event_of_a_source_without_a_channel_is_nobodys(tmp_path: Path) -> None:
    raised: list[Alarm] = []
    watch = EventWatch(raised.append)
    async with camera() as one, parts(tmp_path, one) as made:
        other = Device("34020000001110000099", kind="rtsp", url="rtsp://10.0.0.9/", channel_id=SECOND)
        await made.stores.devices.create(other)
        known = await made.cameras.camera(ID)
        assert channel_of(known, about("fixed")) is None and channel_of(known, about("config_fixed")) is None
        watch.follow(known)
        await until(lambda: one.subscriptions == 1)
        one.motion(True, "fixed")
        one.motion(True, "dome")
        await until(lambda: raised)
        await watch.stop()
    assert [alarm.code for alarm in raised] == [CHANNEL]


async def test_what_a_camera_of_before_a_change_still_tells_is_not_taken_for_the_new_ones(tmp_path: Path) -> None:
    raised: list[Alarm] = []
    watch = EventWatch(raised.append)
    async with camera() as one, parts(tmp_path, one) as made:
        known = await made.cameras.camera(ID)
        watch.follow(known)
        before = watch._states[ID]
        watch.forget(ID)
        watch.follow(known)
        motion = Notification("VideoSource/MotionAlarm", "Changed", {"Source": "dome"}, {"State": "true"})
        watch._told(ID, before, motion)
        assert raised == []
        watch._told(ID, watch._states[ID], motion)
        assert len(raised) == 1
        watch.forget(ID)
        assert watch._cameras == {} and watch._states == {}
        await watch.stop()
