"""Fragmented MP4 written from real pictures, judged by an independent decoder."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import av
import pytest

from media.errors import LocalError
from media.es.aac import build_adts, parse_adts
from media.fmp4 import Fmp4Writer
from media.transcode import G711ToAac
from media.unit import AccessUnit


def read(data: bytes) -> tuple[list[tuple[float, bool, int]], list[float], int, int]:
    """(time, key, brightness) of each video frame, times of the audio frames, rate, width: by FFmpeg."""
    video, audio, rate, width = [], [], 0, 0
    with av.open(io.BytesIO(data)) as container:
        for packet in container.demux():
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    width = frame.width
                    video.append((round(float(frame.time), 4), frame.key_frame, int(frame.to_ndarray()[0].mean())))
                else:
                    rate = frame.sample_rate
                    audio.append(float(frame.time))
    return video, audio, rate, width


def pcma(pts: int, size: int = 320) -> AccessUnit:
    return AccessUnit("PCMA", pts, pts, True, b"\x55\xd5\x2a\xaa" * (size // 4), "audio")


def stream(units: tuple[AccessUnit, ...], audio: str | None = None, per_fragment: int = 1) -> bytes:
    writer = Fmp4Writer(units[0].codec, units[0].data, audio, frames_per_fragment=per_fragment)
    out = [writer.init_segment]
    for unit in units:
        if audio:
            out.append(writer.write(pcma(unit.dts)))
        out.append(writer.write(unit))
    out.append(writer.close())
    return b"".join(out)


@pytest.mark.parametrize("codec", ["H264", "H265"])
@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("per_fragment", [1, 7])
def test_every_picture_arrives_in_time_and_order(encode, codec: str, b_frames: int, per_fragment: int) -> None:
    units = encode(codec, b_frames=b_frames)
    video, _, _, width = read(stream(units, None, per_fragment))
    assert width == 128
    assert len(video) == 30
    times = [t for t, _, _ in video]
    assert [round(t - times[0], 3) for t in times] == [round(i * 0.04, 3) for i in range(30)]
    assert sum(key for _, key, _ in video) == 3


def test_the_type_and_the_codecs_are_named(encode) -> None:
    units = encode("H264")
    writer = Fmp4Writer("H264", units[0].data, "PCMA")
    assert writer.mime.startswith('video/mp4; codecs="avc1.42')
    assert writer.mime.endswith(',mp4a.40.2"')
    assert (writer.width, writer.height) == (128, 96)
    assert b"avc1" in writer.init_segment
    writer = Fmp4Writer("H265", encode("H265")[0].data)
    assert writer.codecs.startswith("hvc1.1.6.L")
    assert b"hvc1" in writer.init_segment


def test_each_frame_is_written_out_at_once_and_as_a_whole_fragment(encode) -> None:
    units = encode("H264")
    writer = Fmp4Writer("H264", units[0].data)
    for unit in units:
        out = writer.write(unit)
        assert out[4:8] == b"moof"
        size = int.from_bytes(out[:4], "big")
        assert out[size + 4 : size + 8] == b"mdat"
        assert size + int.from_bytes(out[size : size + 4], "big") == len(out)
    assert writer.close() == b""


def test_a_key_frame_begins_a_fragment(encode) -> None:
    units = encode("H264")
    writer = Fmp4Writer("H264", units[0].data, frames_per_fragment=25)
    lengths = [len(writer.write(unit)) for unit in units]
    assert [i for i, n in enumerate(lengths) if n] == [10, 20]


@pytest.mark.parametrize("audio", ["PCMA", "PCMU"])
def test_g711_becomes_aac(encode, audio: str) -> None:
    units = encode("H264", frames=50)
    writer = Fmp4Writer("H264", units[0].data, audio)
    data = writer.init_segment
    for unit in units:
        data += writer.write(unit) + writer.write(replace(pcma(unit.dts), codec=audio))
    data += writer.close()
    video, times, rate, _ = read(data)
    assert len(video) == 50
    assert rate == 16000
    assert len(times) >= 25
    assert all(abs(b - a - 0.064) < 0.002 for a, b in zip(times, times[1:], strict=False))


def test_missing_audio_is_filled_with_silence(encode) -> None:
    units = encode("H264", frames=150, gop=50)
    writer = Fmp4Writer("H264", units[0].data, "PCMA")
    data = writer.init_segment
    for index, unit in enumerate(units):
        data += writer.write(unit)
        if index < 20 or 60 < index < 70:
            data += writer.write(pcma(unit.dts))
    _, times, _, _ = read(data + writer.close())
    assert all(abs(b - a - 0.064) < 0.002 for a, b in zip(times, times[1:], strict=False))
    assert times[-1] > 4.5


def test_aac_goes_through_unchanged(encode) -> None:
    frames = G711ToAac("PCMA").encode(b"\xd5" * 8000)
    units = encode("H264")
    adts = [build_adts(frame, rate=16000) for frame in frames]
    writer = Fmp4Writer("H264", units[0].data, "AAC", adts=parse_adts(adts[0]))
    data = writer.init_segment + writer.write(units[0])
    for index, frame in enumerate(adts):
        pts = units[0].dts + index * 5760
        assert writer.write(AccessUnit("AAC", pts, pts, True, frame, "audio")) == b""
    data += b"".join(map(writer.write, units[1:]))
    _, times, rate, _ = read(data)
    assert rate == 16000
    assert [round(t, 3) for t in times] == [round(i * 0.064, 3) for i in range(len(adts))]
    assert all(frame in data for frame in frames)


def test_a_hole_in_aac_stays_a_hole_and_time_never_steps_back(encode) -> None:
    adts = build_adts(G711ToAac("PCMA").encode(b"\xd5" * 8000)[0], rate=16000)
    units = encode("H264")
    writer = Fmp4Writer("H264", units[0].data, "AAC", adts=parse_adts(adts))
    data = writer.init_segment + writer.write(units[0])
    for index in (0, 10, 10, 12):
        pts = units[0].dts + index * 5760
        writer.write(AccessUnit("AAC", pts, pts, True, adts, "audio"))
        data += writer.write(units[1 + index])
    _, times, _, _ = read(data)
    assert [round(t, 3) for t in times] == [0.0, 0.64, 0.704, 0.768]


def test_a_new_picture_size_brings_a_new_init_segment(encode) -> None:
    small, large = encode("H264"), encode("H264", width=160, height=96)
    writer = Fmp4Writer("H264", small[0].data)
    first = writer.init_segment
    shift = small[-1].dts + 3600 - large[0].dts
    before = b"".join(map(writer.write, small))
    after = b"".join(writer.write(replace(u, pts=u.pts + shift, dts=u.dts + shift)) for u in large)
    assert after.startswith(writer.init_segment)
    assert writer.init_segment != first
    assert (writer.width, writer.height) == (160, 96)
    assert len(read(first + before)[0]) == len(read(after)[0]) == 30


def test_time_runs_on_over_a_jump(encode) -> None:
    units = encode("H264")
    moved = [replace(u, pts=u.pts + 10**9, dts=u.dts + 10**9) if i >= 10 else u for i, u in enumerate(units)]
    moved = [replace(u, pts=u.pts - 2 * 10**9, dts=u.dts - 2 * 10**9) if i >= 20 else u for i, u in enumerate(moved)]
    video = read(stream(tuple(moved)))[0]
    assert [round(t, 3) for t, _, _ in video] == [round(i * 0.04, 3) for i in range(30)]


def test_standing_times_are_spread(encode) -> None:
    units = tuple(replace(u, pts=900, dts=900) for u in encode("H264"))
    assert len(read(stream(units))[0]) == 30


def test_it_starts_with_a_key_frame(encode) -> None:
    units = encode("H264")
    writer = Fmp4Writer("H264", units[0].data, "PCMA")
    assert writer.write(units[1]) == b""
    assert writer.write(pcma(units[1].pts)) == b""
    assert writer.write(units[10]) != b""


def test_broken_new_parameter_sets_keep_the_old_description(encode) -> None:
    units = encode("H264")
    writer = Fmp4Writer("H264", units[0].data)
    before = writer.init_segment
    broken = replace(units[10], data=b"\0\0\0\1\x67\x42\xc0\0\0\0\1\x65\x88\x84\x21")
    assert writer.write(units[0])[4:8] == b"moof"
    assert writer.write(broken)[4:8] == b"moof"
    assert writer.init_segment == before


def test_what_cannot_be_written_is_our_fault(encode) -> None:
    units = encode("H264")
    for arguments in (
        ("SVAC", units[0].data),
        ("H264", units[1].data),
        ("H264", b"\0\0\0\1\x67\x42\0\0\0\1\x68\xce"),
        ("H264", units[0].data, "G729"),
        ("H264", units[0].data, "AAC"),
    ):
        with pytest.raises(LocalError):
            Fmp4Writer(*arguments)
    with pytest.raises(LocalError):
        Fmp4Writer("H264", units[0].data, frames_per_fragment=0)
    with pytest.raises(LocalError):
        Fmp4Writer("H264", units[0].data).write(replace(units[0], codec="H265"))


@pytest.mark.ffprobe
@pytest.mark.parametrize("codec", ["H264", "H265"])
def test_ffprobe_reads_it_without_complaint(encode, tmp_path: Path, codec: str) -> None:
    ffprobe = shutil.which("ffprobe")
    if ffprobe is None:
        pytest.skip("ffprobe is not installed")
    path = tmp_path / "live.mp4"
    path.write_bytes(stream(encode(codec, frames=60), "PCMA"))
    done = subprocess.run(
        [ffprobe, "-v", "warning", "-show_streams", "-count_frames", "-of", "json", str(path)],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == b""
    streams = json.loads(done.stdout)["streams"]
    assert [s["codec_tag_string"] for s in streams] == ["avc1" if codec == "H264" else "hvc1", "mp4a"]
    assert streams[0]["nb_read_frames"] == "60"
    assert (streams[0]["width"], streams[0]["height"]) == (128, 96)
    assert streams[1]["sample_rate"] == "16000"
