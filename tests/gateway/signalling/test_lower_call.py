"""Calls to peers below, on a real node with a hand-written camera."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Failure, Reason
from gateway.relay.trail import Trail
from gateway.signalling.reachability import TURNED
from interop.wire import device_call
from interop.wire.device import Deviations
from interop.wire.manscdp import sdp_facts
from interop.wire.media import bound_udp
from interop.wire.sipwire import Split
from media.worker.client import WorkerClient
from media.worker.control import (
    CloseLeg,
    ConnectFailed,
    LegClosed,
    SourceSilent,
    TcpClosed,
    TcpConnected,
    UpdateSource,
)
from tests.stand.node import NODE_ID
from tests.stand.street import CHANNEL, KEY, Street, running_street, settings, until

SHORT = {"first_packet_seconds": 0.4, "key_frame_seconds": 0.4, "linger_seconds": 0.1}


@contextlib.asynccontextmanager
async def street_with(folder: Path, *, config: dict[str, Any] | None = None, **options: Any) -> AsyncIterator[Street]:
    made = settings(folder, media=SHORT, **(config or {}))
    async with running_street(made, **options) as street:
        yield street


async def ignored(failure: Failure) -> None:
    """A reader who does not mind."""


async def attach(street: Street, trail: Trail | None = None) -> Any:
    return await street.node.live.hub.attach(await street.grant(), "reader", ignored, trail)


async def refused(street: Street) -> Failure:
    """Why no call comes about."""
    with pytest.raises(Failure) as caught:
        await attach(street)
    await street.quiet()
    assert await street.legs() == [] and len(street.node.environment.live_ssrcs) == 0
    assert street.worker().load == 0
    return caught.value


async def lost(street: Street) -> Failure:
    """Why a call that was answered ends."""
    told: asyncio.Queue[Failure] = asyncio.Queue()
    await street.node.live.hub.attach(await street.grant(), "reader", told.put)
    failure = await asyncio.wait_for(told.get(), 10)
    await street.quiet()
    assert await street.legs() == []
    return failure


def steps(street: Street, call: Any) -> list[str]:
    """The milestones of a call."""
    trace = street.node.ladder.get(call.id)
    return [step.what for step in trace.steps] if trace is not None else []


def invite(street: Street) -> Split:
    return street.device.calls[-1].invite


@pytest.mark.parametrize("media", ["udp", "tcp_passive", "tcp_active"])
async def test_media_comes_over_each_transport_and_the_end_releases_everything(tmp_path: Path, media: str) -> None:
    async with street_with(tmp_path, media=media) as street:
        call = await attach(street)
        await until(lambda: "first key frame" in steps(street, call))
        assert street.worker().load == 1 and await street.legs() == [call.source_leg]
        assert await _stored(street, 1) == [call.id]
        street.node.live.hub.detach(KEY, "reader")
        await street.quiet()
        assert await street.legs() == [] and await _stored(street, 0) == []
        assert street.device.calls[0].ended_by == "BYE" and not street.device.faults


async def test_where_nobody_connects_to_devices_the_device_connects_and_the_trace_says_so(tmp_path: Path) -> None:
    apart = {"media": SHORT | {"connect_to_devices": "no"}}
    async with running_street(settings(tmp_path, **apart), media="tcp_active") as street:
        call = await attach(street)
        await until(lambda: "first key frame" in steps(street, call))
        assert sdp_facts(invite(street).body).setup == "passive"
        assert steps(street, call).index(TURNED) < steps(street, call).index("media port open")


async def _stored(street: Street, wanted: int) -> list[str]:
    async with asyncio.timeout(5):
        while len(found := await street.node.environment.book.records()) != wanted:
            await asyncio.sleep(0.01)
    return [record.id for record in found]


async def test_the_invite_is_what_the_standard_asks_for(tmp_path: Path) -> None:
    async with street_with(tmp_path) as street:
        call = await attach(street, Trail("wang", 12))
        asked = invite(street)
        body = asked.body.decode()
        assert asked.start == f"INVITE sip:{CHANNEL}@127.0.0.1:{street.device.port.port} SIP/2.0"
        assert asked.need("subject") == f"{CHANNEL}:{call.ssrc},{NODE_ID}:0"
        assert asked.need("max-forwards") == "12" and asked.need("content-type").lower() == "application/sdp"
        assert asked.get("monitor-user-identity") is None  # a camera is not told who asks
        assert [line[:2] for line in body.split("\r\n") if line][:5] == ["v=", "o=", "s=", "c=", "t="]
        assert "s=Play\r\n" in body and f"y={call.ssrc}\r\n" in body and call.ssrc[0] == "0"


async def test_a_platform_below_is_told_the_way_of_the_request(tmp_path: Path) -> None:
    async with street_with(tmp_path, kind="platform") as street:
        await attach(street, Trail("34000000002000000001-li"))
        assert invite(street).need("monitor-user-identity") == f"{NODE_ID}-34000000002000000001-li"
        assert invite(street).get("x-preferredpath") is None


@pytest.mark.parametrize("first", ["34020000001110000001", "34000000002000000009"])
async def test_a_preferred_path_is_sent_on_to_the_platform_it_leads_to(tmp_path: Path, first: str) -> None:
    path = f"{first}-34020300002000000001"
    async with street_with(tmp_path, kind="platform") as street:
        await attach(street, Trail(preferred=path))
        assert invite(street).get("x-preferredpath") == (path if first == "34020000001110000001" else None)


@pytest.mark.parametrize(
    ("deviations", "reason"),
    [
        (Deviations(refuse_invite=486), Reason.REJECTED),
        (Deviations(answer_without_sdp=True), Reason.NOT_ACCEPTABLE),
        (Deviations(silent_after_100=True), Reason.NO_ANSWER),
    ],
)
async def test_a_call_that_does_not_come_about_names_its_step(
    tmp_path: Path, deviations: Deviations, reason: Reason
) -> None:
    config = {"sip": {"invite_timeout_seconds": 0.5}}
    async with street_with(tmp_path, config=config, deviations=deviations) as street:
        assert (await refused(street)).reason is reason


async def test_the_way_a_refusal_came_is_kept(tmp_path: Path) -> None:
    async with street_with(tmp_path, kind="platform") as street:
        reply = street.device.port.reply

        def with_path(request: Split, path: Any, status: int, **options: Any) -> bytes:
            if request.method == "INVITE" and status >= 300:
                options["lines"] = ["X-RoutePath: 34020000002000000007-34020000002000000008"]
            return reply(request, path, status, **options)

        street.device.port.reply = with_path  # type: ignore[method-assign]
        street.device.deviations.refuse_invite = 404
        failure = await refused(street)
        assert (failure.code, failure.route_path) == (404, "34020000002000000007-34020000002000000008")


@pytest.mark.parametrize(
    ("deviations", "source", "reason"),
    [
        (Deviations(no_media=True), "127.0.0.1", Reason.NO_PACKET),
        (Deviations(rtp_ssrc=77, other_source_port=True), "127.0.0.1", Reason.OTHER_SSRC),
        (Deviations(other_source_port=True), "127.0.0.2", Reason.FOREIGN_SOURCE),
    ],
)
async def test_a_call_without_media_of_its_own_is_lost_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deviations: Deviations, source: str, reason: Reason
) -> None:
    monkeypatch.setattr(device_call, "bound_udp", lambda host: bound_udp(source))
    async with street_with(tmp_path, deviations=deviations) as street:
        assert (await lost(street)).reason is reason
        (told,) = [one for one in street.device.port.received if one.method == "BYE" and not one.status]
        words = Failure(reason)
        assert told.need("reason") == f'SIP;cause={words.sip_status};text="{words.sip_phrase}"'


async def test_the_ssrc_of_the_answer_wins_over_ours(tmp_path: Path) -> None:
    async with street_with(tmp_path, deviations=Deviations(answer_y="0200000099")) as street:
        call = await attach(street)
        await until(lambda: "first key frame" in steps(street, call))
        assert [stats.ssrc for stats in await street.worker().link.leg_stats()] == [200_000_099]


async def test_a_device_that_ignores_y_needs_its_tolerance(tmp_path: Path) -> None:
    tolerances = ("ssrc_any", "media_source_any")
    async with street_with(tmp_path, tolerances=tolerances, deviations=Deviations(rtp_ssrc=77)) as street:
        call = await attach(street)
        await until(lambda: "first packet" in steps(street, call))
        assert [stats.ssrc for stats in await street.worker().link.leg_stats()] == [77]


async def test_a_device_of_another_ssrc_and_port_is_taken_until_one_with_the_agreed_ssrc_sends(tmp_path: Path) -> None:
    deviations = Deviations(no_media=True)
    async with street_with(tmp_path, tolerances=("ssrc_any",), deviations=deviations) as street:
        street.node.environment.first_packet_s = 10.0
        call = await attach(street)
        to = ("127.0.0.1", sdp_facts(invite(street).body).port)
        await _sent_until(77, to, lambda: "first packet" in steps(street, call))
        assert [stats.ssrc for stats in await street.worker().link.leg_stats()] == [77]
        told = steps(street, call).count("first packet")
        await _sent_until(int(call.ssrc), to, lambda: steps(street, call).count("first packet") > told)
        assert [stats.ssrc for stats in await street.worker().link.leg_stats()] == [int(call.ssrc)]


async def _sent_until(ssrc: int, to: tuple[str, int], done: Callable[[], bool]) -> None:
    """Packets of that SSRC from a port of their own until something has happened."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        async with asyncio.timeout(10):
            for number in itertools.count():
                if done():
                    return
                sock.sendto(struct.pack("!BBHII", 0x80, 96, number % 65536, 90 * number, ssrc) + bytes(20), to)
                await asyncio.sleep(0.02)


async def test_the_device_hangs_up(tmp_path: Path) -> None:
    async with street_with(tmp_path) as street:
        waiting = asyncio.create_task(lost(street))
        await until(lambda: street.device.calls and street.device.calls[0].acked.is_set())
        await street.device.hang_up(street.device.calls[0])
        assert (await waiting).reason is Reason.PEER_ENDED
        assert not [one for one in street.device.port.received if one.start.startswith("BYE")]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (SourceSilent(leg="", silent_s=15.0), Reason.STREAM_LOST),
        (ConnectFailed(leg="", remote=("127.0.0.1", 9), error="refused"), Reason.CONNECT_FAILED),
        (ConnectFailed(leg="", remote=("192.168.1.9", 9), error="unreachable"), Reason.CONNECT_FAILED),
        (LegClosed(leg="", reason="worker stopped"), Reason.WORKER_LOST),
        (TcpClosed(leg="", reason="it could not be connected again", final=True), Reason.CONNECTION_LOST),
    ],
)
async def test_bad_news_of_the_leg_end_the_call_with_a_reason(tmp_path: Path, event: Any, reason: Reason) -> None:
    async with street_with(tmp_path) as street:
        waiting = asyncio.create_task(lost(street))
        await until(lambda: street.node.live.lower_calls and street.node.live.lower_calls[0].established)
        call = street.node.live.lower_calls[0]
        call.media_event(SourceSilent(leg="", silent_s=5.0))  # not long enough
        call.media_event(TcpClosed(leg="", reason="closed by the peer"))  # perhaps it comes back
        call.media_event(TcpConnected(leg="", remote=("127.0.0.1", 9)))
        call.media_event(event)
        call.media_event(event)  # told twice, lost once
        assert (await waiting).reason is reason
        byes = [one for one in street.device.port.received if one.method == "BYE"]
        assert f"cause={Failure(reason).sip_status}" in byes[0].need("reason")
        await call.end(None)  # a second end is none
        assert steps(street, call).count("lost") == 1


async def test_a_connection_that_does_not_come_back_is_told_from_a_camera_that_says_nothing(tmp_path: Path) -> None:
    async with street_with(tmp_path, media="tcp_passive") as street:
        street.node.environment.silent_s = 5.0
        waiting = asyncio.create_task(lost(street))
        await until(lambda: street.node.live.lower_calls)
        call = street.node.live.lower_calls[0]
        await until(lambda: "first key frame" in steps(street, call))
        device = street.device.calls[0]
        assert device.task is not None
        device.task.cancel()
        await until(lambda: "media connection closed" in steps(street, call))
        failure = await waiting
        assert failure.reason is Reason.CONNECTION_LOST and "none came in its place" in failure.message
        (told,) = byes(street)
        assert told.need("reason") == 'SIP;cause=480;text="Media Connection Lost"'


# -- what goes wrong after the 200


def byes(street: Street) -> list[Split]:
    """What ended calls at the camera."""
    return [one for one in street.device.port.received if one.method == "BYE" and not one.status]


@contextlib.contextmanager
def answering(street: Street, change: Callable[[bytes], bytes]) -> Iterator[None]:
    """The camera's 200 to INVITE is not quite what it should be."""
    send = street.device.port.send

    def changed(data: bytes, path: Any) -> None:
        send(change(data) if b"INVITE" in data and data.startswith(b"SIP/2.0 200") else data, path)

    street.device.port.send = changed  # type: ignore[method-assign]
    yield
    street.device.port.send = send  # type: ignore[method-assign]


async def test_an_answer_that_cannot_be_used_is_acknowledged_and_ended_with_bye(tmp_path: Path) -> None:
    async with street_with(tmp_path, deviations=Deviations(answer_without_sdp=True)) as street:
        assert (await refused(street)).reason is Reason.NOT_ACCEPTABLE
        (told,) = byes(street)
        assert "cause=488" in told.need("reason") and street.device.calls[0].acked.is_set()


async def test_an_answer_without_a_port_to_connect_to_is_ended_with_bye(tmp_path: Path) -> None:
    def no_port(data: bytes) -> bytes:
        head, _, body = data.partition(b"\r\n\r\n")
        body = re.sub(rb"m=video \d+", b"m=video 0", body)
        return re.sub(rb"(?i)content-length: *\d+", b"Content-Length: %d" % len(body), head) + b"\r\n\r\n" + body

    async with street_with(tmp_path, media="tcp_active") as street:
        with answering(street, no_port):
            assert (await refused(street)).reason is Reason.NOT_ACCEPTABLE
        assert len(byes(street)) == 1


async def test_an_answer_with_unreadable_contact_and_route_is_a_call_all_the_same(tmp_path: Path) -> None:
    def broken(data: bytes) -> bytes:
        data = re.sub(rb"Contact: [^\r]*", b"Contact: nobody", data)
        return data.replace(b"\r\nCSeq:", b"\r\nRecord-Route: nowhere\r\nCSeq:", 1)

    async with street_with(tmp_path) as street:
        with answering(street, broken):
            call = await attach(street)
        await until(lambda: "first key frame" in steps(street, call))
        assert street.device.calls[0].acked.is_set()
        street.node.live.hub.detach(KEY, "reader")
        await street.quiet()
        assert street.device.calls[0].ended_by == "BYE"


@contextlib.contextmanager
def at_update(street: Street, does: Callable[[], Awaitable[object]], patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Something happens when the worker is about to be told of the answer."""
    real = WorkerClient.call

    async def call(self: WorkerClient, command: Any, **options: Any) -> Any:
        if isinstance(command, UpdateSource):
            await does()
        return await real(self, command, **options)

    with patch.context() as patched:
        patched.setattr(WorkerClient, "call", call)
        yield


async def test_a_worker_that_does_not_take_the_answer_ends_the_call_with_bye(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def close_leg() -> None:
        call = street.node.live.lower_calls[0]
        await call.worker.link.call(CloseLeg(leg=call.source_leg))

    async with street_with(tmp_path) as street:
        with at_update(street, close_leg, monkeypatch):
            assert (await refused(street)).reason is Reason.WORKER_LOST
        (told,) = byes(street)
        assert "cause=500" in told.need("reason")


async def test_a_call_given_up_when_it_was_just_answered_is_ended_with_bye(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, never = asyncio.Event(), asyncio.Event()

    async def stuck() -> None:
        reached.set()
        await never.wait()

    async with street_with(tmp_path) as street:
        with at_update(street, stuck, monkeypatch):
            waiting = asyncio.create_task(attach(street))
            await asyncio.wait_for(reached.wait(), 10)
            await street.node.live.hub.close(Failure(Reason.SHUTTING_DOWN))
        with pytest.raises(Failure):
            await waiting
        await until(lambda: street.device.calls[0].ended_by == "BYE")
        await street.quiet()


async def test_a_camera_that_goes_off_line_while_it_answers_is_left_without_a_dialog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def offline() -> None:
        await street.node.live.peer_offline(KEY.peer_id, Failure(Reason.DEVICE_OFFLINE))

    async with street_with(tmp_path) as street:
        with at_update(street, offline, monkeypatch):
            assert (await refused(street)).reason is Reason.DEVICE_OFFLINE
        assert len(byes(street)) == 1


async def test_a_camera_that_goes_off_line_before_it_answers_is_not_waited_for(tmp_path: Path) -> None:
    async with street_with(tmp_path, deviations=Deviations(silent_after_100=True)) as street:
        waiting = asyncio.create_task(refused(street))
        await until(lambda: [one for one in street.device.port.received if one.method == "INVITE"])
        await street.node.live.peer_offline(KEY.peer_id, Failure(Reason.DEVICE_OFFLINE))
        assert (await asyncio.wait_for(waiting, 5)).reason is Reason.DEVICE_OFFLINE


async def test_without_a_free_ssrc_or_port_it_is_busy(tmp_path: Path) -> None:
    async with street_with(tmp_path) as street:
        pool = street.node.environment.live_ssrcs
        pool._leased.update(dict.fromkeys(range(10_000), "others"))
        with pytest.raises(Failure) as caught:
            await attach(street)
        assert caught.value.reason is Reason.BUSY
        pool._leased.clear()
        street.node.addresses.bind_host = lambda peer: "nowhere"  # type: ignore[method-assign]
        assert (await refused(street)).reason is Reason.BUSY


async def test_a_worker_that_dies_in_between_is_named(tmp_path: Path) -> None:
    async with street_with(tmp_path, deviations=Deviations(answer_delay_s=0.5)) as street:
        waiting = asyncio.create_task(attach(street))
        await until(lambda: street.device.calls)
        await street.kill_worker()
        with pytest.raises(Failure) as caught:
            await waiting
        assert caught.value.reason is Reason.WORKER_LOST


async def test_nobody_waiting_any_more_gives_the_call_up(tmp_path: Path) -> None:
    async with street_with(tmp_path, deviations=Deviations(silent_after_100=True)) as street:
        waiting = asyncio.create_task(attach(street))
        await until(lambda: [one for one in street.device.port.received if one.method == "INVITE"])
        await street.node.live.hub.close(Failure(Reason.SHUTTING_DOWN))
        with pytest.raises(Failure):
            await waiting
        await until(lambda: [one for one in street.device.port.received if one.method == "CANCEL"])
