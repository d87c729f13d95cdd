"""Pictures a camera takes itself."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.compliance.access import Action
from gateway.errors import LocalError
from gateway.onvif.snapshot import Snapshots, jpeg_size
from gateway.relay.hub import StreamKey
from interop.onvif.camera import OnvifCamera
from tests.gateway.grants import Desk, granting
from tests.gateway.onvif.node_parts import CHANNEL, ID, Parts, parts
from tests.gateway.onvif.stand import PICTURE, camera

KEY = StreamKey(ID, CHANNEL)


@contextlib.asynccontextmanager
async def shown(folder: Path, **settings: Any) -> AsyncIterator[tuple[Snapshots, Parts, Desk, OnvifCamera]]:
    """A camera that is entered and has described itself."""
    async with camera(**settings) as one, parts(folder, one) as made, granting(folder) as desk:
        await made.cameras.camera(ID)
        yield Snapshots(made.cameras), made, desk, one


@pytest.mark.parametrize("auth", ["digest", "basic", "none"])
async def test_the_cameras_own_picture_is_taken(tmp_path: Path, auth: str) -> None:
    async with shown(tmp_path, snapshot=PICTURE, snapshot_auth=auth) as (snapshots, _, desk, _camera):
        taken = await snapshots.take(KEY, await desk.grant(*KEY, Action.SNAPSHOT))
        assert taken is not None and taken.jpeg == PICTURE
        assert (taken.width, taken.height, taken.codec) == (320, 180, "JPEG")


async def test_a_camera_without_pictures_leaves_it_to_the_stream(tmp_path: Path) -> None:
    async with shown(tmp_path) as (snapshots, made, desk, _camera):
        grant = await desk.grant(*KEY, Action.SNAPSHOT)
        assert await snapshots.take(KEY, grant) is None
        made.cameras.forget(ID)
        assert await snapshots.take(KEY, grant) is None


@pytest.mark.parametrize("how", ["garbage", "silent"])
async def test_what_is_no_picture_leaves_it_to_the_stream(tmp_path: Path, how: str) -> None:
    async with shown(tmp_path, snapshot=PICTURE) as (snapshots, _, desk, one):
        one.misbehave("snapshot", how)
        assert await snapshots.take(KEY, await desk.grant(*KEY, Action.SNAPSHOT)) is None


async def test_a_grant_for_another_camera_opens_nothing(tmp_path: Path) -> None:
    async with shown(tmp_path, snapshot=PICTURE) as (snapshots, _, desk, _camera):
        with pytest.raises(LocalError):
            await snapshots.take(KEY, await desk.grant(ID, "34020000001320000099", Action.SNAPSHOT))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"GIF89a", PICTURE[:-2], b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xda\x00\x08" + b"\x00" * 9 + b"\xff\xd9",
        b"\xff\xd8\xff\xe0\x00\x01" + b"\x00" * 9 + b"\xff\xd9", PICTURE.replace(b"\x00\xb4\x01\x40", b"\x00" * 4),
    ],
    ids=range(7),
)  # fmt: skip
def test_what_is_no_whole_jpeg_has_no_size(data: bytes) -> None:
    assert jpeg_size(data) is None


def test_fill_bytes_before_a_marker_are_passed_over() -> None:
    assert jpeg_size(PICTURE.replace(b"\xff\xc0", b"\xff\xff\xff\xc0")) == (320, 180)
