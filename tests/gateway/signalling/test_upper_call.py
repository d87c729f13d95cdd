"""Calls from above, on a real node between a hand-written camera and a hand-written upper platform."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from gateway.errors import Failure, Reason
from gateway.signalling import bye, upper_call
from gateway.signalling.calls import CallRecord
from gateway.signalling.upper_call import UpperCall
from interop.wire import manscdp, sipwire
from interop.wire.call import WireCall
from interop.wire.device import Deviations
from interop.wire.media import Receiver
from interop.wire.sipwire import Split, WireRefused, fresh
from media.worker.client import WorkerClient, WorkerGone
from media.worker.control import (
    AnyEvent,
    CloseLeg,
    ConnectFailed,
    LegClosed,
    OpenSink,
    SinkOverflow,
    SourceSilent,
    TcpClosed,
    TcpConnected,
)
from tests.stand.node import NODE_ID
from tests.stand.street import CHANNEL, KEY, SECOND, UPPER_ID, Street, running_street, settings, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_street(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    made = settings(tmp_path_factory.mktemp("node"), media={"linger_seconds": 0.05})
    async with running_street(made) as street:
        async with asyncio.timeout(10):
            while (await street.node.cascade.shared(UPPER_ID)).real(SECOND) is None:
                await asyncio.sleep(0.01)
        yield street


@pytest_asyncio.fixture(loop_scope="module")
async def street(shared_street: Street) -> AsyncIterator[Street]:
    """The street with no call on it, before and after."""
    shared_street.device.deviations = Deviations()
    yield shared_street
    for call in shared_street.node.live.upper_calls:
        await call.end(None)
    await shared_street.quiet()
    assert await shared_street.legs() == [] and len(shared_street.node.environment.live_ssrcs) == 0
    await until(lambda: not shared_street.node.grants.live())
    for wire in shared_street.upper.calls:
        wire.close()
    shared_street.device.calls.clear()


def steps(street: Street, call: UpperCall) -> list[str]:
    trace = street.node.ladder.get(call.id)
    return [step.what for step in trace.steps] if trace is not None else []


def upper_of(street: Street) -> UpperCall:
    return street.node.live.upper_calls[0]


def byes(street: Street, wire: WireCall) -> list[str]:
    """The Reason of each BYE sent to the upper platform in that call."""
    assert wire.invite is not None
    ours = [m for m in street.upper.port.received if m.method == "BYE" and not m.status]
    return [m.get("reason") or "" for m in ours if m.need("call-id") == wire.invite.need("call-id")]


async def ended(street: Street, wire: WireCall) -> str:
    """Wait for our BYE; its Reason."""
    await asyncio.wait_for(wire.ended.wait(), 10)
    await street.quiet()
    (reason,) = byes(street, wire)
    return reason


async def refused(street: Street, channel: str = CHANNEL, **options: Any) -> Split:
    with pytest.raises(WireRefused) as caught:
        await street.upper.play(channel, **options)
    await street.quiet()
    return caught.value.split


async def last_entry(street: Street) -> str:
    """Why the last use ended, as the ledger has it; the end is entered behind the answer."""
    await until(lambda: not street.node.grants.live())
    async with asyncio.timeout(5):
        while "reason" not in (detail := (await street.ledger())[-1].entry.detail):
            await asyncio.sleep(0.01)
    return str(detail["reason"])


async def records(street: Street, wanted: int = 1) -> list[CallRecord]:
    """The stored calls with the upper platform, when there are so many."""
    async with asyncio.timeout(5):
        while True:
            stored = [one for one in await street.node.environment.book.records() if one.side == "upper"]
            if len(stored) == wanted:
                return stored
            await asyncio.sleep(0.01)


@contextlib.contextmanager
def meanwhile(
    street: Street, kind: type[Any], before: Callable[[], Awaitable[object]], patch: pytest.MonkeyPatch
) -> Any:
    """Something happens just when a command of that kind is about to go to the media worker."""
    real = WorkerClient.call
    worker = street.worker().link

    async def call(self: WorkerClient, command: Any, **options: Any) -> Any:
        if self is worker and isinstance(command, kind):
            await before()
        return await real(self, command, **options)

    with patch.context() as patched:
        patched.setattr(WorkerClient, "call", call)
        yield


class Offering:
    """An INVITE of the upper platform put on the wire by hand, with any body; what it does next is the test's."""

    def __init__(self, street: Street, body: bytes, *lines: str, channel: str = CHANNEL) -> None:
        up = self.up = street.upper
        path = up.path_to(NODE_ID)
        self.wire = WireCall(up.port, channel, Receiver(), path)
        up.calls.append(self.wire)
        rows = up.lines(path, f"<sip:{channel}@{channel[:10]}>", fresh("live"), "1 INVITE", fresh())
        rows += [up.contact(), f"Subject: {channel}:0,{up.id}:0", *lines]
        rows += ["Content-Type: application/sdp"] if body else []
        self.data = sipwire.build(f"INVITE sip:{channel}@{path.host}:{path.port} SIP/2.0", rows, body)
        self.wire.invite = sipwire.split(self.data)

    def ask(self) -> asyncio.Task[Split]:
        """Send it; the final answer."""
        return asyncio.create_task(self.up.port.ask(self.data, self.wire.path))

    async def answered(self) -> Split:
        """Send it and wait for the 200."""
        self.wire.answer = await self.ask()
        assert self.wire.answer.status == 200
        return self.wire.answer

    def ack(self, body: bytes = b"") -> None:
        lines = ["Content-Type: application/sdp"] if body else []
        self.up.port.send(self.wire.in_dialog("ACK", *lines, body=body, cseq=1), self.wire.path)

    async def cancel(self) -> Split:
        """CANCEL with the branch of the INVITE; its answer."""
        head = self.data.split(b"\r\n\r\n")[0].decode().split("\r\n")
        kept = [line for line in head[1:] if re.match(r"(Via|From|To|Call-ID|Max-Forwards):", line)]
        start = head[0].replace("INVITE", "CANCEL", 1)
        return await self.up.port.ask(sipwire.build(start, [*kept, "CSeq: 1 CANCEL"], b""), self.wire.path)


async def offer(street: Street, *lines: str, y: str | None = None, **sdp: Any) -> Offering:
    """An offer to receive over UDP, not sent yet."""
    made = Offering(street, b"")
    port = await made.wire.open_leg("udp")
    body = manscdp.sdp(UPPER_ID, "127.0.0.1", sdp.pop("port", port), y=y, **sdp)
    wire, made = made.wire, Offering(street, body, *lines)
    street.upper.calls.remove(wire)
    made.wire._sock, made.wire._udp, made.wire.receiver = wire._sock, wire._udp, wire.receiver
    return made


# -- what goes well


@pytest.mark.parametrize("transport", ["udp", "tcp_passive", "tcp_active"])
async def test_the_upper_platform_sees_the_camera_over_each_transport(street: Street, transport: str) -> None:
    wire = await street.upper.play(CHANNEL, transport=transport)
    call = upper_of(street)
    assert (await wire.first_key()).key and wire.faults == []
    await until(lambda: "sending" in steps(street, call) and call.established)
    told = ("answered", "acknowledged", "sending")
    assert [what for what in steps(street, call) if what in told] == list(told)
    source = street.node.live.lower_calls[0].source_leg
    assert await street.legs() == sorted([source, call.leg]) and call.worker_name == street.worker().name
    (stored,) = await records(street)
    assert (stored.id, stored.peer_id, stored.key, stored.ssrc) == (call.id, UPPER_ID, KEY, call.ssrc)
    assert (await wire.bye()).status == 200
    await street.quiet()
    assert call.bytes >= len(wire.ps) > 0 and call.seconds > 0
    assert await last_entry(street) == "viewer ended"
    end = (await street.ledger())[-1].entry
    assert (end.action, end.grant_id, end.bytes) == ("live.ended", call.grant_id, call.bytes)
    assert byes(street, wire) == [] and await records(street, 0) == []
    await until(lambda: street.device.calls[0].ended_by == "BYE")


async def test_the_answer_is_what_the_standard_asks_for(street: Street) -> None:
    made = await offer(street, y="0400001234")
    answer = await made.answered()
    made.ack()
    facts, text = manscdp.sdp_facts(answer.body), answer.body.decode()
    assert (answer.need("content-type").lower(), answer.need("x-routepath")) == ("application/sdp", NODE_ID)
    assert answer.need("contact").startswith(f"<sip:{CHANNEL}@127.0.0.1")
    assert (facts.host, facts.y) == ("127.0.0.1", "0400001234") and facts.port > 0
    assert "s=Play\r\n" in text and "a=sendonly\r\n" in text and "a=rtpmap:96 PS/90000\r\n" in text


@pytest.mark.parametrize(("policy", "offered"), [("upper", None), ("upper", "0000000000"), ("own", "0400001234")])
async def test_without_a_usable_ssrc_of_the_upper_the_answer_names_ours(
    street: Street, policy: str, offered: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = street.node.stores.uppers._records
    monkeypatch.setitem(kept, UPPER_ID, replace(kept[UPPER_ID], ssrc_policy=policy))  # type: ignore[arg-type]
    made = await offer(street, y=offered)
    answer = await made.answered()
    made.ack()
    y = manscdp.sdp_facts(answer.body).y
    assert y is not None and y[:6] == f"0{NODE_ID[3:8]}" and y == upper_of(street).ssrc
    made.wire.receiver.ssrc = int(y)
    await made.wire.first_key()
    assert made.wire.faults == []


async def test_an_invite_without_an_offer_gets_ours_and_media_follows_the_ack(street: Street) -> None:
    made = Offering(street, b"")
    port = await made.wire.open_leg("udp")
    answer = await made.answered()
    facts = manscdp.sdp_facts(answer.body)
    assert b"a=sendonly\r\n" in answer.body and b"m=video" in answer.body and not facts.tcp
    made.ack(manscdp.sdp(UPPER_ID, "127.0.0.1", port, y=facts.y))
    assert facts.y is not None
    made.wire.receiver.ssrc = int(facts.y)
    await made.wire.first_key()
    await made.wire.bye()


# -- what is refused


@pytest.mark.parametrize(
    ("sdp", "status"),
    [({"port": 0}, 488), ({"payload_type": 97}, 200)],
)
async def test_an_offer_says_where_media_goes(street: Street, sdp: dict[str, Any], status: int) -> None:
    made = await offer(street, **sdp)
    answer = made.wire.answer = await made.ask()
    assert answer.status == status
    if status == 200:  # any number may be that of PS
        assert b" RTP/AVP 97\r\n" in answer.body
        made.ack()


async def test_an_offer_without_ps_is_not_acceptable(street: Street) -> None:
    body = manscdp.sdp(UPPER_ID, "127.0.0.1", 9000).replace(b"PS/90000", b"H264/90000")
    answer = await Offering(street, body).ask()
    assert (answer.status, answer.need("x-routepath")) == (488, NODE_ID)


@pytest.mark.parametrize("code", [486, 404])
async def test_a_refusal_of_the_camera_is_handed_on(street: Street, code: int) -> None:
    street.device.deviations.refuse_invite = code
    assert (await refused(street)).start == f"SIP/2.0 {code} Rejected By Device ({code})"
    assert await last_entry(street) == "rejected"


async def test_an_answer_to_our_offer_that_says_something_else_ends_the_call(street: Street) -> None:
    for body in (b"", b"v=0\r\n", manscdp.sdp(UPPER_ID, "127.0.0.1", 9000, tcp=True, setup="passive")):
        made = Offering(street, b"")
        await made.answered()
        made.ack(body)
        assert "cause=488" in await ended(street, made.wire)


async def test_a_platform_that_does_not_acknowledge_gets_no_media(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upper_call, "ACK_TIMEOUT_S", 0.05)
    made = await offer(street)
    await made.answered()
    assert f"cause={Failure(Reason.TIMEOUT).sip_status}" in await ended(street, made.wire)
    assert made.wire.ps == b""


async def test_without_a_free_ssrc_or_port_it_is_busy(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = await street.upper.play(CHANNEL)
    made = await offer(street)
    pool = street.node.environment.live_ssrcs
    with monkeypatch.context() as patched:
        patched.setattr(pool, "_leased", dict.fromkeys(range(10_000), "others"))
        assert (await made.ask()).status == 486
    monkeypatch.setattr(street.node.addresses, "bind_host", lambda peer: "nowhere")
    assert (await (await offer(street)).ask()).status == 486
    assert len(street.node.live.upper_calls) == 1
    await wire.bye()


async def test_a_stream_whose_worker_is_gone_is_refused(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(street.node.pool, "named", lambda name: None)
        assert (await refused(street)).start.split(" ", 2)[2] == Failure(Reason.WORKER_LOST).sip_phrase

    async def gone() -> None:
        raise WorkerGone

    with meanwhile(street, OpenSink, gone, monkeypatch):
        assert (await refused(street)).status == Failure(Reason.WORKER_LOST).sip_status


# -- what happens while it is being set up


async def test_a_cancel_while_the_camera_thinks_gives_up_only_this_wait(street: Street) -> None:
    street.device.deviations.answer_delay_s = 0.3
    made = await offer(street)
    final = made.ask()
    await until(lambda: street.device.calls)
    assert (await made.cancel()).status == 200
    assert (await final).status == 487
    await street.quiet()
    assert [call.ended_by for call in street.device.calls] == ["BYE"]
    assert await last_entry(street) == "cancelled"


async def test_a_cancel_while_the_leg_is_opened_leaves_neither_dialog_nor_leg(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await offer(street)
    with meanwhile(street, OpenSink, made.cancel, monkeypatch):
        assert (await made.ask()).status == 487
        await until(lambda: not street.node.live.upper_calls)
    assert await records(street, 0) == [] and byes(street, made.wire) == []
    assert await last_entry(street) == "cancelled"


async def test_a_stream_that_ends_while_the_leg_is_opened_is_refused_with_its_reason(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang_up() -> None:
        await street.device.hang_up(street.device.calls[-1])
        await until(lambda: not street.node.live.lower_calls)

    with meanwhile(street, OpenSink, hang_up, monkeypatch):
        answer = await refused(street)
    words = Failure(Reason.PEER_ENDED)
    assert answer.start == f"SIP/2.0 {words.sip_status} {words.sip_phrase}"
    assert await last_entry(street) == "peer_ended"


async def test_a_stopping_node_gives_up_a_call_being_set_up(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    made = await offer(street)
    with meanwhile(street, OpenSink, cancelled, monkeypatch):
        final = made.ask()
        await until(lambda: street.device.calls and not street.node.live.upper_calls)
    await made.cancel()
    assert (await final).status == 487


async def test_the_bye_of_a_call_that_ends_before_its_ack_comes_after_it(street: Street) -> None:
    made = await offer(street)
    await made.answered()
    await street.device.hang_up(street.device.calls[-1])
    await until(lambda: not street.node.live.upper_calls)
    assert byes(street, made.wire) == []  # the platform does not know yet that there is a call (RFC 3261 15)
    made.ack()
    assert "cause=480" in await ended(street, made.wire)


async def test_the_bye_does_not_wait_for_ever_for_the_ack(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upper_call, "ACK_BEFORE_BYE_S", 0.05)
    made = await offer(street)
    await made.answered()
    await upper_of(street).end(Failure(Reason.EXPIRED))
    assert len(byes(street, made.wire)) == 1
    made.ack()


async def test_an_invite_nobody_could_answer_leaves_neither_leg_nor_dialog(street: Street) -> None:
    made = await offer(street)
    made.data = made.data.replace(b"Contact: <sip:", b"Contact: <", 1)
    assert (await made.ask()).status == 400
    await street.quiet()
    assert await last_entry(street) == "bad_request"


async def test_a_call_whose_right_ends_while_the_camera_thinks_is_refused_at_once(street: Street) -> None:
    street.device.deviations.answer_delay_s = 1.0
    final = (await offer(street)).ask()
    await until(lambda: street.node.live.upper_calls)
    await upper_of(street).end(Failure(Reason.FORBIDDEN))
    assert (await final).status == 403 and not [call for call in street.device.calls if call.acked.is_set()]


async def test_a_leg_that_is_lost_before_the_ack_ends_the_call(street: Street) -> None:
    made = await offer(street)
    await made.answered()
    await street.worker().link.call(CloseLeg(leg=upper_of(street).leg))
    made.ack()
    assert f"cause={Failure(Reason.WORKER_LOST).sip_status}" in await ended(street, made.wire)


# -- what happens to a running call


async def test_the_camera_hangs_up_and_the_platform_is_told_why(street: Street) -> None:
    wire = await street.upper.play(CHANNEL)
    await wire.first_key()
    await street.device.hang_up(street.device.calls[0])
    assert await ended(street, wire) == 'SIP;cause=480;text="Ended By Device"'


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (ConnectFailed(leg="", remote=("127.0.0.1", 9), error="refused"), Reason.CONNECT_FAILED),
        (LegClosed(leg="", reason="worker stopped"), Reason.WORKER_LOST),
    ],
)
async def test_bad_news_of_the_leg_ends_the_call_with_a_reason(street: Street, event: AnyEvent, reason: Reason) -> None:
    wire = await street.upper.play(CHANNEL)
    call = upper_of(street)
    call.media_event(event)
    call.media_event(event)
    assert f"cause={Failure(reason).sip_status};" in await ended(street, wire)
    call.media_event(event)
    await call.end(None)  # a second end is none


@pytest.mark.parametrize(("stood", "reason"), [(True, Reason.CONNECTION_LOST), (False, Reason.CONNECT_FAILED)])
async def test_a_receiver_whose_connection_is_gone_for_good_has_its_call_ended(
    street: Street, stood: bool, reason: Reason
) -> None:
    wire = await street.upper.play(CHANNEL)
    call = upper_of(street)
    if stood:
        call.media_event(TcpConnected(leg=call.leg, remote=("127.0.0.1", 5)))
    call.media_event(TcpClosed(leg=call.leg, reason="closed by the peer"))
    await wire.first_key()
    assert call in street.node.live.upper_calls and "media connection closed" in steps(street, call)
    call.media_event(TcpClosed(leg=call.leg, reason="no connection came within 20 s", final=True))
    words = Failure(reason)
    assert await ended(street, wire) == f'SIP;cause={words.sip_status};text="{words.sip_phrase}"'
    assert await last_entry(street) == reason.value


async def test_other_news_of_the_leg_goes_into_the_trace(street: Street) -> None:
    wire = await street.upper.play(CHANNEL)
    call = upper_of(street)
    call.media_event(TcpConnected(leg=call.leg, remote=("127.0.0.1", 5)))
    call.media_event(SinkOverflow(leg=call.leg, dropped=3))
    call.media_event(SourceSilent(leg=call.leg, silent_s=1))
    assert {"media connected", "receiver too slow"} <= set(steps(street, call))
    await wire.bye()


async def test_a_platform_that_does_not_answer_the_bye_keeps_nothing(street: Street) -> None:
    wire = await street.upper.play(CHANNEL)
    call = upper_of(street)
    call.peer = replace(call.peer, transport="TCP", port=1)  # nobody listens there
    await call.end(Failure(Reason.EXPIRED))
    assert byes(street, wire) == []


async def test_a_platform_that_is_slow_to_answer_the_bye_is_sent_no_picture_meanwhile(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bye, "BYE_TIMEOUT_S", 0.5)
    await (await street.upper.play(CHANNEL)).first_key()
    call = upper_of(street)
    monkeypatch.setattr(street.upper, "silent", True)
    ending = asyncio.create_task(call.end(Failure(Reason.EXPIRED)))
    await until(lambda: not street.node.live.upper_calls)
    assert call.leg not in await street.legs() and not ending.done()
    await ending


# -- restarts


async def test_a_stored_call_is_carried_on_and_ended_by_its_record(street: Street) -> None:
    made = await offer(street)
    await made.answered()
    made.ack()
    before, live = upper_of(street), street.node.live
    (stored,) = await records(street)
    call = UpperCall.restored(
        stored, before.grant, street.node.environment, live.hub, street.node.pool, on_ended=live._upper_call_ended
    )
    assert (call.id, call.ssrc, call.transport, call.leg) == (before.id, before.ssrc, "udp", before.leg)
    assert (call.worker_name, call.grant_id, call.started_at) == (
        before.worker_name,
        before.grant_id,
        stored.started_at,
    )
    assert call.established and call.dialog is not None and call._leg.owns_ssrc
    live._upper[call.id] = call
    await call.rejoin()
    await street.device.hang_up(street.device.calls[0])
    assert "cause=480" in await ended(street, made.wire)
