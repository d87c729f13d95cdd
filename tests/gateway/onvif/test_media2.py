"""The Media2 service, which tells of H.265."""

from __future__ import annotations

import pytest

from gateway.errors import Failure, Reason
from gateway.onvif import media2
from gateway.onvif.client import OnvifClient
from interop.onvif.camera import OnvifCamera
from tests.gateway.onvif.stand import PICTURE, asking, camera


async def address(client: OnvifClient) -> str:
    await client.learn_services()
    assert client.media2 is not None
    return client.media2


async def test_profiles_streams_pictures_and_key_frames_are_asked_for() -> None:
    async with camera(snapshot=PICTURE) as one, asking(one) as client:
        at = await address(client)
        found = {profile.token: profile for profile in await media2.profiles(client, at)}
        assert (found["main"].codec, found["main"].width, found["main"].height) == ("H265", 3840, 2160)
        assert found["main"].media2 and found["main"].ptz and found["main"].source == "dome"
        assert (await media2.stream_uri(client, at, "main")).startswith("rtsp://")
        assert (await media2.snapshot_uri(client, at, "main")).startswith("http://")
        await media2.key_frame(client, at, "main")
        asked = await one.wait_for("SetSynchronizationPoint")
        assert (asked.service, asked.token) == ("media2", "main")


async def troubled(one: OnvifCamera, how: str | None, token: str) -> Failure:
    async with asking(one) as client:
        at = await address(client)
        one.misbehave("media2:GetStreamUri", how)
        with pytest.raises(Failure) as raised:
            await media2.stream_uri(client, at, token)
        return raised.value


async def test_its_faults_and_nonsense_are_told_like_those_of_any_service() -> None:
    async with camera() as one:
        assert (await troubled(one, None, "gone")).reason is Reason.ONVIF_FAULT
        assert (await troubled(one, "garbage", "main")).reason is Reason.ONVIF_NOT_A_SERVICE
