"""The byte kit as partner of the SIP stack, the command codec, and the media writer."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from interop.wire import psbytes, sipwire
from interop.wire.device import WireDevice
from interop.wire.manscdp import WireChannel
from interop.wire.media import Picture, Receiver, Unit
from interop.wire.platform import WirePlatform
from interop.wire.port import WireStranger
from media.ps.muxer import PsMuxer
from media.ps.packetize import RtpPacketizer
from media.rtp_over_tcp import frame
from media.unit import AccessUnit
from sip.dialog import Dialog
from sip.manscdp import CatalogItem, Charset, Edition, ItemInfo, PtzControl
from tests.stand.camera import SmallCamera
from tests.stand.registrar import SmallRegistrar

SERVER, DEVICE = "34020000002000000001", "34020000001180000001"
CAMERAS = [f"3402000000132000000{n}" for n in range(1, 6)]


def _item(code: str, number: int) -> CatalogItem:
    return CatalogItem(
        device_id=code, name=f"相机{number}", manufacturer="Co", model="IPC", owner="所有者", civil_code="340200",
        address="东门1号", parental=0, parent_id=DEVICE, safety_way=0, register_way=1, secrecy=0, status="ON",
        longitude=118.376451, latitude=31.326319, info=ItemInfo(ptz_type="1"),
    )  # fmt: skip


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_a_byte_device_at_the_stack(transport: str) -> None:
    async with SmallRegistrar(SERVER, "pw", algorithm="SHA-256") as up:
        channels = [WireChannel(code, f"相机{n}") for n, code in enumerate(CAMERAS)]
        async with WireDevice(
            DEVICE, "pw", ("127.0.0.1", up.port), SERVER, channels=channels, transport=transport
        ) as nvr:
            await nvr.register()
            assert (await nvr.keepalive([CAMERAS[1]])).status == 200
            assert up.keepalives == [DEVICE]
            items = await up.catalog(DEVICE, sn=17430)
            assert [(item.device_id, item.name) for item in items] == [(one.id, one.name) for one in channels]
            command = PtzControl(sn=11, device_id=CAMERAS[0], ptz_cmd="A50F01094030002E")
            assert await up.send(CAMERAS[0], command, peer=DEVICE) == 200
            to = up.bindings[DEVICE]
            outgoing = up.stack.invite(up.offer(CAMERAS[0], "0200000001", to), to)
            assert (await outgoing.final(5)).status == 200
            assert nvr.calls[0].sender.ssrc == 200000001
            assert nvr.ptz == ["A50F01094030002E"]
            assert nvr.faults == []


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize("edition", [Edition.V2016, Edition.V2022])
async def test_the_stack_at_a_byte_platform(transport: str, edition: Edition) -> None:
    items = [_item(code, n) for n, code in enumerate(CAMERAS)]
    charset = Charset.GB2312 if edition is Edition.V2016 else Charset.GB18030
    async with WirePlatform(SERVER, "pw") as up:
        async with SmallCamera(
            DEVICE, "pw", ("127.0.0.1", up.port.port), SERVER, items,
            transport=transport, charset=charset, edition=edition,
        ) as camera:  # fmt: skip
            assert (await camera.register()).status == 200
            assert (await camera.keepalive()).status == 200
            answer = await up.catalog(DEVICE)
            assert answer.ids == CAMERAS
            assert answer.sums == [5, 5, 5]
            assert [item["Name"] for item in answer.items] == [f"相机{n}" for n in range(5)]
            assert all(f'encoding="{charset}"'.encode() in body for body in answer.bodies)
        assert up.faults == []


async def test_a_stranger_gets_an_answer_to_where_it_really_is() -> None:
    async with SmallRegistrar(SERVER, "pw") as up, WireStranger("127.0.0.9") as stranger:
        vias = ["SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bKa", "SIP/2.0/UDP 192.0.2.11:5060;branch=z9hG4bKb"]
        lines = [*(f"Via: {via}" for via in vias), "From: <sip:a@b>;tag=1", "To: <sip:c@d>", "Call-ID: x"]
        lines += ["CSeq: 7 OPTIONS", "Max-Forwards: 70"]
        data = sipwire.build("OPTIONS sip:c@d SIP/2.0", lines)
        answers = await stranger.say(data, ("127.0.0.1", up.port))
        cut = sipwire.split(answers[0])
        assert cut.status == 200
        top, below = cut.all("via")
        assert f"rport={stranger.port}" in top
        assert "received=127.0.0.9" in top
        assert "z9hG4bKa" in top
        assert below == vias[1]


def _unit(codec: str, unit: bytes, pts: int, key: bool) -> AccessUnit:
    return AccessUnit(codec, pts % (1 << 33), pts % (1 << 33), key, unit, "video")


@pytest.mark.parametrize(("codec", "kind"), [("H264", psbytes.H264), ("H265", psbytes.H265)])
@pytest.mark.parametrize("framed", [False, True])
def test_written_media_is_received_without_fault(codec: str, kind: int, framed: bool) -> None:
    muxer, packetizer, receiver = PsMuxer(codec, "PCMA"), RtpPacketizer(200000001, sequence=65500), Receiver(200000001)
    sent = []
    for unit, pts, key in itertools.islice(Picture(kind, 1, (1 << 33) - 45_000), 12):
        sound = AccessUnit("PCMA", pts, pts, True, b"\xd5" * 800, "audio")
        pack = muxer.mux(_unit(codec, unit, pts, key), [sound])
        for packet in packetizer.packets(pack, pts):
            if framed:
                receiver.stream(frame(packet))
            else:
                receiver.packet(packet)
        sent.append(Unit(receiver.units[-1].sha256 if receiver.units else "", pts, key, len(unit)))
    assert list(receiver.faults) == []
    assert [(one.pts, one.key, one.size) for one in receiver.units] == [(one.pts, one.key, one.size) for one in sent]
    assert receiver.codec == kind


async def test_a_dialog_of_the_stack_ends_with_bye() -> None:
    async with SmallRegistrar(SERVER, "pw") as up, WireDevice(DEVICE, "pw", ("127.0.0.1", up.port), SERVER) as nvr:
        await nvr.register()
        to = up.bindings[DEVICE]
        request = up.offer(nvr.channels[0].id, "0200000001", to)
        outgoing = up.stack.invite(request, to)
        dialog = Dialog.from_client(request, await outgoing.final(5))
        outgoing.ack(dialog)
        async with asyncio.timeout(5):
            await nvr.calls[0].acked.wait()
        assert (await up.stack.ask(dialog.request("BYE"), to)).status == 200
        assert nvr.calls[0].ended_by == "BYE"
        assert nvr.faults == []
