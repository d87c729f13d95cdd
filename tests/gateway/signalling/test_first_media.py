"""What is said of a picture that does not come, from what was seen of it."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import Failure, Reason
from gateway.relay.hub import StreamKey
from gateway.relay.pool import WorkerSpec
from gateway.relay.ssrc import SsrcPool
from gateway.signalling.call_environment import CallEnvironment
from gateway.signalling.calls import CallBook, CallRecord
from gateway.signalling.first_media import FirstMedia
from gateway.signalling.requests import Party
from gateway.telemetry.ladder import Ladder
from media.worker.control import AnyEvent, FirstKeyFrame, FirstPacket, ForeignSource, NotPs, OtherSsrc, SourceSilent
from sip.aio import Peer, SipStack

KEY = StreamKey("34020000001110000001", "34020000001320000001")
CAMERA = ("192.0.2.7", 15060)
PACKET = FirstPacket(leg="in-1", ssrc=1, remote=CAMERA, payload_type=96)


class NoStore:
    async def save_call(self, record: CallRecord) -> None: ...
    async def forget_call(self, call_id: str) -> None: ...
    async def calls(self) -> list[CallRecord]:
        return []


class Loopback:
    def bind_host(self, peer: Peer) -> str:
        return "127.0.0.1"

    def ports(self, peer: Peer, worker: WorkerSpec) -> None:
        return None

    def advertised_host(self, peer: Peer) -> str:
        return "127.0.0.1"


def environment(first_packet_s: float, key_frame_s: float) -> CallEnvironment:
    return CallEnvironment(
        me=Party("34020000002000000001"),
        stack=SipStack(user_agent="test", on_request=lambda incoming: None),
        addresses=Loopback(),
        book=CallBook(NoStore()),
        live_ssrcs=SsrcPool("34020000002000000001"),
        ladder=Ladder(),
        first_packet_s=first_packet_s,
        key_frame_s=key_frame_s,
    )


async def explained(*events: AnyEvent, first_packet_s: float = 0.02, key_frame_s: float = 0.02) -> Failure | None:
    """What is missing after these events; None when nothing is."""
    missing: list[Failure] = []
    there = environment(first_packet_s, key_frame_s)
    media = FirstMedia(KEY, "call", there, missing.append)
    media.watch()
    for event in events:
        media.take(event)
    await asyncio.sleep(0.1)
    media.stop()
    assert len(missing) <= 1
    return missing[0] if missing else None


@pytest.mark.parametrize(
    ("events", "reason", "word"),
    [
        ((), Reason.NO_PACKET, "within 0.02 s"),
        (
            (ForeignSource(leg="in-1", remote=("203.0.113.9", 4000), count=3),),
            Reason.FOREIGN_SOURCE,
            "203.0.113.9:4000",
        ),
        ((OtherSsrc(leg="in-1", expected=1, got=99, count=3),), Reason.OTHER_SSRC, "got 99"),
        ((PACKET,), Reason.NO_KEY_FRAME, "within 0.02 s of the first packet"),
        ((PACKET, NotPs(leg="in-1", seen="ts")), Reason.NO_PS_START, "looks like ts"),
        ((SourceSilent(leg="in-1", silent_s=5.0),), Reason.NO_PACKET, ""),
    ],
)
async def test_the_missing_step_is_named(events: tuple[AnyEvent, ...], reason: Reason, word: str) -> None:
    failure = await explained(*events)
    assert failure is not None
    assert failure.reason is reason
    assert word in failure.detail
    assert (failure.peer_id, failure.channel) == KEY


async def test_a_picture_needs_no_explanation() -> None:
    assert await explained(PACKET, FirstKeyFrame(leg="in-1")) is None


async def test_sound_alone_has_no_key_frames_to_wait_for() -> None:
    assert await explained(FirstPacket(leg="in-1", ssrc=1, remote=CAMERA, payload_type=8)) is None


async def test_a_call_that_is_over_waits_for_nothing() -> None:
    missing: list[Failure] = []
    media = FirstMedia(KEY, "call", environment(0.02, 0.02), missing.append)
    media.stop()
    media.watch()
    media.stop()
    await asyncio.sleep(0.05)
    assert missing == []
