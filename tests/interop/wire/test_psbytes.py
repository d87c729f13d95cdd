"""Program-stream and RTP writing against known bytes, and a reader that finds each single broken rule."""

from __future__ import annotations

import pytest

from interop.wire import psbytes

PTS = 4886718345
SPS_PPS_IDR = bytes.fromhex(
    "000000016742C00ADA109B0110000003001000000303 20F1226A 0000000168CE0FC8"
    "0000016588843A2628000902C9C9C9D75D75D75D75D75D75E0".replace(" ", "")
)
PACK = "000001BA663456CBCC01005F6BF8"
SYSTEM = "000001BB000C80CCF504217FE0E190C0C020"
PSM = "000001BC0012E1FF000000081BE0000090C00000B9287F16"
VIDEO = "000001E00043848005298D15CF13"
AUDIO = "000001C00010808005298D15CF13D5D5D5D5D5D5D5D5"
KEY_FRAME = bytes.fromhex(PACK + SYSTEM + PSM + VIDEO) + SPS_PPS_IDR + bytes.fromhex(AUDIO)


def test_crc_check_value_and_zero_over_a_whole_map() -> None:
    assert psbytes.crc32_mpeg(b"123456789") == 0x0376E6E7
    assert psbytes.crc32_mpeg(bytes.fromhex(PSM)) == 0


@pytest.mark.parametrize(
    ("ticks", "text"),
    [
        (0, "2100010001"),
        (90000, "210005BF21"),
        (2**32 - 1, "27FFFFFFFF"),
        (2**33 - 1, "2FFFFFFFFF"),
        (PTS, "298D15CF13"),
    ],
)
def test_time_stamps(ticks: int, text: str) -> None:
    assert psbytes.timestamp(2, ticks).hex().upper() == text


@pytest.mark.parametrize(
    ("base", "ext", "text"),
    [(0, 0, "440004000401"), (90000, 0, "440016FC8401"), (PTS, 299, "6634573C4E57"), (PTS - 3600, 0, "663456CBCC01")],
)
def test_pack_header_clock(base: int, ext: int, text: str) -> None:
    assert psbytes.pack_header(base, ext).hex().upper() == f"000001BA{text}005F6BF8"


def test_maps_and_system_headers() -> None:
    assert psbytes.program_stream_map(psbytes.H264, psbytes.PCMA).hex().upper() == PSM
    assert psbytes.program_stream_map(psbytes.H265, 0x0F, version=0).hex().upper() == (
        "000001BC0012E0FF0000000824E000000FC00000EAC5E41D"
    )
    assert psbytes.system_header(audio=True).hex().upper() == SYSTEM
    assert psbytes.system_header().hex().upper() == "000001BB000980CCF500217FE0E190"


def test_key_frame_pack_with_sound_is_the_worked_example() -> None:
    made = psbytes.frame_pack(SPS_PPS_IDR, PTS, key=True, audio=b"\xd5" * 8, has_audio=True)
    assert len(made) == 151
    assert made == KEY_FRAME


def test_following_frame_is_the_worked_example() -> None:
    unit = bytes.fromhex("00000001419A203A8230")
    made = psbytes.frame_pack(unit, PTS + 3600, key=False)
    assert made.hex().upper() == "000001BA6634573C4C01005F6BF8000001E00012808005298D15EB3300000001419A203A8230"


def test_pes_with_pts_and_dts() -> None:
    made = psbytes.pes(0xE0, b"x", PTS, PTS - 3600)
    assert made.hex().upper() == "000001E0000E80C00A398D15CF13198D15B2F378"


def test_rtp_and_its_framing_are_the_worked_example() -> None:
    packet = psbytes.rtp(18139, PTS, 100000001, KEY_FRAME, marker=True)
    assert packet[:12].hex().upper() == "80E046DB2345678905F5E101"
    assert psbytes.framed(packet)[:2] == b"\x00\xa3"


def test_a_long_unit_is_cut_into_four_pes() -> None:
    unit = b"\0\0\0\1\x65" + b"\x55" * 199_995
    read = psbytes.pieces(psbytes.frame_pack(unit, PTS, key=True))
    video = [piece for piece in read if piece.stream_id == 0xE0]
    assert [len(piece.payload) for piece in video] == [65527, 65532, 65532, 3409]
    assert [piece.pts for piece in video] == [PTS, None, None, None]
    assert b"".join(piece.payload for piece in video) == unit


def test_reading_the_worked_example() -> None:
    pack, system, psm, video, audio = psbytes.pieces(KEY_FRAME)
    assert (pack.scr, system.stream_id, audio.payload) == (PTS - 3600, 0xBB, b"\xd5" * 8)
    assert psbytes.map_types(psm.payload) == {0xE0: 0x1B, 0xC0: 0x90}
    assert (video.pts, video.payload) == (PTS, SPS_PPS_IDR)
    both = psbytes.pieces(psbytes.pes(0xE0, b"x", PTS, PTS - 3600))[0]
    assert (both.pts, both.dts) == (PTS, PTS - 3600)


def _with(at: int, value: int) -> bytes:
    return KEY_FRAME[:at] + bytes([value]) + KEY_FRAME[at + 1 :]


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (_with(4, 0x62), "pack header"),
        (_with(9, 0x00), "pack header"),
        (_with(9, 0xFF)[:8] + b"\xcf" + _with(9, 0xFF)[9:], "SCR extension"),
        (_with(12, 0x68), "pack header"),
        (_with(0, 1), "no start code"),
        (_with(55, 0), "PSM CRC"),
        (_with(61, 0x42), "no start code"),
        (_with(61, 0xFF), "past the end"),
        (_with(62, 0x04), "PES header"),
        (_with(64, 0xFF), "PES header"),
        (_with(65, 0x19), "time stamp"),
        (_with(67, 0x14), "time stamp"),
        (KEY_FRAME[:12], "pack header"),
    ],
)
def test_every_broken_rule_is_found(broken: bytes, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        psbytes.pieces(broken)


def test_map_lengths_must_agree() -> None:
    body = bytes.fromhex(PSM)[6:]
    with pytest.raises(ValueError, match="PSM lengths"):
        psbytes.map_types(body[:5] + b"\x0c" + body[6:])


def test_key_frames_and_codecs_are_known_by_nal_type() -> None:
    assert psbytes.is_key(SPS_PPS_IDR, psbytes.H264)
    assert not psbytes.is_key(bytes.fromhex("00000001419A20"), psbytes.H264)
    assert psbytes.is_key(bytes.fromhex("0000000126 01AF".replace(" ", "")), psbytes.H265)
    assert not psbytes.is_key(bytes.fromhex("000000010201D0"), psbytes.H265)
    assert psbytes.video_type(SPS_PPS_IDR) == psbytes.H264
    assert psbytes.video_type(bytes.fromhex("0000000140010C")) == psbytes.H265
    assert psbytes.video_type(bytes.fromhex("00000001419A20")) is None
