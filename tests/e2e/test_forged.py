"""Forged signalling: every method, and answers, from strangers who have seen a live call on the wire.

The stranger uses the exact identifiers of the call, the subscription and the registration. Nothing may change: the
picture goes on, catalogue, registration and subscription stay as they are. The forger is refused (403, 481) or what it
sent is counted and dropped, and the log names its address.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio

from interop.wire import manscdp, sipwire
from interop.wire.device import Deviations, WireDevice
from interop.wire.manscdp import WireChannel
from interop.wire.port import WireStranger
from interop.wire.sipwire import Split, tag_of
from tests.e2e.adversary import (
    WITNESS,
    WITNESS_CHANNEL,
    Stage,
    enrolled,
    forgotten,
    shown_above,
    stage,
    status_of,
    until,
)
from tests.e2e.chain import DEVICE_PASSWORD

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]

OTHER, OTHER_CHANNEL = "34020100001110000055", "34020100001320000055"
STRANGERS = {"another host": "127.0.0.44", "another port of the peer's host": "127.0.0.1"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def show(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The gateway of this file, its camera watched from the first test to the last."""
    async with stage(tmp_path_factory.mktemp("forged")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def untouched(show: Stage) -> AsyncIterator[None]:
    """What every test of this file asks besides its own question."""
    async with show.untouched():
        yield


@pytest_asyncio.fixture(params=STRANGERS, loop_scope="module")
async def stranger(request: pytest.FixtureRequest) -> AsyncIterator[WireStranger]:
    """Somebody who is registered nowhere."""
    async with WireStranger(STRANGERS[request.param]) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def other(show: Stage) -> AsyncIterator[WireDevice]:
    """Another registered camera: trusted, but not for what belongs to the witness."""
    async with await enrolled(show, OTHER, host="127.0.0.55", channels=[WireChannel(OTHER_CHANNEL)]) as device:
        assert (await device.register()).status == 200
        await shown_above(show, OTHER_CHANNEL)
        yield device
    await forgotten(show, OTHER)


@dataclass(frozen=True)
class Seen:
    """What an eavesdropper knows: the dialog above, the dialog below, the registration."""

    show: Stage

    @property
    def above(self) -> tuple[Split, Split]:
        """The upper platform's INVITE and our 200."""
        assert self.show.call.invite is not None and self.show.call.answer is not None
        return self.show.call.invite, self.show.call.answer

    @property
    def below(self) -> tuple[Split, Split]:
        """Our INVITE and the camera's 200."""
        call = self.show.witness.calls[0]
        return call.invite, sipwire.split(call.answer)

    def of_upper(self, method: str, *extra: str, body: bytes = b"", cseq: int = 99, via: str = "") -> bytes:
        """A request as the upper platform would send it in its dialog."""
        invite, answer = self.above
        contact = sipwire.uri_of(answer.need("contact"))
        lines = [
            via or f"Via: {re.sub('branch=[^;]+', 'branch=' + sipwire.fresh('z9hG4bK'), invite.need('via'))}",
            f"From: {invite.need('from')}",
            f"To: {answer.need('to')}",
            f"Call-ID: {invite.need('call-id')}",
            f"CSeq: {cseq} {method}",
            "Max-Forwards: 70",
            *extra,
        ]
        return sipwire.build(f"{method} {contact} SIP/2.0", lines, body)

    def of_camera(self, method: str, *extra: str, body: bytes = b"", cseq: int = 99) -> bytes:
        """A request as the camera would send it in its dialog."""
        invite, answer = self.below
        lines = [
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.show.witness.port.port};rport;branch={sipwire.fresh('z9hG4bK')}",
            f"From: {answer.need('to')}",
            f"To: {invite.need('from')}",
            f"Call-ID: {invite.need('call-id')}",
            f"CSeq: {cseq} {method}",
            "Max-Forwards: 70",
            *extra,
        ]
        return sipwire.build(f"{method} {sipwire.uri_of(invite.need('contact'))} SIP/2.0", lines, body)

    def command(self, kind: str, command: str, sender: str, inner: str = "", sn: int | str = 1) -> bytes:
        """A MESSAGE with a command that claims to come from `sender`."""
        node = self.show.node.id
        lines = [
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.show.witness.port.port};rport;branch={sipwire.fresh('z9hG4bK')}",
            f"From: <sip:{sender}@{node[:10]}>;tag=f",
            f"To: <sip:{node}@{node[:10]}>",
            f"Call-ID: {sipwire.fresh('forged')}",
            "CSeq: 1 MESSAGE",
            "Max-Forwards: 70",
            "Content-Type: Application/MANSCDP+xml",
        ]
        target = sender if kind != "Control" else WITNESS_CHANNEL
        body = manscdp.xml(kind, command, sn, target, inner)
        return sipwire.build(f"MESSAGE sip:{node}@{node[:10]} SIP/2.0", lines, body)


GONE = manscdp.device_list([f"<Item><DeviceID>{WITNESS_CHANNEL}</DeviceID><Event>DEL</Event></Item>"], 1)
NONE = "<SumNum>0</SumNum>\r\n"
PTZ = "<PTZCmd>A50F01010000F6AC</PTZCmd>\r\n"


def register(seen: Seen, *, expires: int, authorization: str = "") -> bytes:
    """A REGISTER with the stolen Call-ID and tag of the witness, a CSeq beyond its own."""
    sent = next(one for one in reversed(seen.show.witness.port.sent) if one.startswith(b"REGISTER"))
    text = re.sub(rb"branch=[^\r\n;]+", b"branch=" + sipwire.fresh("z9hG4bK").encode(), sent)
    text = re.sub(rb"CSeq: \d+", b"CSeq: 900", text)
    text = re.sub(rb"Expires: \d+", f"Expires: {expires}".encode(), text)
    return text if authorization == "replayed" else re.sub(rb"Authorization: [^\r\n]+\r\n", b"", text)


def notify(seen: Seen) -> bytes:
    """A NOTIFY that deletes the witness's channel, in a dialog of the node's making or of none."""
    body = manscdp.xml("Notify", "Catalog", 1, WITNESS, GONE)
    extra = ("Event: Catalog;id=1", "Subscription-State: active;expires=600", "Content-Type: Application/MANSCDP+xml")
    return seen.of_camera("NOTIFY", *extra, body=body)


FORGED: dict[str, tuple[Callable[[Seen], bytes], set[int]]] = {
    "REGISTER with a stolen Call-ID": (lambda seen: register(seen, expires=3600), {401, 403}),
    "REGISTER that unregisters with a stolen Call-ID": (lambda seen: register(seen, expires=0), {401, 403}),
    "REGISTER with stolen credentials": (
        lambda seen: register(seen, expires=3600, authorization="replayed"),
        {401, 403},
    ),
    "REGISTER that unregisters with stolen credentials": (
        lambda seen: register(seen, expires=0, authorization="replayed"),
        {401, 403},
    ),
    "MESSAGE Keepalive": (
        lambda seen: seen.command("Notify", "Keepalive", WITNESS, "<Status>ERROR</Status>\r\n"),
        {403},
    ),
    "MESSAGE Catalog Response of nothing": (lambda seen: seen.command("Response", "Catalog", WITNESS, NONE), {403}),
    "MESSAGE Catalog Notify that deletes": (lambda seen: seen.command("Notify", "Catalog", WITNESS, GONE), {403}),
    "MESSAGE Control of the upper platform": (
        lambda seen: seen.command("Control", "DeviceControl", seen.show.chain.upper.id, PTZ),
        {403},
    ),
    "MESSAGE Query of the upper platform": (
        lambda seen: seen.command("Query", "Catalog", seen.show.chain.upper.id),
        {403},
    ),
    "NOTIFY that deletes": (notify, {403, 481}),
    "SUBSCRIBE": (
        lambda seen: seen.of_upper("SUBSCRIBE", "Event: Catalog;id=1", "Expires: 600"),
        {403, 481},
    ),
    "INVITE of a new call": (
        lambda seen: re.sub(rb"Call-ID: [^\r\n]+", b"Call-ID: new-" + sipwire.fresh().encode(), seen.above[0].raw),
        {403},
    ),
    "INVITE seen on the wire": (
        lambda seen: re.sub(rb"branch=[^;\r\n]+", b"branch=" + sipwire.fresh("z9hG4bK").encode(), seen.above[0].raw),
        {403, 482},
    ),
    "INVITE inside the dialog": (
        lambda seen: seen.of_upper("INVITE", "Content-Type: application/sdp", body=seen.above[0].body),
        {403, 481},
    ),
    "ACK": (lambda seen: seen.of_upper("ACK", cseq=1), {0}),
    "CANCEL": (
        lambda seen: seen.of_upper("CANCEL", cseq=1, via=f"Via: {seen.above[0].need('via')}"),
        {403, 481},
    ),
    "BYE of the upper platform": (lambda seen: seen.of_upper("BYE"), {403, 481}),
    "BYE of the camera": (lambda seen: seen.of_camera("BYE"), {403, 481}),
    "INFO": (
        lambda seen: seen.of_upper(
            "INFO", "Content-Type: Application/MANSRTSP", body=b"PAUSE RTSP/1.0\r\nCSeq: 1\r\nPauseTime: now\r\n"
        ),
        {403, 481},
    ),
    "OPTIONS": (lambda seen: seen.of_upper("OPTIONS"), {403, 481}),
    "UPDATE": (lambda seen: seen.of_upper("UPDATE"), {403, 405, 481}),
    "PUBLISH": (lambda seen: seen.of_upper("PUBLISH"), {403, 405, 481}),
    "PRACK": (lambda seen: seen.of_upper("PRACK", "RAck: 1 1 INVITE"), {403, 405, 481}),
    "REFER": (lambda seen: seen.of_upper("REFER", "Refer-To: <sip:thief@127.0.0.44>"), {403, 405, 481}),
}


async def final(stranger: WireStranger, show: Stage, data: bytes) -> int:
    """The status of the final answer, 0 when there is none."""
    stranger.throw(data, show.address)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1.0):
            while (status := status_of(await stranger.heard.get())) < 200:
                pass
            return status
    return 0


@pytest.mark.parametrize("method", FORGED)
async def test_a_forged_request_of_a_stranger_changes_nothing(show: Stage, stranger: WireStranger, method: str) -> None:
    build, expected = FORGED[method]
    before = await show.counts("gbgateway_sip_stack")
    status = await final(stranger, show, build(Seen(show)))
    assert status in expected, status
    after = await show.counts("gbgateway_sip_stack")
    if method == "ACK":
        assert after["stray_acks"] + after["foreign_requests"] > before["stray_acks"] + before["foreign_requests"]
    elif status == 482:
        assert after["requests_merged"] > before["requests_merged"]
    elif method == "CANCEL" and status == 481:
        assert after["requests_received"] > before["requests_received"]
    elif status == 401:
        # Challenged like anybody; credentials used before prove nothing.
        counted = await show.counts("gbgateway_registrar")
        # Used before from that host, or never sent to it.
        refused = ("stale", "other_nonce") if "credentials" in method else ("challenged",)
        assert sum(counted.get(what, 0) for what in refused) > 0
    else:
        assert await show.logged(f"{stranger.host}:{stranger.port}")
    assert not show.witness.ptz and not show.witness.live[0].ended.is_set()


@pytest.mark.parametrize("method", FORGED)
async def test_a_forged_request_over_tcp_changes_nothing(show: Stage, method: str) -> None:
    build, expected = FORGED[method]
    data = build(Seen(show)).replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")
    async with WireStranger("127.0.0.45") as stranger:
        answer = await stranger.say_tcp(data, show.address, wait_s=1.0)
    assert status_of(answer) in expected | {100}, answer
    assert not show.witness.ptz


NOT_THEIRS = {name: case for name, case in FORGED.items() if not name.startswith(("REGISTER", "OPTIONS"))}


@pytest.mark.parametrize("method", NOT_THEIRS)
async def test_a_registered_peer_cannot_speak_for_another(show: Stage, other: WireDevice, method: str) -> None:
    build, _ = NOT_THEIRS[method]
    data = build(Seen(show))
    other.port.send(data, other.path)
    await asyncio.sleep(0.5)
    call_id = sipwire.split(data).need("call-id")
    answers = [one.status for one in other.port.received if one.status >= 200 and one.get("call-id") == call_id]
    # What it says about itself is heard (200); what belongs to another is refused.
    if method.startswith(("BYE", "CANCEL", "INFO", "INVITE", "SUBSCRIBE", "UPDATE", "PUBLISH", "PRACK", "REFER")):
        assert answers and answers[0] in (403, 405, 481, 482), answers
    elif method.startswith(("MESSAGE Control", "MESSAGE Query")):
        assert answers == [403]
    assert not show.witness.ptz


async def test_a_registered_camera_cannot_delete_another_ones_channel(show: Stage, other: WireDevice) -> None:
    for sender in (WITNESS, OTHER):
        other.port.send(Seen(show).command("Notify", "Catalog", sender, GONE), other.path)
    assert (await other.keepalive()).status == 200
    rows = (await show.node.call("GET", f"/api/v1/channels?peer_id={OTHER}"))["items"]
    assert [row["code"] for row in rows] == [OTHER_CHANNEL]


# --- the upper platform's subscription ---


async def test_a_subscription_goes_on_whoever_ends_it_in_the_platforms_name(show: Stage, other: WireDevice) -> None:
    subscription = await show.chain.upper.subscribe_catalog(show.node.id)
    answer = subscription.answer
    assert answer is not None
    lines = [
        f"Via: SIP/2.0/UDP 127.0.0.1:5099;rport;branch={sipwire.fresh('z9hG4bK')}",
        f"From: {answer.need('from')}",
        f"To: {answer.need('to')}",
        f"Call-ID: {subscription.call_id}",
        "CSeq: 50 SUBSCRIBE",
        f"Event: {subscription.event}",
        "Expires: 0",
    ]
    data = sipwire.build(f"SUBSCRIBE sip:{show.node.id}@127.0.0.1 SIP/2.0", lines)
    for host in STRANGERS.values():
        async with WireStranger(host) as stranger:
            assert await final(stranger, show, data) in (403, 481)
    other.port.send(data, other.path)
    assert (await other.unregister()).status == 200
    await subscription.wait_event(OTHER_CHANNEL, "OFF", 10)
    assert (await other.register()).status == 200
    await subscription.wait_event(OTHER_CHANNEL, "ON", 10)
    assert not [one for one in subscription.notifies if "terminated" in (one.get("subscription-state") or "")]
    await subscription.cancel()


# --- answers ---


class Deaf(WireDevice):
    """A camera that reads requests and lets somebody else answer them."""

    deaf = False
    asked: asyncio.Queue[Split]

    async def _request(self, request: Split, path: sipwire.Path) -> None:
        if self.deaf:
            self.asked.put_nowait(request)
            return
        await super()._request(request, path)


def answer_to(request: Split, status: int, *, branch: str = "", body: bytes = b"") -> bytes:
    """An answer in the camera's name."""
    via = request.need("via") if not branch else re.sub(r"branch=[^;\s]+", f"branch={branch}", request.need("via"))
    lines = [f"Via: {via}", f"From: {request.need('from')}", f"To: {request.need('to')};tag=forged"]
    lines += [f"Call-ID: {request.need('call-id')}", f"CSeq: {request.need('cseq')}"]
    lines += [f"Contact: <sip:{OTHER}@127.0.0.44:5060>", "Content-Type: application/sdp"]
    return sipwire.build(f"SIP/2.0 {status} Forged", lines, body)


@pytest.mark.parametrize("host", STRANGERS.values(), ids=STRANGERS.keys())
async def test_forged_answers_to_our_requests_are_dropped(show: Stage, host: str) -> None:
    await enrolled(show, OTHER, host="127.0.0.1")
    body = manscdp.sdp(OTHER_CHANNEL, host, 40000, send=True, y="0100000001")
    channels = [WireChannel(OTHER_CHANNEL)]
    async with (
        Deaf(OTHER, DEVICE_PASSWORD, show.address, show.node.id, channels=channels) as camera,
        WireStranger(host) as stranger,
    ):
        camera.asked = asyncio.Queue()
        assert (await camera.register()).status == 200
        await shown_above(show, OTHER_CHANNEL)
        await asyncio.sleep(0.5)
        camera.deaf = True
        before = await show.counts("gbgateway_sip_stack")
        playing = asyncio.create_task(show.chain.upper.play(OTHER_CHANNEL))
        invite = await asyncio.wait_for(camera.asked.get(), 5)
        assert invite.method == "INVITE"
        for status in (100, 180, 200, 200, 403, 486, 603):
            stranger.throw(answer_to(invite, status, body=body if status == 200 else b""), show.address)
            stranger.throw(answer_to(invite, status, branch="z9hG4bK1"), show.address)
        await asyncio.sleep(0.5)
        assert not playing.done()
        after = await show.counts("gbgateway_sip_stack")
        assert after["foreign_responses"] - before["foreign_responses"] == 7
        assert after["stray_responses"] - before["stray_responses"] == 7
        assert await show.logged(f"{stranger.host}:{stranger.port}")
        assert stranger.heard.empty(), "no ACK goes to a forger"
        camera.deaf = False
        await camera._request(invite, camera.path)
        call = await playing
        await call.first_key(15)
        await call.bye()
        async with asyncio.timeout(10):
            await camera.calls[0].ended.wait()
    await forgotten(show, OTHER)


async def test_a_cancel_or_an_ack_of_a_stranger_does_not_touch_a_call_that_is_being_set_up(show: Stage) -> None:
    slow = Deviations(answer_delay_s=2.0)
    channels = [WireChannel(OTHER_CHANNEL)]
    async with await enrolled(show, OTHER, host="127.0.0.55", channels=channels, deviations=slow) as camera:
        assert (await camera.register()).status == 200
        await shown_above(show, OTHER_CHANNEL)
        upper = show.chain.upper
        playing = asyncio.create_task(upper.play(OTHER_CHANNEL))
        await until(lambda: camera.calls)
        invite = upper.calls[-1].invite
        assert invite is not None
        before = await show.counts("gbgateway_sip_stack")
        for method in ("CANCEL", "ACK"):
            lines = [f"{name}: {invite.need(name)}" for name in ("Via", "From", "To", "Call-ID")]
            data = sipwire.build(f"{method} {invite.start.split()[1]} SIP/2.0", [*lines, f"CSeq: 1 {method}"])
            for host in STRANGERS.values():
                async with WireStranger(host) as stranger:
                    assert await final(stranger, show, data) in (0, 403, 481)
                    if host == "127.0.0.1":
                        assert await show.logged(f"{stranger.host}:{stranger.port}")
        after = await show.counts("gbgateway_sip_stack")
        assert after["foreign_requests"] > before["foreign_requests"]
        call = await playing
        await call.first_key(15)
        await call.bye()
    await forgotten(show, OTHER)


async def test_in_dialog_requests_of_the_right_peer_still_work(show: Stage) -> None:
    """The counterpart: the same BYE from the platform itself ends its call."""
    call = await show.chain.upper.play(WITNESS_CHANNEL)
    await call.first_key(15)
    answer = await call.bye()
    assert answer.status == 200 and tag_of(answer.need("to"))
