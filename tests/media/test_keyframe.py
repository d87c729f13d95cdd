"""Key-frame starts found in RTP payloads. Bytes are written by hand."""

from __future__ import annotations

import pytest

from media.es.annexb import nal_units
from media.keyframe import KeyFrameFinder
from media.ps.muxer import PsMuxer
from media.ps.packetize import RtpPacketizer
from media.unit import AccessUnit

PACK = bytes.fromhex("000001ba 443457 3c4c01 005f6bf8".replace(" ", ""))
PACK_STUFFED = bytes.fromhex("000001ba4434573c4c01005f6bfe") + b"\xff\xff\x00\x00\x01\x41"
SYSTEM = bytes.fromhex("000001bb000c80ccf504217fe0e190c0c020")
PSM = bytes.fromhex("000001bc0012e1ff000000081be0000090c00000b9287f16")
SPS = bytes.fromhex("000000016742c00ada109b011000000300100000030320f1226a")
PPS = bytes.fromhex("0000000168ce0fc8")
IDR = bytes.fromhex("000001658884") + bytes([0x3A]) * 300
P_SLICE = bytes.fromhex("00000001419a20") + bytes([0x3A]) * 300
VPS5 = bytes.fromhex("0000000140010c01ffff016000000300b0000003000003005d")
SPS5 = bytes.fromhex("00000001420101016000000300b000000300000300")
PPS5 = bytes.fromhex("000000014401c172b46240")
IDR5 = bytes.fromhex("000000012601af06") + bytes([0x3A]) * 300
P5 = bytes.fromhex("000000010201d009") + bytes([0x3A]) * 300


def pes(data: bytes, stream_id: int = 0xE0, pts: bytes = bytes.fromhex("298d15cf13")) -> bytes:
    flags = bytes((0x80, 0x80 if pts else 0, len(pts))) + pts
    return b"\x00\x00\x01" + bytes([stream_id]) + (len(flags) + len(data)).to_bytes(2, "big") + flags + data


def news(payloads: list[bytes], finder: KeyFrameFinder | None = None) -> list[tuple[int, int]]:
    """(packet index at which it was told, packet index at which the key frame starts)"""
    finder = finder or KeyFrameFinder()
    told = []
    for index, payload in enumerate(payloads):
        back = finder.feed(payload)
        if back is not None:
            told.append((index, index - back))
    return told


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


KEY_PACK = PACK + SYSTEM + PSM + pes(SPS + PPS + IDR)
P_PACK = PACK + pes(P_SLICE)


def test_a_key_frame_pack_is_told_with_its_own_packet() -> None:
    assert news([P_PACK, KEY_PACK, P_PACK, KEY_PACK]) == [(1, 1), (3, 3)]


def test_a_program_stream_map_before_a_p_frame_is_no_key_frame() -> None:
    assert news([PACK + SYSTEM + PSM + pes(P_SLICE)]) == []


def test_parameter_sets_before_a_p_frame_are_no_key_frame() -> None:
    assert news([PACK + SYSTEM + PSM + pes(SPS + PPS + P_SLICE)]) == []


def test_an_idr_without_map_and_parameter_sets_is_a_key_frame() -> None:
    assert news([PACK + pes(IDR)]) == [(0, 0)]


@pytest.mark.parametrize("size", range(8, 170))
def test_headers_that_straddle_packets_lead_back_to_the_pack_start(size: int) -> None:
    told = news([P_PACK, *cut(KEY_PACK, size), P_PACK])
    assert [start for _, start in told] == [1]


def test_each_structure_in_a_packet_of_its_own() -> None:
    packets = [PACK, SYSTEM, PSM, pes(SPS), pes(PPS, pts=b""), pes(IDR, pts=b"")]
    assert news([*packets, P_PACK]) == [(5, 0)]


def test_parameter_sets_in_a_pack_of_their_own_begin_the_key_frame() -> None:
    assert news([P_PACK, PACK + pes(SPS), PACK + pes(PPS), PACK + pes(IDR)]) == [(3, 1)]


def test_an_audio_pack_before_does_not_belong_to_the_key_frame() -> None:
    assert news([PACK + pes(b"\xd5" * 160, 0xC0), KEY_PACK]) == [(1, 1)]


def test_audio_and_private_data_before_the_video_are_skipped() -> None:
    private = b"\x00\x00\x01\xbf\x00\x08\x00\x00\x01\x65\x88\x00\x00\x00"
    assert news([PACK + private + pes(b"\x00\x00\x01\x65" * 40, 0xC0) + pes(P_SLICE)]) == []
    assert news([PACK + private + pes(b"\xd5" * 160, 0xC0) + pes(IDR)]) == [(0, 0)]


def test_stuffing_that_looks_like_a_slice_is_not_read() -> None:
    assert news([PACK_STUFFED + pes(IDR)]) == [(0, 0)]


def test_a_bare_pack_start_code_and_an_mpeg1_pack() -> None:
    assert news([b"\x00\x00\x01\xba" + pes(IDR)]) == [(0, 0)]
    assert news([b"\x00\x00\x01\xba\x21\x00\x01\x00\x01\x80\x00\x01" + pes(IDR)]) == [(0, 0)]


def test_program_end_code_before_the_video_is_passed_over() -> None:
    assert news([PACK + b"\x00\x00\x01\xb9" + pes(IDR)]) == [(0, 0)]


def test_a_stray_start_code_before_the_pack_is_tolerated() -> None:
    assert news([b"\x00\x00\x00\x01" + KEY_PACK]) == [(0, 0)]


def test_h265_in_ps_is_judged_by_its_own_types() -> None:
    key = PACK + pes(VPS5 + SPS5 + PPS5 + IDR5)
    assert news([PACK + pes(P5), key, PACK + pes(VPS5 + SPS5 + PPS5 + P5), key]) == [(1, 1), (3, 3)]
    finder = KeyFrameFinder()
    news([key], finder)
    assert finder.codec == "H265"
    assert news([PACK + pes(IDR5)]) == [(0, 0)]


def test_later_slices_of_an_idr_in_a_pack_of_their_own_are_not_told_again() -> None:
    second = bytes.fromhex("00000165" + "2a84") + b"\x3a" * 100
    assert news([KEY_PACK, PACK + pes(second, pts=b"")]) == [(0, 0)]


def test_an_i_slice_behind_a_recovery_point_is_a_key_frame() -> None:
    recovery = bytes.fromhex("00000001060601 c4 80".replace(" ", ""))
    intra = bytes.fromhex("0000000141888400") + b"\x3a" * 60
    assert news([PACK + pes(SPS + PPS + recovery + intra)]) == [(0, 0)]
    assert news([PACK + pes(SPS + PPS + intra)]) == []
    assert news([PACK + pes(SPS + PPS + recovery + P_SLICE)]) == []


def test_the_middle_of_frames_is_no_news_and_not_pending() -> None:
    finder = KeyFrameFinder()
    news([KEY_PACK], finder)
    assert not finder.pending
    assert news([b"\x3a" * 1388, b"\x00" * 1388, b""], finder) == []
    assert finder.mode == "PS"


def test_a_gap_gives_up_the_frame_that_has_begun() -> None:
    finder = KeyFrameFinder()
    assert finder.feed(PACK + SYSTEM + PSM) is None
    assert finder.pending
    finder.gap()
    assert finder.feed(pes(SPS + PPS + IDR)) is None
    assert news([KEY_PACK], finder) == [(0, 0)]


def test_memory_stays_bounded_when_no_slice_ever_comes() -> None:
    finder = KeyFrameFinder()
    assert finder.feed(PACK + pes(SPS)) is None
    for _ in range(200):
        assert finder.feed(b"\x06" * 1388) is None
    assert not finder.pending
    assert finder.feed(PACK + b"\x00\x00\x01\xbd\xff\xff\x00\x00\x00") is None
    for _ in range(60):
        finder.feed(b"\x06" * 1388)
    assert not finder.pending


def test_h264_elementary_stream_key_frame_starts_with_its_parameter_sets() -> None:
    sps, pps, idr, p = SPS[4:], PPS[4:], IDR[3:], P_SLICE[4:]
    fu = [b"\x7c\x85" + idr[1:100], b"\x7c\x05" + b"\x3a" * 50, b"\x7c\x45" + b"\x3a" * 50]
    assert news([p, sps, pps, *fu, p, sps, pps, idr, p]) == [(3, 1), (9, 7)]
    assert news([sps, pps, p, idr], KeyFrameFinder("H264")) == [(3, 3)]


def test_h264_aggregation_packet_with_sets_and_idr() -> None:
    nals = [SPS[4:], PPS[4:], IDR[3:]]
    stap = b"\x78" + b"".join(len(n).to_bytes(2, "big") + n for n in nals)
    assert news([P_SLICE[4:], stap, stap[:5]]) == [(1, 1)]


def test_h264_later_slices_of_the_idr_are_not_told_again() -> None:
    assert news([SPS[4:], PPS[4:], IDR[3:], b"\x65\x2a\x00\x00", b"\x65\x1a\x00\x00"]) == [(2, 0)]


def test_h264_elementary_stream_recovery_point() -> None:
    recovery = bytes.fromhex("060601c480")
    assert news([SPS[4:], PPS[4:], recovery, bytes.fromhex("41888400") + b"\x3a" * 30]) == [(3, 0)]


def test_h265_elementary_stream_single_fragmented_and_aggregated() -> None:
    vps, sps, pps, idr, p = VPS5[4:], SPS5[4:], PPS5[4:], IDR5[4:], P5[4:]
    fu = [b"\x62\x01\x93" + idr[2:50], b"\x62\x01\x13" + b"\x3a" * 20, b"\x62\x01\x53" + b"\x3a" * 20]
    fu_p = [b"\x62\x01\x81" + p[2:50], b"\x62\x01\x41" + b"\x3a" * 20]
    assert news([vps, sps, pps, *fu, p, *fu_p]) == [(3, 0)]
    ap = b"\x60\x01" + b"".join(len(n).to_bytes(2, "big") + n for n in (vps, sps, pps, idr))
    assert news([ap, p, ap]) == [(0, 0), (2, 2)]
    assert news([vps, sps, pps, idr, b"\x26\x01\x2f\x00"]) == [(3, 0)]


def test_a_program_stream_joined_in_the_middle_is_recognised_at_its_first_pack() -> None:
    looks_like_sps = b"\x67\x42\x00\x1f" + b"\x3a" * 100
    assert news([looks_like_sps, b"\x7c\x85\x88", KEY_PACK])[-1] == (2, 2)


def test_short_and_audio_payloads_do_not_disturb() -> None:
    assert news([b"", b"\x00", b"\x67", b"\xd5" * 160, b"\x00\x00\x00\x00"]) == []


@pytest.mark.parametrize("codec", ["H264", "H265"])
@pytest.mark.parametrize("slices", [1, 4])
@pytest.mark.parametrize("size", [100, 333, 1388])
def test_key_frames_of_real_encoders_in_ps(encode, codec: str, slices: int, size: int) -> None:
    muxer, packetizer = PsMuxer(codec, "PCMA"), RtpPacketizer(1, max_payload=size)
    payloads, starts = [], []
    for unit in encode(codec, slices=slices):
        sound = AccessUnit("PCMA", unit.dts, unit.dts, True, b"\xd5" * 320, "audio")
        if unit.key:
            starts.append(len(payloads))
        payloads += [p[12:] for p in packetizer.packets(muxer.mux(unit, [sound]), unit.dts)]
    assert [start for _, start in news(payloads)] == starts


@pytest.mark.parametrize("slices", [1, 4])
def test_key_frames_of_real_encoders_in_es(encode, slices: int) -> None:
    payloads, starts = [], []
    for unit in encode("H264", slices=slices):
        if unit.key:
            starts.append(len(payloads))
        for nal in nal_units(unit.data):
            parts = [nal[i : i + 300] for i in range(1, len(nal), 300)]
            last = len(parts) - 1
            head = nal[0] & 0xE0 | 28
            payloads += (
                [nal]
                if len(nal) < 300
                else [
                    bytes((head, nal[0] & 31 | 0x80 * (i == 0) | 0x40 * (i == last))) + part
                    for i, part in enumerate(parts)
                ]
            )
    assert [start for _, start in news(payloads)] == starts
