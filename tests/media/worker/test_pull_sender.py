"""Units on their way to the relay."""

from __future__ import annotations

from fractions import Fraction

import pytest

from media.rtp import RtpPacket
from media.unit import AccessUnit
from media.worker.pull_sender import MOST_HELD, PullSender
from media.worker.pull_units import TrackOffer, choose

SPS, PPS = bytes.fromhex("0000000167428014da01400000"), bytes.fromhex("0000000168ce3c80")
IDR, SLICE = bytes.fromhex("0000000165888421a0"), bytes.fromhex("00000001419a2211c0")
PACK, PSM = bytes.fromhex("000001ba"), bytes.fromhex("000001bc")
ALAW = TrackOffer(1, "audio", "pcm_alaw", Fraction(1, 8_000))


class Sink:
    """What the relay gets."""

    def __init__(self) -> None:
        self.frames: list[list[RtpPacket]] = []

    def send(self, packets: list[bytes]) -> None:
        self.frames.append([RtpPacket.parse(packet) for packet in packets])


@pytest.fixture
def sender() -> PullSender:
    made = PullSender(0xCAFE)
    made.outlet = Sink()  # type: ignore[assignment]
    return made


def frames(sender: PullSender) -> list[list[RtpPacket]]:
    assert isinstance(sender.outlet, Sink)
    return sender.outlet.frames


def video(dts: int, *, key: bool = False, data: bytes = b"", codec: str = "H264") -> AccessUnit:
    return AccessUnit(codec, dts, dts, key, data or (IDR if key else SLICE), "video")


def sound(pts: int) -> AccessUnit:
    return AccessUnit("PCMA", pts, pts, True, b"\xd5" * 160, "audio")


def with_video(codec: str, extradata: bytes = b"") -> TrackOffer:
    return TrackOffer(0, "video", codec, Fraction(1, 90_000), extradata)


def test_each_unit_is_a_pack_in_packets_of_one_time_with_the_marker_on_the_last(sender: PullSender) -> None:
    sender.begin(choose([with_video("h264")]))
    sender.send(video(90_000, key=True, data=IDR + b"\x55" * 3000))
    sender.send(video(93_600))
    big, small = frames(sender)
    assert [packet.marker for packet in big] == [False, False, True] and small[0].marker
    assert {packet.timestamp for packet in big} == {90_000} and small[0].timestamp == 93_600
    assert [packet.sequence for packet in big + small] == [0, 1, 2, 3]
    assert all((packet.ssrc, packet.payload_type) == (0xCAFE, 96) for packet in big + small)
    assert big[0].payload.startswith(PACK) and PSM in big[0].payload and PSM not in small[0].payload
    assert sender.packets == 4 and sender.bytes == sum(12 + len(packet.payload) for packet in big + small)


def test_parameter_sets_of_the_description_are_put_before_a_key_frame_that_lacks_them(sender: PullSender) -> None:
    sender.begin(choose([with_video("h264", SPS + PPS)]))
    sender.send(video(0, key=True))
    sender.send(video(3600))
    sender.send(video(7200, key=True, data=SPS + PPS + IDR))
    key, other, whole = (frame[0].payload for frame in frames(sender))
    assert SPS.rstrip(b"\0") in key and key.index(PPS[:-1]) < key.index(IDR)
    assert PPS not in other and whole.count(PPS) == 1


def test_sound_travels_with_the_picture_that_follows_it(sender: PullSender) -> None:
    sender.begin(choose([with_video("h264"), ALAW]))
    sender.send(sound(0))
    sender.send(sound(1800))
    assert frames(sender) == []
    sender.send(video(3600, key=True))
    [[packet]] = frames(sender)
    assert packet.payload.count(b"\x00\x00\x01\xc0") == 2 and packet.timestamp == 3600


def test_sound_without_pictures_is_sent_when_enough_of_it_has_come(sender: PullSender) -> None:
    sender.begin(choose([with_video("h264"), ALAW]))
    for number in range(MOST_HELD):
        sender.send(sound(number * 1800))
    [[*packets]] = frames(sender)
    payload = b"".join(packet.payload for packet in packets)
    assert payload.startswith(PACK) and payload.count(b"\x00\x00\x01\xc0") == MOST_HELD


def test_a_new_beginning_keeps_the_numbers_and_other_codecs_make_a_new_stream_map(sender: PullSender) -> None:
    versions = []
    for codec, name in (("h264", "H264"), ("h264", "H264"), ("hevc", "H265"), ("h264", "H264")):
        sender.begin(choose([with_video(codec)]))
        sender.send(video(0, key=True, codec=name))
        payload = frames(sender)[-1][0].payload
        versions.append(payload[payload.index(PSM) + 6] & 0x1F)
    assert versions == [1, 1, 2, 3]
    assert [frame[0].sequence for frame in frames(sender)] == [0, 1, 2, 3]
