"""RTP towards a viewer, byte by byte (RFC 3550 5.1, 6.4.1, 6.5), and its times."""

from __future__ import annotations

from media.worker.rtp_track import HISTORY, AudioTimes, RtpTrack, VideoTimes


def test_packets_of_a_picture_share_a_time_and_the_last_has_the_marker() -> None:
    track = RtpTrack(102, ssrc=0x01020304, sequence=0x7FFF, origin=0xFFFFFFFF)
    assert list(track.packets([b"\xaa", b"\xbb"], 3601)) == [
        bytes.fromhex("8066 7fff 00000e10 01020304 aa"),
        bytes.fromhex("80e6 8000 00000e10 01020304 bb"),
    ]


def test_sound_has_no_marker() -> None:
    track = RtpTrack(8, ssrc=1, sequence=0, origin=0)
    assert list(track.packets([b"\xd5"], 160, marker=False)) == [bytes.fromhex("8008 0000 000000a0 00000001 d5")]


def test_a_lost_packet_is_found_as_it_was_sent_while_it_is_kept() -> None:
    track = RtpTrack(102, sequence=65535)
    sent = [packet for n in range(HISTORY) for packet in track.packets([bytes((n & 0xFF,))], n)]
    assert track.again(65535) == sent[0] and track.again(0) == sent[1]
    list(track.packets([b"new"], 0))
    assert track.again(65535) is None and track.again(5000) is None


def test_numbers_are_chosen_anew_for_each_track() -> None:
    made = [RtpTrack(96) for _ in range(4)]
    assert len({track.ssrc for track in made}) == 4
    assert all(next(track.packets([b""], 0))[2] < 0x80 for track in made)


def test_a_report_says_when_and_how_much_was_sent() -> None:
    track = RtpTrack(102, ssrc=0x01020304, sequence=0, origin=0x10)
    list(track.packets([b"1234", b"56"], 0x20))
    assert track.report(0.5, "ab") == bytes.fromhex(
        "80c80006 01020304 83aa7e8080000000 00000030 00000002 00000006"  # SR, 70 years and half a second
        "81ca0003 01020304 0102 6162 00000000"  # SDES with CNAME
    )


def test_times_of_pictures_always_grow() -> None:
    times = VideoTimes()
    assert [times.at(pts) for pts in (9000, 12600, 12500, 16200)] == [9000, 12600, 12601, 16200]


def test_a_clock_that_jumps_goes_on_one_picture_later() -> None:
    times = VideoTimes()
    assert [times.at(pts) for pts in (90_000_000, 0, 3600)] == [90_000_000, 90_003_600, 90_007_200]
    assert times.at(90_000_000) == 90_010_800


def test_sound_is_cut_into_twenty_milliseconds_and_counted_in_samples() -> None:
    times = AudioTimes()
    assert [(at, len(data)) for at, data in times.cut(b"x" * 400, 90_000)] == [(8000, 160), (8160, 160), (8320, 80)]
    assert [at for at, _ in times.cut(b"x" * 160, 90_000 + 4545)] == [8400], "4 ms off is rounding"
    assert [at for at, _ in times.cut(b"x" * 160, 180_000)] == [16000], "a second is a gap"
