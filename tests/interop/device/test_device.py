"""The simulated device as a platform sees it; the platform is written by hand, byte by byte."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from interop.device import PictureSettings, Refused, SimulatedDevice
from interop.wire import manscdp, sipwire
from interop.wire.platform import WirePlatform
from interop.wire.port import WirePort
from sip import TransactionTimeout

PLATFORM, DEVICE, PASSWORD = "34020000002000000001", "34020000001180000001", "device-0815"
FIRST, SECOND, THIRD = "34020000001310000001", "34020000001310000002", "34020000001310000003"
SMALL = {"width": 160, "height": 96, "fps": 25, "gop": 10, "bitrate": 100_000}


async def test_registration_answers_the_challenge_and_ends_with_expires_0(meet: Any) -> None:
    async with meet() as m:
        assert m.device.registered.is_set()
        first, second = [one for one in m.up.port.received if one.method == "REGISTER"]
        assert first.get("authorization") is None
        assert second.need("authorization").startswith("Digest ")
        assert [sipwire.split(data).status for data in m.up.port.sent] == [401, 200]
        await m.device.stop()
        assert m.up.registered == {}
        assert m.up.port.received[-1].need("expires") == "0"


async def test_a_wrong_password_is_refused(settings: Any) -> None:
    async with WirePlatform(PLATFORM, "another") as up:
        device = SimulatedDevice(settings(up.port.port))
        with pytest.raises(Refused, match="401"):
            await device.start(persist=True)
        assert not device.registered.is_set()
        await device.stop()


async def test_an_absent_platform_is_an_error_unless_it_persists(settings: Any, news: Any) -> None:
    silent = WirePort("127.0.0.1", _nothing)
    await silent.open()
    gone = silent.port
    await silent.close()
    device = SimulatedDevice(settings(gone, transport="TCP"))
    with pytest.raises(Exception, match="127.0.0.1"):
        await device.start()
    await device.stop()

    device = SimulatedDevice(settings(gone, transport="TCP"), news.heard)
    await device.start(persist=True)
    await news.event("no answer")
    await news.event("not registered")
    async with WirePlatform(PLATFORM, PASSWORD, port=gone) as up:
        await up.wait_registered(DEVICE)
        await news.event("registered")
        await device.stop()


async def _nothing(request: sipwire.Split, path: sipwire.Path) -> None:
    return None


async def test_keepalives_carry_the_status_and_a_rising_sn(meet: Any) -> None:
    async with meet(keepalive_s=0.02) as m:
        await m.up.wait_keepalive(DEVICE)
        await m.up.wait_keepalive(DEVICE)
        beats = [one.text for one in m.up.port.received if "<CmdType>Keepalive</CmdType>" in one.text]
        assert [sipwire.element(text, "SN") for text in beats[:2]] == ["1", "2"]
        assert {sipwire.element(text, "Status") for text in beats} == {"OK"}


@pytest.mark.parametrize("charset", ["GB2312", "UTF-8"])
async def test_the_catalogue_lists_every_channel(meet: Any, charset: str) -> None:
    async with meet(charset=charset, civil_code="340203") as m:
        answer = await m.up.catalog(DEVICE)
        assert answer.ids == [FIRST, SECOND, THIRD]
        assert set(answer.sums) == {3}
        assert [item["Name"] for item in answer.items] == ["通道1", "通道2", "通道3"]
        assert {item["ParentID"] for item in answer.items} == {DEVICE}
        assert {item["CivilCode"] for item in answer.items} == {"340203"}
        assert all(charset.encode() in body[:60] for body in answer.bodies)


async def test_information_and_status_are_answered(meet: Any) -> None:
    async with meet(name="门口NVR") as m:
        info = (await m.up.query("DeviceInfo", DEVICE)).text
        assert (sipwire.element(info, "DeviceName"), sipwire.element(info, "Channel")) == ("门口NVR", "3")
        assert sipwire.element((await m.up.query("DeviceStatus", DEVICE)).text, "Online") == "ONLINE"


async def test_what_it_cannot_read_is_refused_and_what_it_does_not_know_is_ignored(meet: Any) -> None:
    async with meet() as m:
        assert (await m.up.message(DEVICE, b"<Query><broken")).status == 400
        assert (await m.news.event("refused"))["status"] == 400
        body = manscdp.xml("Query", "ConfigDownload", 9, DEVICE, "<ConfigType>BasicParam</ConfigType>\r\n")
        assert (await m.up.message(DEVICE, body)).status == 200
        await m.news.event("ignored")
        assert (await _ask(m.up, "OPTIONS")).status == 200
        assert (await _ask(m.up, "INFO")).status == 405


async def _ask(up: WirePlatform, method: str) -> sipwire.Split:
    path = up.path_to(DEVICE)
    lines = up.lines(path, f"<sip:{DEVICE}@3402000000>", sipwire.fresh(), f"1 {method}", sipwire.fresh())
    return await up.port.ask(sipwire.build(f"{method} sip:{DEVICE}@{path.host}:{path.port} SIP/2.0", lines), path)


async def test_an_answer_nobody_takes_is_told_and_survived(meet: Any) -> None:
    async with meet() as m:

        async def refuse(*_: object, **__: object) -> None:
            raise TransactionTimeout("MESSAGE", "no answer", peer="x", method="MESSAGE", call_id="c", waited_s=1.0)

        m.device._outbox.send_catalogue = refuse
        body = manscdp.xml("Query", "Catalog", 3, DEVICE)
        assert (await m.up.message(DEVICE, body)).status == 200
        await m.news.event("failed")
        assert (await m.device.keepalive()).status == 200


async def test_control_reaches_the_camera(meet: Any) -> None:
    async with meet() as m:
        assert (await m.up.ptz(SECOND, "A50F0101400000F6")).status == 200
        assert (await m.news.event("ptz"))["channel"] == SECOND
        assert list(m.device.ptz) == [(SECOND, "A50F0101400000F6")]
        for channel in (FIRST, "34020000001310000099"):
            assert (await m.up.i_frame(channel)).status == 200
        assert m.device.key_frames_asked == 2


async def test_status_changes_reach_the_subscriber(meet: Any) -> None:
    async with meet() as m:
        one = await m.up.subscribe_catalog(DEVICE)
        await m.device.set_status(SECOND, "OFF")
        await one.wait_event(SECOND, "OFF")
        assert [item["Status"] for item in (await m.up.catalog(DEVICE)).items] == ["ON", "OFF", "ON"]


@pytest.mark.parametrize("codec", ["H264", "H265"])
@pytest.mark.parametrize("transport", ["udp", "tcp_passive", "tcp_active"])
async def test_what_is_filmed_is_what_arrives(meet: Any, transport: str, codec: Any) -> None:
    async with meet(picture=PictureSettings(codec=codec, **SMALL)) as m:
        assert m.device.encoding == []
        call = await m.up.play(FIRST, transport=transport)
        await m.news.event("streaming")
        assert m.device.encoding == [FIRST]
        assert (await call.first_key()).sha256 == (await call.frames(12))[0].sha256
        sent = list(m.device.sessions[0].sent.units)
        seen = [(unit.sha256, unit.key) for unit in call.units]
        assert seen[:12] == sent[:12]
        assert call.codec == codec
        assert call.faults == []
        assert (await call.bye()).status == 200
        assert (m.device.encoding, m.device.sessions) == ([], [])
        assert (await m.news.event("stopped"))["packets"] > 0


async def test_it_registers_and_streams_over_tcp_signalling(meet: Any) -> None:
    async with meet(transport="TCP", edition=2022) as m:
        assert {one.need("x-gb-ver") for one in m.up.port.received if one.method == "REGISTER"} == {"3.0"}
        assert (await m.up.catalog(DEVICE)).ids == [FIRST, SECOND, THIRD]
        call = await m.up.play(FIRST)
        await call.first_key()
        await call.bye()


async def test_stopping_hangs_up_before_it_unregisters(meet: Any) -> None:
    async with meet() as m:
        call = await m.up.play(THIRD)
        await call.first_key()
        await m.device.stop()
        assert call.ended.is_set()
        methods = [one.method for one in m.up.port.received if not one.status]
        assert methods[methods.index("BYE") :] == ["BYE", "REGISTER", "REGISTER"]


async def test_a_platform_that_comes_back_gets_its_device_back(meet: Any) -> None:
    async with meet(keepalive_s=0.05, transport="TCP") as m:
        m.device.registered.clear()
        m.up.registered.clear()
        await m.up.wait_registered(DEVICE)
        await asyncio.wait_for(m.device.registered.wait(), 10)
