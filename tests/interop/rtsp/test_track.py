"""Sequence numbers, times and sender reports of a track (RFC 3550)."""

from __future__ import annotations

import struct

from interop.device.picture import PictureSettings
from interop.rtsp.medium import media_of
from interop.rtsp.settings import Stream
from interop.rtsp.track import RtpTrack
from media import AccessUnit
from tests.interop.rtsp.test_medium import SETS_264, START

VIDEO, SOUND = media_of(Stream(picture=PictureSettings(), sound="PCMA"), SETS_264)


def _video(pts: int, size: int = 10) -> AccessUnit:
    return AccessUnit(codec="H264", pts=pts, dts=pts, key=False, data=START + b"\x41" + b"\x9a" * size, track="video")


def _head(packet: bytes) -> tuple[int, int, int, int, int]:
    found: tuple[int, int, int, int, int] = struct.unpack("!BBHII", packet[:12])
    return found


def test_the_last_packet_of_a_picture_has_the_marker_and_all_have_its_time() -> None:
    track = RtpTrack(VIDEO, 0, ssrc=7, sequence=65_535, timestamp=1000)
    track.play(50.0)
    track.begin(6000, 50.1)
    packets = track.packets(_video(12_000, 2000))
    assert [_head(packet) for packet in packets] == [(0x80, 96, 65_535, 7000, 7), (0x80, 0x80 | 96, 0, 7000, 7)]
    assert track.sequence == 1


def test_sound_counts_in_its_own_clock_without_markers() -> None:
    track = RtpTrack(SOUND, 1, ssrc=8, sequence=5, timestamp=0)
    track.play(50.0)
    track.begin(0, 50.0)
    unit = AccessUnit(codec="PCMA", pts=6000, dts=6000, key=False, data=b"\xd5" * 160, track="audio")
    assert track.packets(unit) == [struct.pack("!BBHII", 0x80, 8, 5, 533, 8) + b"\xd5" * 160]


def test_after_a_pause_number_and_time_run_on() -> None:
    track = RtpTrack(VIDEO, 0, ssrc=7, sequence=1, timestamp=4_294_967_290)
    track.play(50.0)
    track.begin(0, 50.0)
    track.packets(_video(0))
    track.play(60.0)
    assert (track.sequence, track.rtptime) == (2, (4_294_967_290 + 900_000) % (1 << 32))
    track.begin(600, 60.2)
    assert _head(track.packets(_video(600))[0])[2:4] == (2, track.rtptime)


def test_noise_takes_the_place_of_the_picture() -> None:
    track = RtpTrack(VIDEO, 0, ssrc=7, sequence=1, timestamp=0)
    track.play(0.0)
    track.begin(0, 0.0)
    assert [packet[12:] for packet in track.packets(_video(0), noise=b"xyz")] == [b"xyz"]


def test_a_sender_report_comes_with_the_first_picture_and_every_five_seconds() -> None:
    track = RtpTrack(VIDEO, 0, ssrc=7, sequence=1, timestamp=1000)
    track.play(50.0)
    assert track.report(50.0, 0.0) is None
    track.begin(0, 50.0)
    track.packets(_video(0))
    report = track.report(50.0, 0.5)
    assert report == bytes.fromhex(
        "80c80006 00000007 83aa7e80 80000000 000003e8 00000001 0000000b"  # SR: NTP, RTP time, packets, octets
        "81ca0003 00000007 01056762 73696d00"  # SDES: CNAME gbsim
    )
    assert track.report(54.9, 5.4) is None
    later = track.report(55.0, 5.5)
    assert later is not None and later[16:20] == struct.pack("!I", 1000 + 450_000)
