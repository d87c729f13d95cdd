"""The byte platform's own side: challenges, silence, refusals, dialogs it does not know."""

from __future__ import annotations

import asyncio

import pytest

from interop.demo.ports import free_range
from interop.wire import sipwire
from interop.wire.device import Deviations, WireDevice
from interop.wire.manscdp import WireChannel, sdp_facts
from interop.wire.platform import WirePlatform
from interop.wire.port import WireStranger
from interop.wire.sipwire import Path, WireRefused, WireTimeout

UP, NVR, CAMERA = "34020000002000000001", "34020000001180000001", "34020000001320000001"


def _device(up: WirePlatform, **more: object) -> WireDevice:
    return WireDevice(NVR, "pw", ("127.0.0.1", up.port.port), UP, channels=[WireChannel(CAMERA)], **more)  # type: ignore[arg-type]


async def test_registration_catalogue_view_and_control() -> None:
    async with WirePlatform(UP, "pw", charset="GB18030") as up, _device(up) as nvr:
        await nvr.register()
        assert (await up.wait_registered(NVR)).port == nvr.port.port
        waiting = asyncio.ensure_future(up.wait_keepalive(NVR))
        await asyncio.sleep(0)
        await nvr.keepalive()
        await waiting
        assert (await up.catalog(NVR)).ids == [CAMERA]
        assert "<Model>NVR-W</Model>" in (await up.query("DeviceInfo", NVR)).text
        call = await up.play(CAMERA, transport="tcp_passive")
        await call.first_key()
        assert (await up.ptz(CAMERA, "A50F0100000000B5")).status == 200
        assert (await up.i_frame(CAMERA, name="IFrameCmd")).status == 200
        await call.bye()
        assert up.faults == nvr.faults == []


async def test_catalogue_events_reach_their_subscription() -> None:
    async with WirePlatform(UP, "pw") as up, _device(up) as nvr:
        await nvr.register()
        one = await up.subscribe_catalog(NVR)
        assert one.answer is not None
        assert one.answer.need("expires") == "600"
        await nvr.notify_catalog([(CAMERA, "ON")])
        await one.wait_event(CAMERA, "ON")
        await one.cancel()
        assert [sipwire.split(data).need("cseq") for data in up.port.sent if data.startswith(b"SUBSCRIBE")] == [
            "1 SUBSCRIBE", "2 SUBSCRIBE",
        ]  # fmt: skip


async def test_the_challenge_follows_its_knobs() -> None:
    async with WirePlatform(UP, "pw", algorithm="SHA-256", qop="", date=False) as up, _device(up) as nvr:
        answer = await nvr.register()
        assert answer.get("date") is None
        challenge = next(one for one in nvr.port.received if one.status == 401).need("www-authenticate")
        assert "algorithm=SHA-256" in challenge
        assert "qop" not in challenge


async def test_a_refused_invite_is_acknowledged_in_its_own_transaction() -> None:
    async with WirePlatform(UP, "pw") as up, _device(up, deviations=Deviations(refuse_invite=488)) as nvr:
        await nvr.register()
        with pytest.raises(WireRefused) as refused:
            await up.play(CAMERA, y="0200000001", via_peer=NVR)
        assert refused.value.status == 488
        invite, ack = (sipwire.split(data) for data in up.port.sent if data[:3] in (b"INV", b"ACK"))
        assert invite.need("via") == ack.need("via")


async def test_a_silent_platform_lets_a_registration_time_out() -> None:
    async with WirePlatform(UP, "pw") as up, _device(up) as nvr:
        up.silent = True
        data = sipwire.build("OPTIONS sip:a@b SIP/2.0", [nvr.port.via(nvr.path), "CSeq: 1 OPTIONS", "Call-ID: 1"])
        with pytest.raises(WireTimeout):
            await nvr.port.ask(data, nvr.path, timeout_s=0.05)


async def test_requests_outside_any_dialog() -> None:
    async with WirePlatform(UP, "pw") as up, WireStranger() as stranger:
        to = Path("UDP", "127.0.0.1", up.port.port)
        answers = {}
        for method in ("BYE", "OPTIONS", "INVITE", "NOTIFY"):
            lines = [up.port.via(to), "From: <sip:a@b>;tag=1", "To: <sip:c@d>", f"Call-ID: {method}"]
            lines.append(f"CSeq: 1 {method}")
            data = sipwire.build(f"{method} sip:c@d SIP/2.0", lines)
            answers[method] = sipwire.split((await stranger.say(data, (to.host, to.port)))[0]).status
        assert answers == {"BYE": 481, "OPTIONS": 200, "INVITE": 405, "NOTIFY": 200}


async def test_a_subscription_may_be_refused() -> None:
    async with WirePlatform(UP, "pw") as up, WirePlatform(NVR, "pw") as other:
        up.registered[NVR] = Path("UDP", "127.0.0.1", other.port.port)
        with pytest.raises(WireRefused) as refused:
            await up.subscribe_catalog(NVR)
        assert refused.value.status == 405


async def test_behind_a_nat_it_names_the_outer_address_and_takes_its_forwarded_ports_in_turn() -> None:
    first, last = free_range(4, set())
    async with WirePlatform(UP, "pw", outer_host="203.0.113.7", media_ports=range(first, last + 1)) as up:
        assert up.contact() == f"Contact: <sip:{UP}@203.0.113.7:{up.port.port}>"
        async with _device(up) as nvr:
            await nvr.register()
            offered = []
            for _ in range(2):
                call = await up.play(CAMERA, transport="tcp_passive")
                assert call.invite is not None
                facts = sdp_facts(call.invite.body)
                offered.append((facts.host, facts.port))
                await call.bye()
    assert offered == [("203.0.113.7", first), ("203.0.113.7", first + 2)]
