"""Media of strangers on the ports of a call, and cameras whose media is not what they answered.

The picture shown is never another camera's: every access unit received above was sent by the camera that was asked for.
What comes from elsewhere is in the trace of the call, and every way a picture can fail to come has its own name.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from interop.demo.node import ApiFailure
from interop.wire import manscdp, psbytes, sipwire
from interop.wire.call import WireCall
from interop.wire.device import Deviations, DeviceCall, WireDevice
from interop.wire.manscdp import WireChannel
from interop.wire.media import Picture, Sender
from interop.wire.sipwire import WireRefused
from interop.wire.video import encoded
from tests.e2e.adversary import Stage, enrolled, forgotten, shown_above, stage, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]

HOST, OWN_PORT = "127.0.0.50", "own"
STRANGER = "127.0.0.44"
WAITS = {
    "sip": {"invite_timeout_seconds": 2.0},
    "media": {"linger_seconds": 0.2, "first_packet_seconds": 2.0, "key_frame_seconds": 3.0},
}
_numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def show(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The gateway of this file, its camera watched from the first test to the last."""
    async with stage(tmp_path_factory.mktemp("media-strangers"), settings=WAITS) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def untouched(show: Stage) -> AsyncIterator[None]:
    """What every test of this file asks besides its own question."""
    async with show.untouched():
        yield


@contextlib.asynccontextmanager
async def camera(show: Stage, media: str = "udp", **deviations: Any) -> AsyncIterator[WireDevice]:
    """A camera of its own for one test, with one channel."""
    number = next(_numbers)
    device_id, channel = f"340201000011100020{number:02d}", f"340201000013200020{number:02d}"
    async with await enrolled(
        show, device_id, host=HOST, media=media, channels=[WireChannel(channel)], deviations=Deviations(**deviations)
    ) as device:
        assert (await device.register()).status == 200
        await shown_above(show, channel)
        yield device
    await forgotten(show, device_id)


def channel_of(device: WireDevice) -> str:
    return device.channels[0].id


async def shows_only(call: WireCall, device: WireDevice, frames: int = 15) -> None:
    """The picture above comes, and every unit of it was sent by this camera, in order and without a gap."""
    await call.first_key(10)
    await call.frames(frames, 15)
    sent = [unit.sha256 for one in device.calls for unit in one.units]
    received = [unit.sha256 for unit in call.units]
    assert received[0] in sent, "the picture begins with another camera's"
    start = sent.index(received[0])
    assert received == sent[start : start + len(received)]


async def trace_of(show: Stage, channel: str) -> list[dict[str, Any]]:
    """The steps of the latest call to a channel."""
    traces = (await show.node.call("GET", "/api/v1/traces"))["items"]
    found = [one for one in traces if one["stream"].endswith(channel)]
    return [step for one in found for step in one["steps"]]


async def told(show: Stage, channel: str, what: str, timeout_s: float = 8.0) -> dict[str, Any]:
    """Wait for a step in the trace of a channel's call."""
    async with asyncio.timeout(timeout_s):
        while True:
            for step in await trace_of(show, channel):
                if step["what"] == what:
                    return step
            await asyncio.sleep(0.1)


async def source_of(show: Stage, channel: str) -> dict[str, Any]:
    """The counters of the leg a channel's stream comes in on."""
    streams = (await show.node.call("GET", "/api/v1/streams"))["items"]
    return next(dict(row["source"]) for row in streams if row["code"] == channel)


def another_picture(ssrc: int) -> Sender:
    """The stream of some other camera."""
    encoded(psbytes.H264, 99)
    return Sender(Picture(psbytes.H264, 99, 900_000), ssrc)


async def invited(device: WireDevice) -> tuple[DeviceCall, manscdp.SdpFacts]:
    """Wait for the node's INVITE at the camera; the call and where the node wants its media."""
    await until(lambda: device.calls)
    call = device.calls[-1]
    return call, manscdp.sdp_facts(call.invite.body)


@contextlib.asynccontextmanager
async def pouring(host: str, to: tuple[str, int], ssrc: int, port: int = 0) -> AsyncIterator[Sender]:
    """Somebody pours another camera's picture into a UDP port as long as the block lasts."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, port))
    sock.setblocking(False)
    sender = another_picture(ssrc)
    task = asyncio.create_task(sender.run_udp(sock, to))
    try:
        yield sender
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        sock.close()


# --- towards us: UDP ---


BEFORE_ANSWER, BEFORE_PACKET, AFTER_PICTURE = "before the answer", "before the first packet", "after the first picture"
POURED = [
    (STRANGER, when, ssrc) for when in (BEFORE_ANSWER, BEFORE_PACKET, AFTER_PICTURE) for ssrc in ("right", "wrong")
]
# The camera's own address with the agreed SSRC is the camera, until the camera itself has sent.
POURED += [(HOST, BEFORE_ANSWER, "wrong"), (HOST, BEFORE_PACKET, "wrong")]
POURED += [(HOST, AFTER_PICTURE, "right"), (HOST, AFTER_PICTURE, "wrong")]


@pytest.mark.parametrize(("host", "when", "ssrc"), POURED)
async def test_another_cameras_packets_are_never_shown(show: Stage, host: str, when: str, ssrc: str) -> None:
    delay = 1.0 if when == BEFORE_ANSWER else 0.0
    async with camera(show, answer_delay_s=delay) as device:
        channel = channel_of(device)
        playing = asyncio.create_task(show.chain.upper.play(channel))
        ours, facts = await invited(device)
        number = int(facts.y or 0) if ssrc == "right" else 4711
        if when == AFTER_PICTURE:
            call = await playing
            await shows_only(call, device)
        async with pouring(host, (facts.host, facts.port), number):
            call = await playing
            await shows_only(call, device, 30)
            heard = await source_of(show, channel)
            assert heard["foreign"] + heard["other_ssrc"] > 0
            assert heard["remote"][0] == HOST
            if host == STRANGER or ssrc == "right":
                step = await told(show, channel, "packets from another address")
                assert step["remote"].startswith(f"{host}:")
            else:
                await told(show, channel, "other SSRC")
        await shows_only(call, device, len(call.units) + 10)
        await call.bye()
        assert ours is device.calls[-1]


async def test_the_neighbours_picture_is_not_shown_even_when_the_camera_stays_silent(show: Stage) -> None:
    async with camera(show, no_media=True) as device:
        channel = channel_of(device)
        playing = asyncio.create_task(show.chain.upper.play(channel))
        _, facts = await invited(device)
        async with pouring(HOST, (facts.host, facts.port), 4711):
            call = await playing
            await asyncio.wait_for(call.ended.wait(), 10)
        assert not call.units
        assert reason_of_bye(show) in ("Media From Another Address", "Media With Another SSRC")


async def test_after_the_camera_fell_silent_no_neighbour_takes_its_place(show: Stage) -> None:
    async with camera(show) as device:
        channel = channel_of(device)
        call = await show.chain.upper.play(channel)
        await shows_only(call, device)
        ours, facts = await invited(device)
        assert ours.task is not None
        async with (
            pouring(STRANGER, (facts.host, facts.port), int(facts.y or 0)),
            pouring(HOST, (facts.host, facts.port), 4711),
        ):
            ours.task.cancel()
            await asyncio.sleep(0.5)
            had = len(call.units)
            await asyncio.sleep(5)
            assert len(call.units) <= had + 1
        sent = {unit.sha256 for unit in ours.units}
        assert {unit.sha256 for unit in call.units} <= sent
        await call.bye()


JUNK = {
    "garbage": b"\xde\xad\xbe\xef" * 50,
    "nothing": b"",
    "RTCP SR": bytes.fromhex("80c80006 00001267") + bytes(20),
    "RTCP BYE": bytes.fromhex("81cb0001 00001267"),
    "STUN": bytes.fromhex("000100002112a442") + bytes(12),
    "DTLS": bytes.fromhex("16fefd0000000000000000002a") + bytes(42),
    "SIP": b"OPTIONS sip:x SIP/2.0\r\n\r\n",
    "RTP of version 1": b"\x40\x60" + bytes(200),
    "RTP cut short": b"\x80\x60\x00",
    "RTP that is all extension": b"\x90\x60" + bytes(10) + b"\xbe\xde\xff\xff" + bytes(20),
    "RTP that is all padding": b"\xa0\x60" + bytes(10) + b"\xff" * 20,
    "RTP with 15 sources": b"\x8f\x60" + bytes(14),
    "64 KB": b"\x80\x60" + bytes(60_000),
}


@pytest.mark.parametrize("host", [STRANGER, HOST], ids=["a stranger", "the camera's address"])
async def test_junk_on_the_media_port_disturbs_nothing(show: Stage, host: str) -> None:
    async with camera(show) as device:
        call = await show.chain.upper.play(channel_of(device))
        await shows_only(call, device)
        _, facts = await invited(device)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((host, 0))
            for _, data in itertools.product(range(20), JUNK.values()):
                sock.sendto(data, (facts.host, facts.port))
                sock.sendto(data[:1400], (facts.host, facts.port + 1))
        await shows_only(call, device, len(call.units) + 20)
        heard = await source_of(show, channel_of(device))
        assert heard["not_rtp"] + heard["foreign"] + heard["other_ssrc"] > 0
        await call.bye()


# --- towards us: TCP ---


async def connected(host: str, to: tuple[str, int]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*to, local_addr=(host, 0))


@pytest.mark.parametrize(("host", "ssrc"), [(STRANGER, "right"), (STRANGER, "wrong"), (HOST, "wrong")])
async def test_a_connection_that_comes_before_the_cameras_is_not_shown(show: Stage, host: str, ssrc: str) -> None:
    async with camera(show, "tcp_passive", answer_delay_s=0.8) as device:
        channel = channel_of(device)
        playing = asyncio.create_task(show.chain.upper.play(channel))
        _, facts = await invited(device)
        sender = another_picture(int(facts.y or 0) if ssrc == "right" else 4711)
        silent = [await connected(host, (facts.host, facts.port)) for _ in range(12)]
        _, writer = await connected(host, (facts.host, facts.port))
        task = asyncio.create_task(sender.run_tcp(writer))
        call = await playing
        await shows_only(call, device, 25)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for _, one in [*silent, (None, writer)]:
            one.close()
        heard = await source_of(show, channel)
        assert heard["remote"][0] == HOST
        assert heard["foreign"] + heard["other_ssrc"] > 0
        await call.bye()


@pytest.mark.parametrize("data", [JUNK["garbage"] * 400, b"GET / HTTP/1.1\r\n\r\n", JUNK["DTLS"], b"\xff\xff" * 9_000])
async def test_junk_on_a_media_connection_of_a_neighbour_disturbs_nothing(show: Stage, data: bytes) -> None:
    async with camera(show, "tcp_passive") as device:
        call = await show.chain.upper.play(channel_of(device))
        await shows_only(call, device)
        _, facts = await invited(device)
        _, writer = await connected(HOST, (facts.host, facts.port))
        writer.write(data)
        await shows_only(call, device, len(call.units) + 15)
        writer.close()
        await call.bye()


# --- from us ---


@pytest.mark.parametrize("count", [1, 40])
async def test_a_stranger_at_the_port_a_receiver_is_to_connect_to_gets_nothing(
    show: Stage, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    dial = WireCall.dial
    strangers: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def dial_late(call: WireCall) -> None:
        assert call.answer is not None
        facts = manscdp.sdp_facts(call.answer.body)
        for number in range(count):
            with contextlib.suppress(ConnectionError):
                strangers.append(await connected(f"127.0.7.{number + 1}", (facts.host, facts.port)))
        await asyncio.sleep(0.3)
        await dial(call)

    monkeypatch.setattr(WireCall, "dial", dial_late)
    async with camera(show) as device:
        call = await show.chain.upper.play(channel_of(device), transport="tcp_active")
        await shows_only(call, device)
        for reader, writer in strangers:
            got = b""
            with contextlib.suppress(TimeoutError, ConnectionError):
                got = await asyncio.wait_for(reader.read(100), 0.05)
            assert got == b""
            writer.close()
        await call.bye()


# --- cameras that answer otherwise ---

TOLERATED: dict[str, dict[str, Any]] = {
    "sends an SSRC of its own whatever was agreed": {"rtp_ssrc": 77},
    "answers without y=": {"answer_y": None},
    "answers without y= and sends its own SSRC": {"answer_y": None, "rtp_ssrc": 0xFFFFFFFF},
    "answers with its own y= and sends it": {"answer_y": "0300001234"},
    "answers with its own y= and sends the offered": {"answer_y": "0300001234", "rtp_ssrc": 0},
    "sends from another port than it answered": {"other_source_port": True},
    "writes no marker bits": {"with_marker": False},
    "stuffs its pack headers": {"pack_stuffing": b"\xff" * 6},
}


@pytest.mark.parametrize("media", ["udp", "tcp_passive"])
@pytest.mark.parametrize("habit", TOLERATED)
async def test_a_camera_of_odd_habits_is_shown_all_the_same(show: Stage, media: str, habit: str) -> None:
    async with camera(show, media, **TOLERATED[habit]) as device:
        channel = channel_of(device)
        call = await show.chain.upper.play(channel)
        await shows_only(call, device)
        if "own SSRC" in habit or habit.startswith("sends an SSRC"):
            step = await told(show, channel, "other SSRC")
            assert step["got"] == TOLERATED[habit]["rtp_ssrc"]
        await call.bye()


async def test_a_camera_whose_answer_has_no_to_tag_is_shown_all_the_same(show: Stage) -> None:
    class Tagless(WireDevice):
        async def _answer(self, call: DeviceCall, offer: manscdp.SdpFacts) -> None:
            call.local_tag = ""
            send = self.port.send

            def without_tag(data: bytes, path: sipwire.Path) -> None:
                send(re.sub(rb"(?m)^(To: [^;\r]+);tag=[^\r]*", rb"\1", data) if b"INVITE" in data else data, path)

            self.port.send = without_tag  # type: ignore[method-assign]
            await super()._answer(call, offer)

    device_id, channel = "34020100001110002098", "34020100001320002098"
    made = await enrolled(show, device_id, host=HOST, channels=[WireChannel(channel)])
    async with Tagless(
        device_id, made.password, show.address, show.node.id, host=HOST, channels=[WireChannel(channel)]
    ) as device:
        assert (await device.register()).status == 200
        await shown_above(show, channel)
        call = await show.chain.upper.play(channel)
        await shows_only(call, device)
        await call.bye()
    await forgotten(show, device_id)


# --- every failure by its name ---

REFUSED: dict[str, tuple[dict[str, Any], str, int, str]] = {
    "404": ({"refuse_invite": 404}, "rejected", 404, "Rejected By Device (404)"),
    "486": ({"refuse_invite": 486}, "rejected", 486, "Rejected By Device (486)"),
    "401": ({"refuse_invite": 401}, "rejected", 403, "Rejected By Device (401)"),
    "603": ({"refuse_invite": 603}, "rejected", 603, "Rejected By Device (603)"),
    "100 and then nothing": ({"silent_after_100": True}, "no_answer", 408, "No Answer From Device"),
    "200 without SDP": ({"answer_without_sdp": True}, "not_acceptable", 488, "Not Acceptable Here"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_call_the_camera_refuses_fails_by_name_above_and_in_the_api(show: Stage, case: str) -> None:
    deviations, step, status, phrase = REFUSED[case]
    async with camera(show, **deviations) as device:
        with pytest.raises(WireRefused) as refused:
            await show.chain.upper.play(channel_of(device))
        assert (refused.value.status, refused.value.split.start) == (status, f"SIP/2.0 {status} {phrase}")
        with pytest.raises(ApiFailure) as failed:
            await show.node.call("POST", "/api/v1/views", {"peer_id": device.id, "code": channel_of(device)})
        body = failed.value.body
        assert body["step"] == step
        assert body["message"] and body["message_zh"] and body["hint"] is not None
        line = await show.logged(f"{HOST}:{device.port.port}")
        assert (line["step"], line["stream"]) == (step, f"{device.id}/{channel_of(device)}")


def reason_of_bye(show: Stage) -> str:
    """What the node's last BYE to the upper platform gives as its reason."""
    byes = [one for one in show.chain.upper.port.received if one.method == "BYE" and not one.status]
    reason = byes[-1].get("reason") or ""
    return reason.partition('text="')[2].rstrip('"')


async def failure_of(show: Stage, view: str, timeout_s: float = 12.0) -> dict[str, Any]:
    """Wait for a view to say why it shows nothing."""
    async with asyncio.timeout(timeout_s):
        while True:
            described = await show.node.call("GET", f"/api/v1/views/{view}")
            if described["failure"] is not None:
                return dict(described["failure"])
            await asyncio.sleep(0.1)


async def test_a_camera_that_answers_and_sends_nothing_fails_by_name(show: Stage) -> None:
    async with camera(show, no_media=True) as device:
        call = await show.chain.upper.play(channel_of(device))
        await asyncio.wait_for(call.ended.wait(), 10)
        assert reason_of_bye(show) == "No Media Packet Arrived"
        view = await show.node.call("POST", "/api/v1/views", {"peer_id": device.id, "code": channel_of(device)})
        assert (await failure_of(show, view["id"]))["step"] == "no_packet"
        await show.node.call("DELETE", f"/api/v1/views/{view['id']}")


async def test_media_that_only_comes_from_elsewhere_fails_by_name(show: Stage) -> None:
    async with camera(show, no_media=True) as device:
        body = {"peer_id": device.id, "code": channel_of(device)}
        opening = asyncio.create_task(show.node.call("POST", "/api/v1/views", body))
        _, facts = await invited(device)
        async with pouring(STRANGER, (facts.host, facts.port), int(facts.y or 0)):
            view = await opening
            failure = await failure_of(show, view["id"])
        assert failure["step"] == "foreign_source"
        assert STRANGER in failure["message"]
        step = await told(show, channel_of(device), "packets from another address")
        assert step["remote"].startswith(STRANGER)
        await show.node.call("DELETE", f"/api/v1/views/{view['id']}")


async def test_a_camera_that_sends_no_program_stream_fails_by_name(show: Stage) -> None:
    async with camera(show, no_media=True) as device:
        opening = asyncio.create_task(show.chain.upper.play(channel_of(device)))
        ours, facts = await invited(device)
        call = await opening
        assert ours._sock is not None
        packet = psbytes.rtp
        for number in range(80):
            payload = b"\x47" + bytes(187)
            data = packet(number, number * 3600, int(facts.y or 0), payload * 7, marker=True)
            with contextlib.suppress(OSError):
                ours._sock.sendto(data, (facts.host, facts.port))
            await asyncio.sleep(0.05)
            if call.ended.is_set():
                break
        await asyncio.wait_for(call.ended.wait(), 10)
        assert reason_of_bye(show) == "No PS Start Found"
        assert not call.units


@pytest.mark.parametrize("port", [0, 9])
async def test_an_active_leg_to_a_camera_that_does_not_listen_fails_by_name(show: Stage, port: int) -> None:
    """The camera answers a TCP offer of ours with a port at which nobody is."""

    class Absent(WireDevice):
        async def _answer(self, call: DeviceCall, offer: manscdp.SdpFacts) -> None:
            body = manscdp.sdp(call.channel, HOST, port, tcp=True, setup="passive", send=True, y=offer.y)
            lines = [self.contact(call.channel), "Content-Type: application/sdp"]
            call.answer = self.port.reply(call.invite, call.path, 200, lines=lines, to_tag=call.local_tag, body=body)

    device_id, channel = "34020100001110002099", "34020100001320002099"
    made = await enrolled(show, device_id, host=HOST, media="tcp_active", channels=[WireChannel(channel)])
    async with Absent(
        device_id, made.password, show.address, show.node.id, host=HOST, channels=[WireChannel(channel)]
    ) as device:
        assert (await device.register()).status == 200
        await shown_above(show, channel)
        try:
            call = await show.chain.upper.play(channel)
        except WireRefused as refused:
            assert refused.status in (480, 488) and refused.split.start != f"SIP/2.0 {refused.status} "
        else:
            await asyncio.wait_for(call.ended.wait(), 12)
            assert reason_of_bye(show) in ("Media Connection Failed", "No Media Packet Arrived")
    await forgotten(show, device_id)
