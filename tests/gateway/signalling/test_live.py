"""The bridge as a whole: sharing, limits, loops, restarts, lost workers. Real node, hand-written neighbours."""

from __future__ import annotations

import asyncio
import contextlib
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Node
from gateway.device_health.session_limit import SessionPolicy
from gateway.errors import Failure, Reason
from gateway.relay.trail import MAX_IDENTITY
from gateway.signalling import bye
from gateway.signalling import live as live_module
from interop.demo.ports import free_port
from interop.wire import sipwire
from interop.wire.call import WireCall
from interop.wire.deviations import Deviations
from interop.wire.sipwire import Split, WireRefused
from media.worker.control import CloseLeg, KeyFrameWanted, OpenSource
from tests.stand.node import NODE_ID
from tests.stand.onvif_street import ONVIF_ID, ONVIF_SECOND, onvif_settings, running_onvif_street
from tests.stand.street import CHANNEL, KEY, SECOND, UPPER_ID, Street, running_street, settings, until

OTHER_PLATFORM = "34020000002000000007"


@contextlib.asynccontextmanager
async def street_with(folder: Path, *, media: dict[str, Any] | None = None, **options: Any) -> AsyncIterator[Street]:
    made = settings(folder, media={"linger_seconds": 0.1, **(media or {})}, sip={"port": free_port()})
    async with running_street(made, **options) as street:
        yield street


async def play_with(street: Street, *lines: str, without: str = "") -> WireCall:
    """An INVITE with further headers, and without one it usually has."""
    (outcome,) = await plays_with(street, 1, *lines, without=without)
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


async def plays_with(street: Street, count: int, *lines: str, without: str = "") -> list[WireCall | BaseException]:
    """Several of these at once; what became of each."""
    build = sipwire.build

    def altered(start: str, head: list[str], body: bytes = b"") -> bytes:
        if start.startswith("INVITE"):
            head = [line for line in head if not without or not line.startswith(without)] + list(lines)
        return build(start, head, body)

    sipwire.build = altered
    try:
        calls = (street.upper.play(CHANNEL) for _ in range(count))
        return await asyncio.gather(*calls, return_exceptions=True)
    finally:
        sipwire.build = build


async def ignored(failure: Failure) -> None:
    """A reader who does not mind."""


def byes(street: Street) -> list[Split]:
    return [one for one in street.upper.port.received if one.start.startswith("BYE")]


async def test_two_viewers_above_are_one_call_below(tmp_path: Path) -> None:
    async with street_with(tmp_path) as street:
        one, two = await asyncio.gather(street.upper.play(CHANNEL), street.upper.play(CHANNEL))
        await asyncio.gather(one.first_key(), two.first_key())
        assert len(street.device.calls) == 1 and len(street.node.live.upper_calls) == 2
        await one.bye()
        await two.frames(len(two.units) + 5)
        await two.bye()
        await street.quiet()
        assert street.device.calls[0].ended_by == "BYE"


async def test_no_more_streams_than_configured(tmp_path: Path) -> None:
    async with street_with(tmp_path, media={"max_streams": 1}) as street:
        await (await street.upper.play(CHANNEL)).first_key()
        with pytest.raises(WireRefused) as caught:
            await street.upper.play(SECOND)
        assert caught.value.status == 486
        await (await street.upper.play(CHANNEL)).first_key()  # the running one is for everybody


async def test_no_more_calls_from_above_than_one_node_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "MAX_UPPER_CALLS", 0)
    async with street_with(tmp_path) as street:
        with pytest.raises(WireRefused) as caught:
            await street.upper.play(CHANNEL)
        assert caught.value.status == 486 and street.device.calls == []


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Monitor-User-Identity: {OTHER_PLATFORM}-{NODE_ID}-wang", 482),
        (f"Monitor-User-Identity: {'1' * (MAX_IDENTITY + 1)}", 483),
    ],
)
async def test_a_request_that_was_here_before_or_went_too_far_is_refused(
    tmp_path: Path, header: str, status: int
) -> None:
    async with street_with(tmp_path) as street:
        with pytest.raises(WireRefused) as caught:
            await play_with(street, header)
        assert caught.value.status == status and caught.value.split.need("x-routepath") == NODE_ID
        assert street.device.calls == [] and (await street.end()).detail["reason"] in ("loop", "too_many_hops")


async def test_the_way_of_the_request_goes_on_downward_with_one_hop_less(tmp_path: Path) -> None:
    async with street_with(tmp_path, kind="platform") as street:
        await play_with(
            street, f"Monitor-User-Identity: {OTHER_PLATFORM}-wang", "Max-Forwards: 5", without="Max-Forwards"
        )
        invite = street.device.calls[0].invite
        assert invite.need("monitor-user-identity") == f"{NODE_ID}-{OTHER_PLATFORM}-wang"
        assert invite.need("max-forwards") == "4"


async def test_a_new_invite_for_the_same_sender_part_replaces_the_old_link(tmp_path: Path) -> None:
    async with street_with(tmp_path) as street:
        subject = f"Subject: {CHANNEL}:0400000001,{UPPER_ID}:1"
        first = await play_with(street, subject, without="Subject")
        await first.first_key()
        second = await play_with(street, subject, without="Subject")
        await asyncio.wait_for(first.ended.wait(), 5)
        await second.first_key()
        assert byes(street)[0].need("reason").endswith('"Request Terminated"')


async def test_of_three_invites_for_one_sender_part_at_once_the_last_is_served_by_one_call_below(
    tmp_path: Path,
) -> None:
    async with street_with(tmp_path) as street:
        street.device.deviations.answer_delay_s = 0.2
        subject = f"Subject: {CHANNEL}:0400000001,{UPPER_ID}:1"
        outcomes = await plays_with(street, 3, subject, without="Subject")
        refused = [one for one in outcomes if isinstance(one, WireRefused)]
        (served,) = [one for one in outcomes if isinstance(one, WireCall)]
        assert [one.status for one in refused] == [487, 487]
        await served.first_key()
        (upper,) = street.node.live.upper_calls
        assert len(street.device.calls) == 1 and not street.device.calls[0].ended.is_set()
        assert await street.legs() == sorted([street.node.live.lower_calls[0].source_leg, upper.leg])
        assert len(street.node.environment.live_ssrcs) == len(street.node.live.lower_calls) + bool(upper._leg.owns_ssrc)
        assert byes(street) == [] and len(street.node.grants.live()) == 1
        await served.bye()
        await street.quiet()


async def test_what_comes_while_a_replaced_call_ends_slowly_does_not_slip_past_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with street_with(tmp_path) as street:
        subject = f"Subject: {CHANNEL}:0400000001,{UPPER_ID}:1"
        first = await play_with(street, subject, without="Subject")
        await first.first_key()
        reply, soon = street.upper.port.reply, asyncio.get_running_loop().call_later

        def slow(request: Split, path: Any, status: int, **options: Any) -> bytes:
            if request.method != "BYE":
                return reply(request, path, status, **options)
            soon(0.3, lambda: reply(request, path, status, **options))
            return b""

        monkeypatch.setattr(street.upper.port, "reply", slow)
        later = await plays_with(street, 3, subject, without="Subject")
        await asyncio.wait_for(first.ended.wait(), 5)
        await until(lambda: len(street.node.live.upper_calls) == 1)
        running = [one for one in later if isinstance(one, WireCall) and not one.ended.is_set()]
        assert len(running) == 1 and len(street.device.calls) == 1
        await running[0].first_key()
        await until(lambda: len(street.node.grants.live()) == 1)
        assert len(await street.legs()) == 2


async def test_three_viewers_above_without_sequence_numbers_share_one_call_below(tmp_path: Path) -> None:
    async with street_with(tmp_path) as street:
        calls = await asyncio.gather(*(street.upper.play(CHANNEL) for _ in range(3)))
        await asyncio.gather(*(call.first_key() for call in calls))
        assert len(street.device.calls) == 1 and len(street.node.live.upper_calls) == 3


async def test_a_replaced_link_that_is_slow_to_end_does_not_delay_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bye, "BYE_TIMEOUT_S", 60.0)
    async with street_with(tmp_path, media={"linger_seconds": 0.0}) as street:
        subject = f"Subject: {CHANNEL}:0400000001,{UPPER_ID}:1"
        first = await play_with(street, subject, without="Subject")
        await first.first_key()
        reply = street.upper.port.reply

        def deaf(request: Split, path: Any, status: int, **options: Any) -> bytes:
            return b"" if request.method == "BYE" else reply(request, path, status, **options)

        with monkeypatch.context() as patched:
            patched.setattr(street.upper.port, "reply", deaf)
            second = await asyncio.wait_for(play_with(street, subject, without="Subject"), 10)
            await second.first_key()
        assert len(street.device.calls) == 1  # the new one joined before the old one left


async def test_an_in_dialog_request_belongs_to_the_call_of_its_sender_only(tmp_path: Path) -> None:
    async with street_with(tmp_path) as street:
        await (await street.upper.play(CHANNEL)).first_key()
        live = street.node.live
        lower, upper = live.lower_calls[0], live.upper_calls[0]
        assert lower.dialog is not None and upper.dialog is not None
        above, below = upper.dialog.request("BYE"), lower.dialog.request("BYE")
        assert live.find(above, lower_id=None, upper_id=UPPER_ID) is upper
        assert live.find(below, lower_id=KEY.peer_id, upper_id=None) is lower
        assert live.find(above, lower_id=KEY.peer_id, upper_id=OTHER_PLATFORM) is None


async def test_who_goes_off_line_takes_his_streams_along(tmp_path: Path) -> None:
    async with street_with(tmp_path) as street:
        first = await street.upper.play(CHANNEL)
        await first.first_key()
        await street.node.live.upper_offline("somebody else", Failure(Reason.TIMEOUT))
        await street.device.unregister()
        await asyncio.wait_for(first.ended.wait(), 5)
        assert byes(street)[0].need("reason") == 'SIP;cause=480;text="Device Offline"'
        await street.device.register()
        await until(lambda: not street.node.live.upper_calls)
        second = await street.upper.play(CHANNEL)
        await second.first_key()
        await street.node.live.upper_offline(UPPER_ID, Failure(Reason.TIMEOUT))
        await asyncio.wait_for(second.ended.wait(), 5)


async def test_a_key_frame_is_asked_for_without_holding_up_other_news(tmp_path: Path) -> None:
    async with street_with(tmp_path) as street:
        await (await street.upper.play(CHANNEL)).first_key()
        live, worker = street.node.live, street.worker()
        lower, asked = live.lower_calls[0], asyncio.Event()

        async def never(key: object) -> None:
            asked.set()
            raise ZeroDivisionError  # and its trouble is only logged

        live._want_key_frame = never
        await live.media_event(worker, KeyFrameWanted(leg=lower.source_leg))
        await asyncio.wait_for(asked.wait(), 5)
        await live.media_event(worker, KeyFrameWanted(leg="in-unknown"))
        await live.media_event(worker, KeyFrameWanted(leg="out-unknown"))


async def test_a_call_ends_with_its_grant(tmp_path: Path) -> None:
    async with street_with(tmp_path) as street:
        call = await street.upper.play(CHANNEL)
        await call.first_key()
        grant = street.node.grants.live()[0]
        street.node.grants._clock = lambda: grant.expires_at + 1
        live = street.node.live
        await live.end_grant("another", Failure(Reason.EXPIRED))
        await live.end_grant(grant.id, Failure(Reason.EXPIRED))
        await asyncio.wait_for(call.ended.wait(), 5)
        assert byes(street)[0].need("reason").endswith('"Viewing Time Over"')
        assert (await street.end()).detail["reason"] == "expired"


async def test_without_a_relay_worker_there_is_no_stream(tmp_path: Path) -> None:
    async with street_with(tmp_path) as street:
        street.node.pool._stopping = True
        await street.kill_worker()
        with pytest.raises(Failure) as caught:
            await street.node.live.hub.attach(await street.grant(), "reader", ignored)
        assert caught.value.reason is Reason.WORKER_LOST


async def test_every_leg_has_its_owner_and_its_counters(tmp_path: Path) -> None:
    async with street_with(tmp_path) as street:
        call = await street.upper.play(CHANNEL)
        await call.first_key()
        live = street.node.live
        leases = {lease.leg: lease for lease in live.leases()}
        assert sorted(leases) == await street.legs() and all(lease.settled for lease in leases.values())
        live.take(await street.worker().link.leg_stats())
        assert live.upper_calls[0].bytes > 0
        await leases[live.lower_calls[0].source_leg].lost(Failure(Reason.WORKER_LOST))
        await asyncio.wait_for(call.ended.wait(), 5)


async def test_lost_workers_of_both_kinds_come_back(tmp_path: Path) -> None:
    made = settings(tmp_path, stream_workers=1)
    async with running_street(made) as street:
        call = await street.upper.play(CHANNEL)
        await call.first_key()
        await street.kill_worker("stream")
        await until(lambda: street.worker("stream").connected)
        await street.kill_worker("relay")
        await asyncio.wait_for(call.ended.wait(), 5)
        await until(lambda: street.worker("relay").connected)
        await (await street.upper.play(CHANNEL)).first_key()


# -- restarts


async def crash(node: Node) -> None:
    """What is left when the control process is killed: nothing is said to anybody, the workers go on."""
    node.pool._stopping = True
    uplinks = [uplink._task for uplink in node.uplinks.all() if uplink._task is not None]
    node.uplinks._uplinks.clear()
    await node.upkeep.end_chores()
    tasks = [*node.upkeep.tasks, *node.pool._tasks, *uplinks]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for worker in node.pool.workers:
        assert worker.client is not None
        await worker.client.close()
    await node.stack.close()
    await node.stop()


@contextlib.asynccontextmanager
async def started_again(street: Street, left: list[Process]) -> AsyncIterator[Street]:
    """The node of a street after a crash."""
    node = await Node.open(street.node.config, announce=lambda code: None)
    await node.start()
    try:
        yield Street(node, street.device, street.upper)
    finally:
        await node.stop()
        for process in left:
            await process.wait()


async def stored(street: Street, count: int) -> None:
    async with asyncio.timeout(5):
        while len(await street.node.environment.book.records()) != count:
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def crashable(folder: Path) -> AsyncIterator[Street]:
    """A street whose node may crash; what is left of it is not stopped again."""
    async with street_with(folder) as street:
        stop, stopped = street.node.stop, False

        async def once() -> None:
            nonlocal stopped
            if not stopped:
                stopped = True
                await stop()

        street.node.stop = once  # type: ignore[method-assign]
        yield street


async def test_after_a_crash_calls_go_on_and_end_properly_in_the_ledger(tmp_path: Path) -> None:
    async with crashable(tmp_path) as street:
        call = await street.upper.play(CHANNEL)
        await call.first_key()
        grant = street.node.grants.live()[0]
        await stored(street, 2)
        left = await _close_silently(street)
        async with started_again(street, left) as again:
            live = again.node.live
            assert [(up.upper_id, up.key) for up in live.upper_calls] == [(UPPER_ID, KEY)]
            assert [one.key for one in live.lower_calls] == [KEY] and again.node.grants.get(grant.id) is not None
            await call.frames(len(call.units) + 10)
            assert len(street.device.calls) == 1
            await call.bye()
            await again.quiet()
            end = await again.end()
            assert (end.grant_id, end.detail["reason"]) == (grant.id, "viewer ended")
            assert end.bytes is not None and end.bytes >= len(call.ps)
            assert street.device.calls[0].ended_by == "BYE"


async def _close_silently(street: Street) -> list[Process]:
    node = street.node
    calls = node.live._upper, node.live._lower
    for found in calls:
        found.clear()
    node.live.hub._streams.clear()
    left = [worker.process for worker in node.pool.workers if worker.process is not None]
    for worker in node.pool.workers:
        worker.process = None
    await crash(node)
    return left


async def test_after_a_crash_what_is_gone_is_told_to_both_sides(tmp_path: Path) -> None:
    async with crashable(tmp_path) as street:
        call = await street.upper.play(CHANNEL)
        await call.first_key()
        await stored(street, 2)
        relay = street.worker()
        await relay.link.call(OpenSource(leg="stray", transport="udp", bind="127.0.0.1"))
        for leg in (street.node.live.upper_calls[0].leg, street.node.live.lower_calls[0].source_leg):
            street.node.live._upper.clear()
            street.node.live._lower.clear()
            await relay.link.call(CloseLeg(leg=leg))
        left = await _close_silently(street)
        async with started_again(street, left) as again:
            await asyncio.wait_for(call.ended.wait(), 5)
            await until(lambda: street.device.calls[0].ended.is_set())
            assert await again.legs() == [] and await again.node.environment.book.records() == []
            assert (await again.end()).detail["reason"] == "worker_lost"


async def test_after_a_crash_a_call_whose_grant_is_over_ends(tmp_path: Path) -> None:
    async with crashable(tmp_path) as street:
        call = await street.upper.play(CHANNEL)
        await call.first_key()
        await stored(street, 2)
        await street.node.grants.ended(street.node.grants.live()[0], seconds=1, bytes_sent=1, reason="over")
        left = await _close_silently(street)
        async with started_again(street, left) as again:
            await asyncio.wait_for(call.ended.wait(), 5)
            await again.quiet()


async def test_a_device_that_takes_no_more_streams_is_not_asked_in_vain(tmp_path: Path) -> None:
    async with street_with(tmp_path, deviations=Deviations(max_calls=1)) as street:
        await (await street.upper.play(CHANNEL)).first_key()
        live = street.node.live
        assert live.streams_of(KEY.peer_id) == live.streams_of(KEY.peer_id, answered=True) == 1
        reasons = []
        for _ in range(2):
            with pytest.raises(WireRefused):
                await street.upper.play(SECOND)
            reasons.append((await street.end()).detail["reason"])
        assert reasons == ["rejected", "device_sessions_used"]
        street.device.deviations.max_calls = None
        live.sessions.limits._policy = SessionPolicy(probe_s=0.0)
        await (await street.upper.play(SECOND)).first_key()
        known = live.sessions.limits.learned(KEY.peer_id, time.time())
        assert known is not None and known.sessions == 2


async def test_a_stream_nobody_watches_makes_room_for_one_that_is_wanted(tmp_path: Path) -> None:
    media = {"linger_seconds": 60.0}
    async with street_with(tmp_path, media=media, deviations=Deviations(max_calls=1)) as street:
        await street.node.stores.devices.update(KEY.peer_id, max_sessions=1)
        first = await street.upper.play(CHANNEL)
        await first.first_key()
        await first.bye()
        await street.lingers()
        await (await street.upper.play(SECOND)).first_key()
        assert [call.ended_by for call in street.device.calls] == ["BYE", ""]


async def test_a_stream_whose_address_has_to_be_asked_for_is_played_or_refused_with_the_reason(tmp_path: Path) -> None:
    made = onvif_settings(tmp_path, onvif={"answer_seconds": 1.0})
    async with running_onvif_street(made) as (street, camera, _):
        above = await street.upper.play(ONVIF_SECOND)
        await above.first_key()
        await above.bye()
        await street.quiet()
        camera.misbehave("*", "garbage")
        street.node.onvif.cameras.forget(ONVIF_ID)
        with pytest.raises(WireRefused) as refused:
            await street.upper.play(ONVIF_SECOND)
        assert refused.value.status == 480 and "Not An ONVIF Service" in str(refused.value)


async def test_a_device_that_goes_while_room_is_made_is_not_called_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with street_with(tmp_path, media={"linger_seconds": 60.0}) as street:
        await street.node.stores.devices.update(KEY.peer_id, max_sessions=1)
        first = await street.upper.play(CHANNEL)
        await first.first_key()
        await first.bye()
        await street.lingers()
        hub, end_lingering = street.node.live.hub, street.node.live.hub.end_lingering

        async def meanwhile(peer_id: str) -> bool:
            made = await end_lingering(peer_id)
            await street.node.presence.unregistered(peer_id)
            return made

        monkeypatch.setattr(hub, "end_lingering", meanwhile)
        with pytest.raises(WireRefused):
            await street.upper.play(SECOND)
        assert (await street.end()).detail["reason"] == "device_offline"
        assert len(street.device.calls) == 1
