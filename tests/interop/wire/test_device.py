"""The byte device against the byte platform: what either says alone is judged by the other and by the lint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from interop.wire import video
from interop.wire.device import Deviations, WireDevice
from interop.wire.manscdp import WireChannel
from interop.wire.platform import WirePlatform
from interop.wire.sipwire import WireRefused, WireTimeout

PLATFORM, NVR = "34020000002000000001", "34020000001180000001"
CAMERAS = [f"3402000000132000000{n}" for n in range(1, 6)]


@pytest.fixture
async def platform() -> AsyncIterator[WirePlatform]:
    async with WirePlatform(PLATFORM, "12345678") as up:
        yield up
        assert up.faults == []


def device(
    up: WirePlatform, deviations: Deviations | None = None, codec: str = "H264", transport: str = "UDP"
) -> WireDevice:
    channels = [WireChannel(one, f"相机{n}") for n, one in enumerate(CAMERAS)]
    return WireDevice(
        NVR, "12345678", ("127.0.0.1", up.port.port), PLATFORM, channels=channels, codec=codec,
        deviations=deviations, transport=transport,
    )  # fmt: skip


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_registers_with_digest_keeps_alive_and_unregisters(platform: WirePlatform, transport: str) -> None:
    async with device(platform, transport=transport) as nvr:
        answer = await nvr.register()
        assert answer.need("expires") == "3600"
        path = await platform.wait_registered(NVR)
        assert path.transport == transport
        assert (await nvr.keepalive(faulty=[CAMERAS[1]])).status == 200
        assert platform.keepalives == [NVR]
        await nvr.unregister()
        assert platform.registered == {}
        assert nvr.faults == []


async def test_a_wrong_password_is_not_let_in(platform: WirePlatform) -> None:
    async with device(platform) as nvr:
        nvr.password = "wrong"
        with pytest.raises(WireRefused) as refused:
            await nvr.register()
        assert refused.value.status == 401
        assert platform.registered == {}


@pytest.mark.parametrize(("algorithm", "qop"), [("SHA-256", "auth"), ("MD5", ""), ("MD5", "auth,auth-int")])
async def test_digest_algorithms_and_qop_forms(algorithm: str, qop: str) -> None:
    async with WirePlatform(PLATFORM, "12345678", algorithm=algorithm, qop=qop) as up, device(up) as nvr:
        assert (await nvr.register()).status == 200


async def test_catalogue_comes_in_fragments_that_add_up(platform: WirePlatform) -> None:
    async with device(platform) as nvr:
        await nvr.register()
        answer = await platform.catalog(NVR)
        assert answer.ids == CAMERAS
        assert answer.sums == [5, 5, 5]
        assert answer.items[3]["Name"] == "相机3"
        assert nvr.faults == []


async def test_lost_doubled_and_shuffled_fragments() -> None:
    deviations = Deviations(items_per_message=1, duplicate=frozenset({0}), shuffle=True)
    async with WirePlatform(PLATFORM, "12345678") as up, device(up, deviations) as nvr:
        await nvr.register()
        assert (await up.catalog(NVR)).ids == [*CAMERAS[:0:-1], CAMERAS[0]]
        await asyncio.wait_for(_until(lambda: len(up.responses) == 6), 5)
        deviations.lose = frozenset({2})
        with pytest.raises(TimeoutError):
            await up.catalog(NVR, timeout_s=0.3)


async def _until(ready: object) -> None:
    assert callable(ready)
    while not ready():
        await asyncio.sleep(0.01)


async def test_device_info_and_status_are_answered_with_their_sn(platform: WirePlatform) -> None:
    async with device(platform) as nvr:
        await nvr.register()
        assert "<Channel>5</Channel>" in (await platform.query("DeviceInfo", NVR)).text
        assert "<Online>ONLINE</Online>" in (await platform.query("DeviceStatus", NVR)).text


async def test_a_lying_charset_is_seen_by_the_lint() -> None:
    async with WirePlatform(PLATFORM, "12345678") as up, device(up, Deviations(written="UTF-8")) as nvr:
        await nvr.register()
        assert (await up.catalog(NVR)).items[0]["Name"] == "相机0"
        assert any("declared GB2312 but is UTF-8" in fault for fault in up.faults)


async def test_subscription_notifies_refreshes_and_ends(platform: WirePlatform) -> None:
    async with device(platform) as nvr:
        await nvr.register()
        subscription = await platform.subscribe_catalog(NVR)
        assert (await nvr.notify_catalog([(CAMERAS[0], "OFF"), (CAMERAS[1], "UPDATE")])).status == 200
        await subscription.wait_event(CAMERAS[1], "UPDATE")
        assert subscription.events == [(CAMERAS[0], "OFF"), (CAMERAS[1], "UPDATE")]
        assert (await subscription.subscribe(300)).need("expires") == "300"
        assert (await subscription.cancel()).need("expires") == "0"
        assert nvr.faults == []


async def test_ptz_and_key_frame_commands_are_recorded(platform: WirePlatform) -> None:
    async with device(platform) as nvr:
        await nvr.register()
        await platform.ptz(CAMERAS[0], "A50F01094030002E")
        await platform.i_frame(CAMERAS[0])
        await asyncio.wait_for(_until(lambda: nvr.i_frames), 5)
        assert nvr.ptz == ["A50F01094030002E"]
        assert nvr.i_frames == ["IFameCmd"]


@pytest.mark.parametrize("transport", ["udp", "tcp_passive", "tcp_active"])
@pytest.mark.parametrize("codec", ["H264", "H265"])
async def test_live_view_arrives_bit_by_bit(platform: WirePlatform, codec: str, transport: str) -> None:
    async with device(platform, codec=codec) as nvr:
        await nvr.register()
        call = await platform.play(CAMERAS[2], transport=transport)
        got = await call.frames(12)
        sent = nvr.calls[0].units
        assert got[:12] == sent[:12]
        assert [unit.key for unit in got[:12]] == [True] + [False] * 9 + [True, False]
        assert len({unit.sha256 for unit in got}) == len(got)
        assert call.codec == codec
        assert call.faults == []
        assert (await call.bye()).status == 200
        assert nvr.live == []
        pictures = video.burnt_in(call.ps)
        assert [(camera, counter) for camera, counter, _ in pictures[:11]] == [(3, n) for n in range(11)]
        assert nvr.faults == []


async def test_several_calls_at_once_keep_their_own_lists(platform: WirePlatform) -> None:
    async with device(platform) as nvr:
        await nvr.register()
        calls = await asyncio.gather(*(platform.play(one) for one in CAMERAS[:3] * 2))
        await asyncio.gather(*(call.first_key() for call in calls))
        assert sorted(call.channel for call in nvr.calls) == sorted(CAMERAS[:3] * 2)
        for call in calls:
            other = next(one for one in nvr.calls if one.invite.need("call-id") == call.answer.need("call-id"))
            assert other.units[: len(call.units)] == call.units
            await call.bye()


async def test_a_forced_key_frame_comes_next(platform: WirePlatform) -> None:
    async with device(platform) as nvr:
        await nvr.register()
        call = await platform.play(CAMERAS[0])
        await call.frames(3)
        await platform.i_frame(CAMERAS[0])
        await call.receiver.until(2, key=True)
        assert sum(unit.key for unit in call.units[:6]) == 2
        await call.bye()


async def test_the_device_hangs_up(platform: WirePlatform) -> None:
    async with device(platform) as nvr:
        await nvr.register()
        call = await platform.play(CAMERAS[0])
        assert (await nvr.hang_up(nvr.calls[0])).status == 200
        assert call.ended.is_set()


async def test_without_y_the_called_side_names_the_ssrc(platform: WirePlatform) -> None:
    async with device(platform, Deviations(answer_y="0200000009")) as nvr:
        await nvr.register()
        call = await platform.play(CAMERAS[0], y=None)
        await call.first_key()
        assert call.receiver.ssrcs == {200000009}
        assert call.faults == []


@pytest.mark.parametrize(
    ("deviations", "fault"),
    [
        (Deviations(rtp_ssrc=77), "SSRC 77 instead of"),
        (Deviations(with_psm=False), "key frame pack begins"),
        (Deviations(with_marker=False), "ended without marker"),
    ],
)
async def test_media_deviations_are_seen_by_the_receiver(deviations: Deviations, fault: str) -> None:
    async with WirePlatform(PLATFORM, "12345678") as up, device(up, deviations) as nvr:
        await nvr.register()
        call = await up.play(CAMERAS[0])
        await call.frames(2)
        assert any(fault in one for one in call.faults)


async def test_media_from_a_port_the_answer_does_not_name(platform: WirePlatform) -> None:
    async with device(platform, Deviations(other_source_port=True, with_audio=True, pack_stuffing=b"\xff" * 6)) as nvr:
        await nvr.register()
        call = await platform.play(CAMERAS[0])
        await call.frames(2)
        assert call.faults == []
        assert f"m=video {next(iter(call.receiver.sources))[1]} " not in call.answer.text


async def test_refusals_and_silence(platform: WirePlatform) -> None:
    async with device(platform, Deviations(refuse_invite=486)) as nvr:
        await nvr.register()
        with pytest.raises(WireRefused) as refused:
            await platform.play(CAMERAS[0])
        assert refused.value.status == 486
        nvr.deviations.refuse_invite = None
        with pytest.raises(WireRefused) as refused:
            await platform.play("34020000001320000099")
        assert refused.value.status == 404
        nvr.deviations.silent_after_100 = True
        with pytest.raises(WireTimeout):
            await platform.play(CAMERAS[0], timeout_s=0.3)


async def test_an_accepted_call_may_stay_dark(platform: WirePlatform) -> None:
    async with device(platform, Deviations(no_media=True, answer_y=None, answer_delay_s=0.05)) as nvr:
        await nvr.register()
        call = await platform.play(CAMERAS[0])
        with pytest.raises(TimeoutError):
            await call.first_key(0.3)
        assert "y=" not in call.answer.text
        assert (await call.bye()).status == 200


async def test_a_device_that_takes_no_more_calls(platform: WirePlatform) -> None:
    async with device(platform, Deviations(max_calls=1)) as nvr:
        await nvr.register()
        call = await platform.play(CAMERAS[0])
        with pytest.raises(WireRefused) as refused:
            await platform.play(CAMERAS[1])
        assert refused.value.status == 486
        await call.bye()
        await platform.play(CAMERAS[1])
