"""Which video source is which channel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from gateway.store import schema
from gateway.store.devices import Device
from gateway.store.stores import Stores

CAMERA = Device(
    "34020000001110000007", kind="onvif", url="http://192.0.2.1/x", channel_id="34020000001320000007", created_at=5.5
)
OTHER = replace(CAMERA, id="34020000001110000008", channel_id="34020000001320000100")


async def test_tokens_are_kept_over_a_restart(tmp_path: Path) -> None:
    stores = await Stores.open(tmp_path)
    await stores.devices.create(CAMERA)
    assert await stores.video_sources.of(CAMERA) == ()
    await stores.video_sources.keep(CAMERA, ("a", "b"))
    await stores.video_sources.keep(CAMERA, ["a", "b", "c"])
    await stores.close()
    stores = await Stores.open(tmp_path)
    assert await stores.video_sources.of(CAMERA) == ("a", "b", "c")
    assert await stores.video_sources.of(replace(CAMERA, name="other", username="u")) == ("a", "b", "c")
    await stores.close()


async def test_another_camera_under_the_same_id_begins_anew(tmp_path: Path) -> None:
    stores = await Stores.open(tmp_path)
    await stores.devices.create(CAMERA)
    await stores.video_sources.keep(CAMERA, ["a"])
    for changed in ({"url": "http://192.0.2.2/x"}, {"channel_id": OTHER.channel_id}, {"created_at": 6.0}):
        assert await stores.video_sources.of(replace(CAMERA, **changed)) == ()  # type: ignore[arg-type]
    await stores.close()


async def test_those_of_devices_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    stores = await Stores.open(tmp_path)
    for device in (CAMERA, OTHER):
        await stores.devices.create(device)
        await stores.video_sources.keep(device, ["a"])
    await stores.devices.delete(CAMERA.id)
    await stores.video_sources.keep(OTHER, ["b"])
    async with stores.database.read() as connection:
        left = (await connection.execute(select(schema.video_sources.c.device_id))).scalars().all()
    assert left == [OTHER.id]
    await stores.close()
