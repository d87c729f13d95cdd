"""What is known of RTSP cameras: asked, seen, shown in the catalogue."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from catalog import ChannelKey, Item
from catalog.store import CatalogStore
from gateway.errors import Failure, Reason
from gateway.rtsp import sources as module
from gateway.rtsp.asker import RtspAsker
from gateway.rtsp.sources import PATIENCE, RtspSources
from gateway.rtsp.state import CameraDetails, SourceState
from gateway.secrets import Secret
from gateway.store.devices import Device
from gateway.store.stores import Stores
from media.worker.client import WorkerGone
from media.worker.control import Probed
from tests.stand.probing import ProbingWorkers

ID, CHANNEL = "34020000001110000007", "34020000001320000007"
CAMERA = Device(
    ID, name="东门", kind="rtsp", url="rtsp://192.0.2.1/", username="u", password=Secret("s3cret"), channel_id=CHANNEL
)
GOOD = Probed(video_codec="H264", audio_codec="PCMA")
REFUSED = Probed(reason="not_authorised", detail="401 Unauthorized")


@dataclass
class Scene:
    stores: Stores
    catalog: CatalogStore
    sources: RtspSources
    workers: ProbingWorkers
    now: list[float]
    sending: set[str] = field(default_factory=set)
    ended: list[tuple[str, Failure]] = field(default_factory=list)

    async def end(self, peer_id: str, failure: Failure) -> None:
        self.ended.append((peer_id, failure))

    async def round(self, after_s: float = 0.0) -> None:
        """A round, the answers to its questions, and one more that shows them."""
        self.now[0] += after_s
        await asyncio.sleep(0)
        await self.sources.round()
        while self.sources._asking and self.workers.may_answer.is_set():
            await asyncio.sleep(0)
        await self.sources.round()

    async def status(self) -> tuple[str, str] | None:
        """The channel's status as others see it, and why it became so."""
        stored = await self.catalog.get(ID, CHANNEL)
        if stored is None:
            return None
        history = [entry.who for entry in await self.catalog.history(ID) if entry.event == "PEER"]
        return stored.effective.status, history[0] if history else ""


@contextlib.asynccontextmanager
async def scene(folder: Path, **options: Any) -> AsyncIterator[Scene]:
    stores = await Stores.open(folder)
    catalog = CatalogStore(stores.database.writer, write_turn=stores.database.write_turn)
    now = [1000.0]
    settings = {"probe_s": 60.0, "answer_s": 3.0, "clock": lambda: now[0], **options}
    sources = RtspSources(stores.devices, catalog, **settings)
    made = Scene(stores, catalog, sources, ProbingWorkers(GOOD), now)
    sources.reach(made.workers, made.sending.__contains__, made.end)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await sources.stop()
        await stores.close()


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path) as made:
        made.sources.start()
        await made.stores.devices.create(CAMERA)
        yield made


async def test_a_new_camera_is_listed_off_until_it_has_answered(street: Scene) -> None:
    street.workers.may_answer.clear()
    assert street.sources.shown(ID) is not None and street.sources.shown(ID)["state"] == "unknown"  # type: ignore[index]
    await street.round()
    assert await street.status() == ("OFF", "not asked yet")
    assert street.sources.counts() == {"online": 0, "offline": 0, "unknown": 1}
    [question] = street.workers.asked
    assert (question.url, question.username, question.password) == (CAMERA.url, "u", "s3cret")
    street.workers.may_answer.set()
    await street.round()
    assert await street.status() == ("ON", "it answers")
    shown = street.sources.shown(ID)
    assert shown is not None
    assert (shown["state"], shown["video_codec"], shown["audio_codec"]) == ("online", "H264", "PCMA")
    assert shown["checked_at"] == 1000 and shown["step"] == shown["message"] == ""
    assert street.sources.counts() == {"online": 1, "offline": 0, "unknown": 0}


async def test_its_item_is_that_of_a_camera_like_any_other(street: Scene) -> None:
    await street.round()
    stored = await street.catalog.get(ID, CHANNEL)
    assert stored is not None and stored.item.key == ChannelKey(ID, CHANNEL)
    assert stored.item.name == "东门" and stored.item.raw == "" and "192.0.2.1" not in str(stored.item)
    await street.stores.devices.update(ID, name="西门", channel_id="34020000001310000008")
    await street.round()
    assert await street.catalog.get(ID, CHANNEL) is None
    moved = await street.catalog.get(ID, "34020000001310000008")
    assert moved is not None and moved.item.name == "西门"


async def test_a_camera_is_asked_once_in_a_while_and_its_fall_and_rise_are_shown(street: Scene) -> None:
    await street.round()
    await street.round(after_s=59)
    assert len(street.workers.asked) == 1
    street.workers.answer = Probed(reason="connect_refused", detail="")
    await street.round(after_s=1)
    assert len(street.workers.asked) == 2
    status = await street.status()
    assert status is not None and status[0] == "OFF" and "refused the connection" in status[1]
    shown = street.sources.shown(ID)
    assert shown is not None and (shown["state"], shown["step"]) == ("offline", "rtsp_refused_connection")
    assert shown["message_zh"] and shown["hint"]
    street.workers.answer = GOOD
    await street.round(after_s=60)
    assert (await street.status() or ("",))[0] == "ON"


async def test_a_camera_that_refuses_the_password_is_asked_less_often_until_it_is_changed(street: Scene) -> None:
    street.workers.answer = REFUSED
    await street.round()
    await street.round(after_s=60 * (PATIENCE - 1))
    assert len(street.workers.asked) == 1
    await street.round(after_s=60)
    assert len(street.workers.asked) == 2
    street.workers.answer = GOOD
    await street.stores.devices.update(ID, password=Secret("right"))
    await street.round()
    assert len(street.workers.asked) == 3 and (await street.status() or ("",))[0] == "ON"
    [(peer_id, failure)] = street.ended
    assert peer_id == ID and failure.reason is Reason.STREAM_LOST


async def test_a_camera_whose_stream_comes_in_is_not_asked(street: Scene) -> None:
    street.sending.add(ID)
    await street.round()
    await street.round(after_s=61)
    assert street.workers.asked == [] and (await street.status() or ("",))[0] == "ON"


async def test_what_calls_show_counts_unless_it_is_not_the_cameras_fault(street: Scene) -> None:
    await street.round()
    street.sources.seen(ID, Failure(Reason.WORKER_LOST))
    street.sources.seen("34020000001110000099", None)
    await street.round()
    assert (await street.status() or ("",))[0] == "ON"
    street.sources.seen(ID, Failure(Reason.RTSP_STALLED))
    await street.round()
    assert (await street.status() or ("",))[0] == "OFF"
    street.sources.seen(ID, None)
    await street.round()
    assert (await street.status() or ("",))[0] == "ON" and len(street.workers.asked) == 1
    state = street.sources.state_of(ID)
    assert state is not None and state.video_codec == "H264"


async def test_a_worker_that_cannot_ask_says_nothing_of_the_camera(street: Scene) -> None:
    await street.round()
    street.workers.answer = WorkerGone("gone")
    await street.round(after_s=61)
    assert (await street.status() or ("",))[0] == "ON"


async def test_an_answer_that_comes_after_a_change_does_not_count(street: Scene) -> None:
    street.workers.may_answer.clear()
    await street.round()
    await street.stores.devices.update(ID, name="西门")
    street.workers.may_answer.set()
    assert street.sources.state_of(ID) is not None and street.sources.state_of(ID).online is None  # type: ignore[union-attr]
    await street.round()
    assert len(street.workers.asked) == 2 and street.ended == [], "a new name ends no stream"


async def test_a_disabled_camera_is_off_and_not_asked(street: Scene) -> None:
    await street.round()
    await street.stores.devices.update(ID, enabled=False)
    await street.round(after_s=61)
    assert len(street.workers.asked) == 1
    status = await street.status()
    assert status is not None and status[0] == "OFF" and "disabled" in status[1]
    assert street.ended[0][1].reason is Reason.DEVICE_OFFLINE
    await street.stores.devices.update(ID, enabled=True)
    await street.round()
    assert (await street.status() or ("",))[0] == "ON"


async def test_a_removed_camera_is_forgotten_and_its_stream_ends(street: Scene) -> None:
    await street.round()
    await street.stores.devices.delete(ID)
    await street.round()
    assert street.sources.state_of(ID) is None and street.sources.shown(ID) is None
    assert [peer_id for peer_id, _ in street.ended] == [ID]
    assert street.sources.counts() == {"online": 0, "offline": 0, "unknown": 0}


async def test_devices_that_register_are_none_of_its_business(street: Scene) -> None:
    await street.stores.devices.create(Device("34020000001110000001"))
    await street.stores.devices.update("34020000001110000001", enabled=False)
    await street.round()
    assert street.sources.shown("34020000001110000001") is None and street.ended == []
    assert len(street.workers.asked) == 1


async def test_not_all_are_asked_at_once(street: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_AT_ONCE", 1)
    await street.stores.devices.create(
        Device("34020000001110000008", kind="rtsp", url="rtsp://192.0.2.2/", channel_id="34020000001320000008")
    )
    street.workers.may_answer.clear()
    await street.round()
    await asyncio.sleep(0)
    assert len(street.workers.asked) == 1
    street.workers.may_answer.set()
    await street.round()
    await street.round()
    assert len(street.workers.asked) == 2


async def test_where_cameras_are_not_asked_they_count_as_there(tmp_path: Path) -> None:
    async with scene(tmp_path, probe_s=0.0) as street:
        await street.stores.devices.create(CAMERA)
        street.sources.start()
        await street.round()
        assert (await street.status() or ("",))[0] == "ON" and street.workers.asked == []


async def test_it_stops_in_the_middle_of_a_question(street: Scene) -> None:
    street.workers.may_answer.clear()
    await street.round()
    await street.sources.stop()
    assert not street.sources._asking


class Knowing(RtspAsker):
    """Knows nothing of a camera before it has asked it, or breaks."""

    def __init__(self) -> None:
        self.asked = 0
        self.state: SourceState | Exception = SourceState(True, camera=CameraDetails("Acme"))

    async def ask(self, device: Device) -> SourceState | None:
        self.asked += 1
        if isinstance(self.state, Exception):
            raise self.state
        return self.state

    def knows(self, device: Device) -> bool:
        return self.asked > 0


async def test_a_camera_whose_stream_outlived_a_restart_is_still_asked_who_it_is(street: Scene) -> None:
    asker = Knowing()
    street.sources.ask_by("rtsp", asker)
    street.sending.add(ID)
    await street.round()
    await street.round(after_s=100)
    state = street.sources.state_of(ID)
    assert asker.asked == 1 and state is not None and state.camera == CameraDetails("Acme") and state.online


async def test_a_camera_that_refuses_the_question_while_its_picture_runs_is_there(street: Scene) -> None:
    asker = Knowing()
    asker.state = SourceState(False, Failure(Reason.ONVIF_REFUSED))
    street.sources.ask_by("rtsp", asker)
    street.sending.add(ID)
    await street.round()
    assert street.sources.counts()["online"] == 1 and street.sources.state_of(ID).failure is None  # type: ignore[union-attr]


async def test_a_fault_of_ours_in_asking_one_camera_is_its_state_and_not_repeated_at_once(street: Scene) -> None:
    asker = Knowing()
    asker.state = RuntimeError("a fault of our own")
    street.sources.ask_by("rtsp", asker)
    await street.round()
    await street.round(after_s=5)
    state = street.sources.state_of(ID)
    assert asker.asked == 1 and state is not None and state.failure is not None
    assert state.failure.reason is Reason.INTERNAL


async def test_a_camera_without_its_first_channel_is_shown_on_again_after_a_change(street: Scene) -> None:
    class Second(Knowing):
        def items(self, device: Device) -> list[Item] | None:
            code = "34020000001320000008"
            return [Item(code=code, peer_id=ID, name=device.name, parent_ids=(ID,)).storable()]

    street.sources.ask_by("rtsp", Second())
    await street.round()
    await street.stores.devices.update(ID, name="other")
    await street.round()
    stored = await street.catalog.get(ID, "34020000001320000008")
    assert stored is not None and stored.effective.status == "ON" and stored.item.name == "other"
