"""Source lock, SSRC tolerance, silence, and what the payload is."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from media.worker.control import (
    Event,
    FirstKeyFrame,
    FirstPacket,
    ForeignSource,
    KeyFrameWanted,
    NotPs,
    OtherSsrc,
    SourceSilent,
)
from media.worker.gop import GopBudget
from media.worker.sink import SinkStream
from media.worker.source import KEYLESS_S, RELOCK_S, SourceStream

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
    assert (subject.stream.remote, subject.stream.ssrc, subject.stream.first_packet_at) == (CAMERA, 1, 3.0)


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


def test_a_foreign_address_is_held_back_and_told_now_and_then() -> None:
    subject = Subject()
    assert not any(subject.send(STRANGER, now=t) for t in (0.0, 1.0, 4.9, 5.0))
    assert subject.told(ForeignSource) == [
        ForeignSource(leg="in", remote=STRANGER, count=1),
        ForeignSource(leg="in", remote=STRANGER, count=4),
    ]


def test_another_port_of_the_same_host_must_wait_for_silence() -> None:
    subject = Subject()
    assert subject.send(now=0.0)
    assert not subject.send(OTHER_PORT, now=RELOCK_S - 0.1)
    assert subject.send(OTHER_PORT, now=RELOCK_S + 0.1)
    assert not subject.send(CAMERA, now=RELOCK_S + 0.2)
    assert subject.stream.remote == OTHER_PORT


def test_a_gone_connection_is_replaced_at_once() -> None:
    subject = Subject()
    subject.send()
    subject.stream.unlock()
    assert subject.send(OTHER_PORT, number=30000)
    assert subject.stream.numbers.restarts == 1


def test_without_a_known_address_only_the_right_ssrc_is_latched_to() -> None:
    subject = Subject(accept_from=[])
    assert not subject.send(STRANGER, ssrc=2)
    assert subject.told(OtherSsrc) == [OtherSsrc(leg="in", expected=1, got=2, count=1)]
    assert subject.send(CAMERA, ssrc=1)
    assert not subject.send(STRANGER, ssrc=1)
    assert subject.stream.foreign == 1 and subject.stream.other_ssrc == 1


def test_another_ssrc_from_the_allowed_address_is_taken_and_told_once() -> None:
    subject = Subject()
    assert subject.send(ssrc=2) and subject.send(ssrc=2)
    assert subject.told(OtherSsrc) == [OtherSsrc(leg="in", expected=1, got=2, count=1)]
    assert subject.stream.ssrc == 2


def test_the_agreed_ssrc_wins_over_one_taken_for_it() -> None:
    subject = Subject()
    assert subject.send(ssrc=2, number=100)
    assert subject.send(ssrc=1, number=9)
    assert not subject.send(ssrc=2, number=101)
    assert (subject.stream.ssrc, subject.stream.other_ssrc) == (1, 1)


def test_a_changed_ssrc_is_taken_after_silence() -> None:
    subject = Subject(ssrc=None)
    assert subject.send(ssrc=5, now=0.0)
    assert not subject.send(ssrc=6, now=1.0)
    assert subject.send(ssrc=6, now=4.0, number=50000)
    assert subject.stream.numbers.restarts == 1 and not subject.told(OtherSsrc)


def test_the_answer_can_unlock_a_sender_that_came_first() -> None:
    subject = Subject(accept_from=[])
    assert subject.send(STRANGER)
    subject.stream.update(7, ["10.0.0.1"])
    assert subject.stream.remote is None
    assert not subject.send(STRANGER)
    assert subject.send(CAMERA, ssrc=7)


def test_the_answer_keeps_a_sender_that_is_right() -> None:
    subject = Subject(accept_from=[])
    subject.send(CAMERA)
    subject.stream.update(1, ["10.0.0.1"])
    assert subject.stream.remote == CAMERA


def test_reports_about_strange_ssrcs_are_bounded() -> None:
    subject = Subject(accept_from=[])
    for ssrc in range(2, 50):
        subject.send(ssrc=ssrc)
    assert len(subject.told(OtherSsrc)) == 8 and subject.stream.other_ssrc == 48


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

    def put(self, packet: bytes) -> bool:
        return True


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
