"""What a camera says of itself."""

from __future__ import annotations

import pytest

from gateway.errors import Failure, Reason
from gateway.onvif.camera import inspect
from interop.onvif.settings import Profile, VideoSource
from tests.gateway.onvif.stand import PICTURE, asking, camera


async def test_everything_is_asked_that_is_needed() -> None:
    async with camera(clock_offset_s=100.0, snapshot=PICTURE) as one, asking(one) as client:
        facts = await inspect(client)
    assert (facts.manufacturer, facts.model, facts.firmware, facts.serial) == ("Acme", "virtual", "1.0", "00000001")
    assert facts.clock_offset_s == pytest.approx(100, abs=5)
    dome, fixed = facts.sources
    assert dome.chosen is not None and (dome.chosen.token, dome.chosen.codec) == ("main", "H265")
    assert facts.source_moves(dome) and not facts.source_moves(fixed) and facts.has_events
    assert facts.streams == {"dome": "rtsp://127.0.0.1/main", "fixed": "rtsp://127.0.0.1/other"}
    assert all(url.startswith("http://127.0.0.1:") for url in facts.snapshots.values()) and len(facts.snapshots) == 2


async def test_a_camera_without_media2_events_snapshots_and_ptz_is_a_camera_too() -> None:
    still = VideoSource("s", (Profile("p"),))
    async with camera(media2=False, events=False, sources=(still,)) as one, asking(one) as client:
        facts = await inspect(client)
    assert [source.token for source in facts.sources] == ["s"] and not facts.snapshots
    assert not facts.moves and not facts.has_events


async def test_the_wanted_profile_is_taken_and_an_unknown_one_is_said_to_be() -> None:
    async with camera() as one, asking(one) as client:
        facts = await inspect(client, "sub")
        assert facts.sources[0].chosen is not None and facts.sources[0].chosen.token == "sub"
        with pytest.raises(Failure, match="no 'gone' among .*main") as refused:
            await inspect(client, "gone")
        assert refused.value.reason is Reason.ONVIF_NO_PROFILE


async def test_a_camera_that_only_offers_pictures_has_no_profile() -> None:
    pictures = VideoSource("s", (Profile("p", encoding="JPEG"),))
    async with camera(sources=(pictures,)) as one, asking(one) as client:
        with pytest.raises(Failure, match="offered: JPEG") as refused:
            await inspect(client)
    assert refused.value.reason is Reason.ONVIF_NO_PROFILE


async def test_a_stream_at_another_host_is_taken_at_the_host_of_the_device_service() -> None:
    async with camera(stream_uri_host="10.9.9.9") as one, asking(one) as client:
        assert (await inspect(client)).streams["fixed"] == "rtsp://127.0.0.1/other"
    async with camera(stream_uri_host="10.9.9.9") as one, asking(one, tolerances=("onvif_other_hosts",)) as client:
        assert (await inspect(client)).streams["fixed"] == "rtsp://10.9.9.9/other"


async def test_a_stream_address_that_is_none_is_said_to_be() -> None:
    odd = VideoSource("s", (Profile("p", rtsp_uri="http://127.0.0.1/stream"),))
    async with camera(sources=(odd,)) as one, asking(one) as client:
        with pytest.raises(Failure, match="rtsp://") as refused:
            await inspect(client)
    assert refused.value.reason is Reason.ONVIF_NO_PROFILE


async def test_what_is_not_needed_may_fail() -> None:
    bad = {"media2:GetProfiles": "garbage", "GetVideoSources": "garbage", "GetSnapshotUri": "garbage"}
    async with camera(misbehaviour=bad, snapshot=PICTURE) as one, asking(one) as client:
        facts = await inspect(client)
    assert [source.chosen.token for source in facts.sources if source.chosen] == ["sub", "other"]
    assert not facts.snapshots
