"""The writer against the worked example: bytes checked once with ffprobe, never made by our own code."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import av
import pytest

from media.errors import LocalError
from media.ps.crc import crc32_mpeg2
from media.ps.muxer import PsMuxer
from media.unit import AccessUnit

PTS = 4886718345
SPS = bytes.fromhex("000000016742c00ada109b011000000300100000030320f1226a")
PPS = bytes.fromhex("0000000168ce0fc8")
IDR = bytes.fromhex("0000016588843a26280009 02c9c9c9d75d75d75d75d75d75e0".replace(" ", ""))
P_DATA = bytes.fromhex("00000001419a203a8230")

GOLDEN_KEY = bytes.fromhex(
    "000001ba 663456cbcc01 005f6b f8"
    "000001bb 000c 80ccf5 04217f e0e190 c0c020"
    "000001bc 0012 e1ff 0000 0008 1be00000 90c00000 b9287f16"
    "000001e0 0043 848005 298d15cf13"
    "000000016742c00ada109b011000000300100000030320f1226a"
    "0000000168ce0fc8"
    "0000016588843a2628000902c9c9c9d75d75d75d75d75d75e0"
    "000001c0 0010 808005 298d15cf13 d5d5d5d5d5d5d5d5"
)
GOLDEN_P = bytes.fromhex("000001ba 6634573c4c01 005f6bf8 000001e0 0012 808005 298d15eb33 00000001419a203a8230")


def video(data: bytes, key: bool, pts: int = PTS, dts: int | None = None, codec: str = "H264") -> AccessUnit:
    return AccessUnit(codec, pts, pts if dts is None else dts, key, data, "video")


def audio(size: int = 8, pts: int = PTS, codec: str = "PCMA") -> AccessUnit:
    return AccessUnit(codec, pts, pts, True, b"\xd5" * size, "audio")


def test_the_worked_example_byte_for_byte() -> None:
    muxer = PsMuxer("H264", "PCMA")
    assert muxer.mux(video(SPS + PPS + IDR, True), [audio()]) == GOLDEN_KEY
    assert len(GOLDEN_KEY) == 151
    assert muxer.mux(video(P_DATA, False, PTS + 3600)) == GOLDEN_P


def test_parameter_sets_told_outside_the_stream_are_put_before_a_key_frame_that_lacks_them() -> None:
    muxer = PsMuxer("H264", "PCMA")
    muxer.learn(SPS + PPS)
    assert muxer.mux(video(IDR, True), [audio()]) == GOLDEN_KEY
    sound = PsMuxer(None, "PCMA")
    sound.learn(SPS)
    assert SPS not in sound.mux(audio())


def test_unwrapped_times_are_masked_to_33_bits() -> None:
    assert PsMuxer("H264", "PCMA").mux(video(P_DATA, False, PTS + 3600 + (1 << 33))) == GOLDEN_P


def test_the_map_of_h265_with_aac() -> None:
    pack = PsMuxer("H265", "AAC", map_version=0).mux(video(b"\0\0\0\1\x26\x01\xaf", True, codec="H265"))
    psm = pack[32:56]
    assert psm.hex() == "000001bc0012e0ff0000000824e000000fc00000eac5e41d"
    assert crc32_mpeg2(psm) == 0


@pytest.mark.parametrize(
    ("video_codec", "audio_codec", "entries"),
    [
        ("H264", "PCMU", "1be00000 91c00000"),
        ("SVAC", "SVACA", "80e00000 9bc00000"),
        ("MPEG4", "G729", "10e00000 99c00000"),
        ("H264", None, "1be00000"),
    ],
)
def test_the_map_names_each_codec(video_codec: str, audio_codec: str | None, entries: str) -> None:
    pack = PsMuxer(video_codec, audio_codec).mux(video(b"\0\0\1\xb6", True, codec=video_codec))
    assert entries.replace(" ", "") in pack.hex()


def test_decoding_time_stands_behind_presentation_time_and_leads_the_clock() -> None:
    pack = PsMuxer("H264").mux(video(P_DATA, False, 0x123456789, 0x123456789 - 3600))
    assert pack[14:33].hex() == "000001e0" + "0017" + "80c00a" + "398d15cf13" + "198d15b2f3"
    assert pack[:14].hex() == "000001ba" + "6634565b4c01" + "005f6bf8"


def test_the_clock_is_clamped_at_zero() -> None:
    assert PsMuxer("H264").mux(video(P_DATA, False, 0))[4:10].hex() == "440004000401"


def pes_lengths(pack: bytes, at: int) -> list[int]:
    lengths = []
    while at < len(pack):
        assert pack[at : at + 4] == b"\x00\x00\x01\xe0"
        length = int.from_bytes(pack[at + 4 : at + 6], "big")
        lengths.append(length - 3 - pack[at + 8])
        at += 6 + length
    assert at == len(pack)
    return lengths


@pytest.mark.parametrize(
    ("size", "payloads"),
    [
        (65527, [65527]),
        (65528, [65527, 1]),
        (200000, [65527, 65532, 65532, 3409]),
        (0, [0]),
    ],
)
def test_large_frames_are_spread_over_pes_packets(size: int, payloads: list[int]) -> None:
    pack = PsMuxer("H264").mux(video(b"\x3a" * size, False))
    assert pes_lengths(pack, 14) == payloads
    assert pack[14 + 7] == 0x80
    if len(payloads) > 1:
        assert pack[14 + 6 + 65535 + 6 : 14 + 6 + 65535 + 9].hex() == "800000"


def test_first_payload_with_both_time_stamps_and_a_lower_limit() -> None:
    assert pes_lengths(PsMuxer("H264").mux(video(b"\x3a" * 65523, False, PTS, PTS - 1)), 14) == [65522, 1]
    pack = PsMuxer("H264", max_pes_length=0xFF80).mux(video(b"\x3a" * 70000, False))
    assert pes_lengths(pack, 14)[0] == 0xFF80 - 8


def test_a_key_frame_without_parameter_sets_gets_the_ones_seen_before() -> None:
    muxer = PsMuxer("H264", "PCMA")
    muxer.mux(video(SPS + PPS + IDR, True))
    assert SPS + PPS + IDR in muxer.mux(video(IDR, True))
    assert muxer.mux(video(PPS + IDR, True)).endswith(SPS + PPS + IDR)


def test_audio_alone_has_headers_at_the_start_and_each_second() -> None:
    muxer = PsMuxer(None, "PCMA")
    packs = [muxer.mux(audio(160, i * 1800)) for i in range(120)]
    with_map = [i for i, pack in enumerate(packs) if b"\x00\x00\x01\xbc" in pack]
    assert with_map == [0, 50, 100]
    assert packs[0][14:29].hex() == "000001bb000980ccf504207fc0c020"
    assert packs[1][14:28].hex() == "000001c000a8" + "808005" + "21000" + "10e11"
    assert packs[1].endswith(b"\xd5" * 160)


def test_audio_alone_beside_video_has_no_map() -> None:
    assert b"\x00\x00\x01\xbc" not in PsMuxer("H264", "PCMA").mux(audio())


def test_wrong_use_is_our_fault() -> None:
    for arguments in ((None, None), ("PCMA", None), ("H264", "H264"), ("H264", "MP3")):
        with pytest.raises(LocalError):
            PsMuxer(*arguments)
    with pytest.raises(LocalError):
        PsMuxer("H264", max_pes_length=10)
    with pytest.raises(LocalError):
        PsMuxer("H264").mux(video(b"", False, codec="H265"))
    with pytest.raises(LocalError):
        PsMuxer("H264").mux(audio())


@pytest.mark.parametrize("codec", ["H264", "H265"])
def test_an_independent_reader_decodes_every_picture(encode, codec: str) -> None:
    units = encode(codec, b_frames=2)
    muxer = PsMuxer(codec)
    with av.open(io.BytesIO(b"".join(map(muxer.mux, units))), format="mpeg") as container:
        assert container.streams.video[0].codec_context.name == {"H264": "h264", "H265": "hevc"}[codec]
        frames = list(container.decode(video=0))
    assert [f.width for f in frames] == [128] * len(units)
    assert [f.pts for f in frames] == sorted(u.pts for u in units)


@pytest.mark.ffprobe
@pytest.mark.parametrize("codec", ["H264", "H265"])
def test_ffprobe_reads_time_stamps_and_key_frames(encode, tmp_path: Path, codec: str) -> None:
    units = encode(codec)
    muxer = PsMuxer(codec)
    path = tmp_path / "stream.ps"
    path.write_bytes(b"".join(map(muxer.mux, units)))
    shown = "frame=pts,key_frame,width"
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-f", "mpeg", "-show_entries", shown, "-of", "json", str(path)],
        capture_output=True,
        check=True,
        timeout=60,
    )
    frames = json.loads(done.stdout)["frames"]
    assert [(f["pts"], bool(f["key_frame"])) for f in frames] == [(u.pts, u.key) for u in units]
