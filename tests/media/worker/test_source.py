"""Admission to a source, what came before the answer, silence, key frames, and what the payload is."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from media.worker.batch import batch, catch_up
from media.worker.control import (
    Event,
    FirstKeyFrame,
    FirstPacket,
    ForeignSource,
    KeyFrameWanted,
    NotPs,
    SourceSilent,
)
from media.worker.gop import GopBudget
from media.worker.sink import SinkStream
from media.worker.source import KEYLESS_S, SourceStream
from media.worker.source_lock import RELOCK_S, STRANGE_SSRC_S

CAMERA = ("10.0.0.1", 5000)
OTHER_PORT = ("10.0.0.1", 6000)
STRANGER = ("10.0.0.2", 5000)


class Subject:
    """A source, its events, and a running sequence of packets for it."""

    def __init__(self, **options: Any) -> None:
        self.events: list[Event] = []
        settings = {"ssrc": 1, "accept_from": ["10.0.0.1"], **options}
        self.stream = SourceStream("in", emit=self.events.append, budget=GopBudget(), now=0.0, **settings)
        self.number = 0

    def send(self, remote: tuple[str, int] = CAMERA, ssrc: int = 1, now: float = 0.0, **fields: Any) -> bool:
        """Whether the next packet is accepted."""
        self.number += 1
        number, pt = fields.get("number", self.number), fields.get("pt", 96)
        head = struct.pack("!BBHII", fields.get("first", 0x80), pt, number, fields.get("timestamp", 1), ssrc)
        return self.stream.admit(head + fields.get("payload", b"x" * 20), remote, now) >= 0

    def told(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def test_the_first_packet_locks_address_and_ssrc() -> None:
    subject = Subject()
    assert subject.send(now=3.0)
    assert subject.events == [FirstPacket(leg="in", ssrc=1, remote=CAMERA, payload_type=96)]
    assert (subject.stream.lock.remote, subject.stream.lock.ssrc, subject.stream.first_packet_at) == (CAMERA, 1, 3.0)


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\x00" * 4,
        b"\x80\x60" + bytes(9),
        b"\x00\x01" + bytes(18),
        b"\x80\xc8" + bytes(26),
        b"\x80\x48" + bytes(10),
    ],
)
def test_what_is_no_rtp_is_dropped_and_counted(junk: bytes) -> None:
    subject = Subject()
    assert subject.stream.admit(junk, CAMERA, 0.0) == -1
    assert (subject.stream.not_rtp, subject.events) == (1, [])


def test_a_foreign_address_is_held_back_and_told() -> None:
    subject = Subject()
    assert not subject.send(STRANGER)
    assert subject.told(ForeignSource) == [ForeignSource(leg="in", remote=STRANGER, count=1)]


def test_a_gone_connection_is_replaced_at_once() -> None:
    subject = Subject()
    subject.send()
    subject.stream.lock.release()
    assert subject.send(OTHER_PORT, number=30000)
    assert subject.stream.numbers.restarts == 1


def test_a_changed_ssrc_is_taken_after_silence() -> None:
    subject = Subject(ssrc=None)
    assert subject.send(ssrc=5, now=0.0)
    assert not subject.send(ssrc=6, now=1.0)
    assert subject.send(ssrc=6, now=4.0, number=50000)
    assert subject.stream.numbers.restarts == 1


# --- another picture than the agreed one ------------------------------------------------------------------------------


def play(subject: Subject, packets: list[bytes], now: float, remote: tuple[str, int] = CAMERA) -> list[bytes]:
    """The payloads sent to sinks for these packets."""
    return [packet[12:] for _, packet in batch([(subject.stream, data, remote) for data in packets], now)]


def test_the_agreed_ssrc_drops_everything_kept_of_another_one(wire: Any) -> None:
    subject = Subject(ssrc=200)
    former, agreed = wire(ssrc=100), wire(ssrc=200)
    late, early = sink(), sink()
    subject.stream.attach(early, 0.0)
    play(subject, former.gop(), 0.0, OTHER_PORT)
    assert play(subject, former.gop(), STRANGE_SSRC_S, OTHER_PORT), "nothing else came, so the tolerance takes it"
    subject.stream.attach(late, 1.0)
    assert subject.stream.gops.size > 0 and late.state == "catching_up"
    assert play(subject, agreed.frame(False), 1.1) == []
    assert (subject.stream.gops.current, subject.stream.undecided) == (None, [])
    assert (late.state, early.state) == ("waiting", "waiting")
    assert catch_up(subject.stream, 1.2) == []
    assert play(subject, former.gop(), 1.3, OTHER_PORT) == []
    key = agreed.frame(True)
    assert sorted(play(subject, key, 1.4)) == sorted([p[12:] for p in key] * 2)
    assert [p.ssrc for p in subject.told(FirstPacket)] == [100, 200]
    assert len(subject.told(FirstKeyFrame)) == 2


def test_what_waits_for_a_slow_receiver_is_dropped_with_the_other_picture(wire: Any) -> None:
    subject = Subject(ssrc=200)
    out = sink()
    subject.stream.attach(out, 0.0)
    play(subject, wire(ssrc=100).gop(), 0.0)
    play(subject, wire(ssrc=100).gop(), STRANGE_SSRC_S)
    assert out.state == "live" and out.outlet.forgotten == 0  # type: ignore[attr-defined]
    subject.send(ssrc=200, now=1.1)
    assert out.outlet.forgotten == 1  # type: ignore[attr-defined]


def test_after_a_silence_sinks_go_on_at_a_key_frame(wire: Any) -> None:
    subject = Subject(ssrc=None)
    out, camera = sink(), wire()
    subject.stream.attach(out, 0.0)
    play(subject, camera.gop(), 0.0)
    assert play(subject, camera.frame(False), RELOCK_S + 1, OTHER_PORT) == []
    assert out.state == "waiting" and subject.stream.gops.current is None
    assert out.outlet.forgotten == 0  # type: ignore[attr-defined]
    key = camera.frame(True)
    assert play(subject, key, RELOCK_S + 2, OTHER_PORT) == [p[12:] for p in key]
    assert len(subject.told(FirstPacket)) == 1, "it is the same source"


# --- before the answer ------------------------------------------------------------------------------------------------


def test_nothing_is_taken_before_the_answer_has_named_the_sender(wire: Any) -> None:
    subject = Subject(accept_from=[], ssrc=200)
    subject.stream.attach(sink(), 0.0)
    assert play(subject, wire(ssrc=200).gop(), 0.0, STRANGER) == []
    assert (subject.stream.packets, subject.stream.gops.current, subject.told(FirstPacket)) == (0, None, [])
    assert subject.stream.lock.remote is None
    assert subject.stream.update(200, ["10.0.0.1"], 1.0) == []
    assert subject.told(ForeignSource) == [ForeignSource(leg="in", remote=STRANGER, count=15)]
    assert play(subject, wire(ssrc=200).gop(), 1.0, STRANGER) == []
    gop = wire(ssrc=200).gop()
    assert play(subject, gop, 1.1) == [p[12:] for p in gop]


def test_a_camera_that_sends_before_its_answer_loses_nothing(wire: Any) -> None:
    subject = Subject(accept_from=[], ssrc=200)
    camera, gop = wire(ssrc=200), wire(ssrc=200).gop()
    play(subject, camera.gop(), 0.0)
    play(subject, wire(ssrc=200).gop(), 0.0, STRANGER)
    assert subject.stream.update(200, ["10.0.0.1"], 1.0) == [(packet, CAMERA) for packet in gop]
    assert subject.stream.update(200, ["10.0.0.1"], 1.0) == []


def test_of_early_senders_the_port_of_the_answer_is_preferred(wire: Any) -> None:
    subject = Subject(accept_from=[], ssrc=200)
    for remote in (OTHER_PORT, CAMERA, ("10.0.0.1", 7000)):
        play(subject, wire(ssrc=200).frame(True), 0.0, remote)
    replay = subject.stream.update(200, ["10.0.0.1"], 1.0, expect_port=CAMERA[1])
    assert {remote for _, remote in replay} == {CAMERA} and len(replay) == 3


def test_early_packets_with_another_ssrc_are_not_replayed(wire: Any) -> None:
    subject = Subject(accept_from=[], ssrc=200)
    play(subject, wire(ssrc=100).frame(True), 0.0)
    assert subject.stream.update(200, ["10.0.0.1"], 1.0) == []


def test_with_any_address_accepted_the_first_sender_after_the_answer_is_locked(wire: Any) -> None:
    subject = Subject(accept_from=[], ssrc=200)
    play(subject, wire(ssrc=200).frame(True), 0.0, STRANGER)
    assert subject.stream.update(200, [], 1.0) == []
    assert not subject.send(CAMERA, ssrc=100, now=1.0)
    assert subject.send(CAMERA, ssrc=200, now=1.0)
    assert not subject.send(STRANGER, ssrc=200, now=1.1)
    assert subject.stream.lock.remote == CAMERA


def test_a_sender_that_contradicts_a_later_answer_loses_the_lock_and_the_cache(wire: Any) -> None:
    subject = Subject(ssrc=200)
    out = sink()
    subject.stream.attach(out, 0.0)
    play(subject, wire(ssrc=200).gop(), 0.0)
    subject.stream.update(200, ["10.0.0.2"], 1.0)
    assert (subject.stream.gops.current, out.state, subject.stream.lock.remote) == (None, "waiting", None)
    assert not subject.send(CAMERA, ssrc=200, now=1.0)
    assert subject.send(STRANGER, ssrc=200, now=1.0)


def test_the_answer_keeps_a_sender_that_is_right(wire: Any) -> None:
    subject = Subject(ssrc=200)
    play(subject, wire(ssrc=200).gop(), 0.0)
    subject.stream.update(200, ["10.0.0.1"], 1.0)
    assert subject.stream.lock.remote == CAMERA and subject.stream.gops.size > 0


def test_the_jitter_of_a_source_is_measured_frame_by_frame() -> None:
    subject = Subject()
    for frame, at in enumerate((0.0, 0.04, 0.08 + 0.016)):
        subject.send(timestamp=frame * 3600, now=at)
        subject.send(timestamp=frame * 3600, now=at + 0.01)
    assert subject.stream.reception.jitter == 90


def test_silence_is_told_in_steps_and_anew_after_packets() -> None:
    subject = Subject()
    for now in range(30):
        subject.stream.check(float(now))
    assert [e.silent_s for e in subject.told(SourceSilent)] == [5.0, 10.0, 15.0]
    subject.send(now=30.0)
    subject.stream.check(31.0)
    subject.stream.check(35.0)
    assert [e.silent_s for e in subject.told(SourceSilent)] == [5.0, 10.0, 15.0, 5.0]


TS = b"\x47" + bytes(187)
SPS_H264 = b"\x67\x42\x80\x14\xda\x01\x40"


@pytest.mark.parametrize(
    ("payload", "seen"), [(TS * 7, "MPEG-TS"), (SPS_H264, "H264"), (b"\xff\xd8" + bytes(30), "JPEG")]
)
def test_a_payload_that_is_no_program_stream_is_told(payload: bytes, seen: str) -> None:
    subject = Subject()
    for n in range(8):
        subject.send(timestamp=n, payload=payload)
    assert subject.told(NotPs) == [NotPs(leg="in", seen=seen)]


def test_an_unknown_payload_is_told_after_many_packets() -> None:
    subject = Subject()
    for n in range(320):
        subject.send(timestamp=n, payload=b"\x01" * 40)
    assert subject.told(NotPs) == [NotPs(leg="in", seen="unknown")]


def test_a_program_stream_is_not_reported() -> None:
    subject = Subject()
    subject.send(payload=b"\x00\x00\x01\xba" + bytes(20))
    for n in range(320):
        subject.send(timestamp=n, payload=b"\x01" * 40)
    assert not subject.told(NotPs)


def test_a_broken_extension_counts_as_an_empty_payload() -> None:
    subject = Subject()
    assert subject.send(first=0x9F, payload=b"")
    assert subject.stream.look(b"\x9f\x60" + bytes(10), False) is None


class Taking:
    ready = True

    def __init__(self) -> None:
        self.forgotten = 0

    def put(self, packet: bytes) -> bool:
        return True

    def forget(self) -> None:
        self.forgotten += 1


def sink() -> SinkStream:
    return SinkStream("out", 9, None, 0, Taking())


def test_a_sink_without_cache_waits_and_asks_once_per_two_seconds() -> None:
    subject = Subject()
    subject.send(now=9.0)
    subject.stream.attach(sink(), 10.0)
    subject.stream.check(10.5)
    assert len(subject.told(KeyFrameWanted)) == 1
    subject.stream.check(12.0)
    assert len(subject.told(KeyFrameWanted)) == 2
    subject.stream.check(20.0)
    assert len(subject.told(KeyFrameWanted)) == 2, "nobody to ask while the source is silent"


def test_key_frames_are_cached_from_their_first_packet(wire: Any) -> None:
    subject = Subject(ssrc=None)
    camera = wire()
    packets = camera.frame(False) + camera.frame(True) + camera.frame(False)
    for data in packets:
        running = subject.stream.admit(data, CAMERA, 1.0)
        subject.stream.keep(running, data, subject.stream.look(data, False), 1.0)
    assert subject.told(FirstKeyFrame) == [FirstKeyFrame(leg="in")]
    assert subject.stream.gops.current is not None
    assert [p for _, p in subject.stream.gops.current.packets] == packets[3:]


def test_a_key_frame_recognised_late_is_cached_whole() -> None:
    subject = Subject()
    pack = bytes.fromhex("000001ba440004000401000003f8")
    video = bytes.fromhex("000001e000008080052100010001") + bytes.fromhex("0000000167428014da01400000000165888421a0")
    before, first, second = (
        struct.pack("!BBHII", 0x80, 96, n, n, 1) + p
        for n, p in enumerate((b"\x01" * 30, pack, video + b"\x55" * 40), start=1)
    )
    subject.stream.gops.start(0.0)
    results = []
    for data in (before, first, second):
        running = subject.stream.admit(data, CAMERA, 1.0)
        results.append(subject.stream.keep(running, data, subject.stream.look(data, False), 1.0))
    assert results == [[], [], [(2, first), (3, second)]]


def test_a_group_above_the_limit_is_given_up_and_a_key_frame_asked_for(wire: Any) -> None:
    subject = Subject(ssrc=None, gop_limit=2000)
    camera = wire()
    out = sink()
    for n, data in enumerate(camera.gop(frames=5)):
        running = subject.stream.admit(data, CAMERA, 1.0)
        subject.stream.keep(running, data, subject.stream.look(data, False), 1.0)
        if n == 0:
            subject.stream.attach(out, 1.0)
    assert subject.stream.gops.current is None
    assert subject.told(KeyFrameWanted)


def test_without_cache_nothing_is_kept(wire: Any) -> None:
    subject = Subject(ssrc=None, gop_cache=False)
    for data in wire().gop(frames=2):
        running = subject.stream.admit(data, CAMERA, 1.0)
        subject.stream.keep(running, data, subject.stream.look(data, False), 1.0)
    assert subject.stream.first_key_at == 1.0 and subject.stream.gops.size == 0


def test_a_stream_without_key_frames_is_relayed_after_a_while() -> None:
    subject = Subject()
    assert not subject.stream.start_without_key(100.0)
    subject.send(now=0.0)
    assert not subject.stream.start_without_key(KEYLESS_S - 1)
    assert subject.stream.start_without_key(KEYLESS_S + 1)


def test_audio_needs_no_key_frame() -> None:
    subject = Subject()
    subject.send(pt=8, payload=b"\xd5" * 160)
    assert subject.stream.keyless and subject.stream.start_without_key(0.0)


def test_a_lost_packet_gives_up_the_frame_in_question() -> None:
    subject = Subject()
    pack = b"\x80\x60" + bytes(10) + bytes.fromhex("000001ba440004000401000003f8")
    assert subject.stream.look(pack, False) is None and subject.stream.finder.pending
    assert subject.stream.look(b"\x80\x60" + bytes(10) + b"\x55", True) is None
    assert not subject.stream.finder.pending
    subject.stream.undecided.append((1, pack))
    subject.stream.gops.start(0.0)
    subject.stream.keep(2, b"next", None, 0.0)
    assert subject.stream.gops.current is not None
    assert [n for n, _ in subject.stream.gops.current.packets] == [1, 2]
