"""The ONVIF cameras of a node: what each said of itself, its channels and streams."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog import Item
from gateway.errors import Failure, Reason
from gateway.onvif.cameras import INSPECT_EVERY
from gateway.relay.hub import StreamKey
from gateway.secrets import Secret
from gateway.store.devices import Device
from tests.gateway.onvif.node_parts import CHANNEL, ID, SECOND, parts
from tests.gateway.onvif.stand import DOME, FIXED, PASSWORD, camera


async def test_a_camera_is_asked_by_onvif_and_then_for_its_stream(tmp_path: Path) -> None:
    async with camera(clock_offset_s=-1000.0) as one, parts(tmp_path, one) as made:
        assert made.cameras.items(made.device) is None
        state = await made.cameras.ask(made.device)
        assert state is not None and state.online and state.camera is not None
        shown = state.to_json()
        assert (shown["state"], shown["manufacturer"], shown["video_codec"]) == ("online", "Acme", "H265")
        assert shown["clock_offset_s"] == pytest.approx(-1000, abs=5) and "clock" in shown["warning"]
        [asked] = made.streams.asked
        assert (asked.url, asked.password.reveal()) == ("rtsp://127.0.0.1/main", PASSWORD)
        assert made.cameras.codes(made.device) == [CHANNEL, SECOND]
        items = made.cameras.items(made.device)
        assert items is not None and [item.code for item in items] == [CHANNEL, SECOND]


async def test_it_is_asked_for_everything_once_and_then_only_whether_it_is_there(tmp_path: Path) -> None:
    async with camera() as one, parts(tmp_path, one) as made:
        await made.cameras.ask(made.device)
        one.forget_received()
        await made.cameras.ask(made.device)
        assert [asked.operation for asked in one.received] == ["GetSystemDateAndTime", "GetDeviceInformation"]
        for _ in range(INSPECT_EVERY):
            await made.cameras.ask(made.device)
        assert sum(asked.operation == "GetStreamUri" for asked in one.received) == 2
        one.forget_received()
        made.cameras.doubt(ID)
        made.cameras.doubt("34020000001110000099")
        await made.cameras.ask(made.device)
        assert "GetServices" in [asked.operation for asked in one.received]


async def test_a_stream_that_fails_has_it_asked_anew(tmp_path: Path) -> None:
    async with camera() as one, parts(tmp_path, one) as made:
        made.streams.fails()
        state = await made.cameras.ask(made.device)
        assert state is not None and state.online is False and state.camera is not None
        one.forget_received()
        await made.cameras.ask(made.device)
        assert "GetServices" in [asked.operation for asked in one.received]
        made.streams.answer = None
        assert await made.cameras.ask(made.device) is None


async def test_a_camera_that_refuses_us_shows_what_is_known_of_it_all_the_same(tmp_path: Path) -> None:
    async with camera(clock_offset_s=500.0) as one, parts(tmp_path, one, password=Secret("wrong")) as made:
        state = await made.cameras.ask(made.device)
        assert state is not None and state.online is False and state.camera is not None
        assert state.camera.clock_offset_s == pytest.approx(500, abs=5) and "clock" in state.camera.warning
        await made.stores.devices.update(ID, password=Secret(PASSWORD))
        made.cameras.forget(ID)
        await made.cameras.ask(made.device)
        one.misbehave("*", "garbage")
        gone = await made.cameras.ask(made.device)
        assert gone is not None and gone.failure is not None and gone.camera is not None
        assert gone.camera.manufacturer == "Acme"


async def test_a_refused_login_is_the_cameras_state_with_its_name_on_it(tmp_path: Path) -> None:
    async with camera() as one, parts(tmp_path, one, password=Secret("wrong")) as made:
        state = await made.cameras.ask(made.device)
        assert state is not None and state.failure is not None
        failure = state.failure
        assert (failure.reason, failure.peer_id, failure.channel) == (Reason.ONVIF_REFUSED, ID, CHANNEL)
        with pytest.raises(Failure) as refused:
            await made.cameras.target(StreamKey(ID, CHANNEL))
        assert refused.value.reason is Reason.ONVIF_REFUSED


async def test_where_a_stream_is_is_asked_when_nobody_has_asked_before(tmp_path: Path) -> None:
    async with camera() as one, parts(tmp_path, one, rtsp_transport="udp") as made:
        target = await made.cameras.target(StreamKey(ID, SECOND))
        assert (target.url, target.rtsp_transport, target.takes_commands) == ("rtsp://127.0.0.1/other", "udp", True)
        with pytest.raises(Failure) as unknown:
            await made.cameras.target(StreamKey(ID, "34020000001320000009"))
        assert unknown.value.reason is Reason.UNKNOWN_CHANNEL


async def test_a_stream_that_was_not_where_it_should_be_is_asked_for_anew_at_once(tmp_path: Path) -> None:
    async with camera() as one, parts(tmp_path, one) as made:
        await made.cameras.target(StreamKey(ID, SECOND))
        one.forget_received()
        await made.cameras.target(StreamKey(ID, SECOND))
        assert one.received == []
        made.cameras.doubt(ID)
        await made.cameras.target(StreamKey(ID, SECOND))
        assert "GetStreamUri" in [asked.operation for asked in one.received]


async def test_who_is_no_onvif_camera_or_disabled_has_no_stream(tmp_path: Path) -> None:
    async with camera() as one, parts(tmp_path, one, enabled=False) as made:
        with pytest.raises(Failure) as offline:
            await made.cameras.camera(ID)
        assert offline.value.reason is Reason.DEVICE_OFFLINE
        with pytest.raises(Failure) as unknown:
            await made.cameras.camera("34020000001110000099")
        assert unknown.value.reason is Reason.UNKNOWN_CHANNEL


async def test_a_code_another_device_has_is_not_taken(tmp_path: Path) -> None:
    async with camera() as one, parts(tmp_path, one) as made:
        other = Device("34020000001110000099", kind="rtsp", url="rtsp://10.0.0.9/", channel_id=SECOND)
        await made.stores.devices.create(other)
        known = await made.cameras.camera(ID)
        assert list(known.channels.sources) == [CHANNEL] and known.channels.left_out == (SECOND,)
        assert SECOND in known.details.warning and SECOND in known.details.warning_zh
        with pytest.raises(Failure):
            known.source(SECOND)


async def test_a_code_a_platform_lists_is_not_taken_either(tmp_path: Path) -> None:
    async with camera() as one, parts(tmp_path, one) as made:
        generation = await made.catalog.begin_sync("34020000002000000009")
        await made.catalog.stage(generation, [Item(code=SECOND, name="theirs", parent_ids=("34020000002000000009",))])
        await made.catalog.commit_sync(generation)
        assert (await made.cameras.camera(ID)).channels.left_out == (SECOND,)


async def test_what_a_camera_said_is_forgotten_when_it_is_changed(tmp_path: Path) -> None:
    told = []
    async with camera() as one, parts(tmp_path, one) as made:
        made.cameras.on_known = told.append
        before = await made.cameras.camera(ID)
        assert await made.cameras.camera(ID) is before and told == [before]
        made.cameras.forget(ID)
        assert made.cameras.get(ID) is None and made.cameras.codes(made.device) == [CHANNEL]
        stale = made.device
        await made.stores.devices.update(ID, name="other")
        await made.cameras._inspected(stale, afresh=True)
        assert made.cameras.get(ID) is None


async def test_a_camera_whose_only_source_cannot_be_carried_has_no_channel(tmp_path: Path) -> None:
    async with camera(media2=False, sources=()) as one, parts(tmp_path, one) as made:
        state = await made.cameras.ask(made.device)
        assert state is not None and state.failure is not None and state.failure.reason is Reason.ONVIF_NO_PROFILE


async def test_a_camera_that_lists_its_lenses_in_another_order_shows_each_where_it_was(tmp_path: Path) -> None:
    async with camera() as one, parts(tmp_path, one) as made:
        assert (await made.cameras.target(StreamKey(ID, SECOND))).url == "rtsp://127.0.0.1/other"
        url, port = made.device.url, one.port
    async with camera(sources=(FIXED, DOME), port=port) as one, parts(tmp_path, one, enter=False) as made:
        assert made.device.url == url
        assert (await made.cameras.target(StreamKey(ID, SECOND))).url == "rtsp://127.0.0.1/other"
        assert (await made.cameras.target(StreamKey(ID, CHANNEL))).url == "rtsp://127.0.0.1/main"
