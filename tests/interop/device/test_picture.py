"""The test picture and its encoders: other people's decoders judge."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from interop.device.picture import MovingPicture, PictureSettings, ToneEncoder, VideoEncoder, a_law

SMALL = {"width": 320, "height": 180, "fps": 15, "gop": 10}


def test_the_picture_moves_and_its_clock_changes() -> None:
    picture = MovingPicture(PictureSettings(), "gate")
    first, same, later = picture.frame(0, 1000.0), picture.frame(0, 1000.0), picture.frame(0, 1000.1)
    assert first.shape == (360, 640, 3)
    assert np.array_equal(first, same)
    assert not np.array_equal(first, later)
    clock = (first != later).any(axis=2).any(axis=1).nonzero()[0]
    assert 360 // 14 <= clock.min() <= clock.max() < 360 // 5
    assert not np.array_equal(picture.frame(1, 1000.0), first)


@pytest.mark.parametrize(("codec", "decoder"), [("H264", "h264"), ("H265", "hevc")])
def test_every_frame_comes_out_at_once_and_decodes(codec: Any, decoder: str) -> None:
    settings = PictureSettings(codec=codec, **SMALL)
    picture, encoder = MovingPicture(settings, "gate"), VideoEncoder(settings)
    units = []
    for number in range(25):
        came = encoder.encode(picture.frame(number, 1000.0 + number / 15), number, key=number in (0, 7))
        assert len(came) == 1
        units += came
    assert [unit.pts for unit in units] == [number * 6000 for number in range(25)]
    assert {number for number, unit in enumerate(units) if unit.key} >= {0, 7}
    for first in (0, 7):  # whoever joins at an asked-for key frame sees a picture
        reader = av.CodecContext.create(decoder, "r")
        pictures = [frame for unit in units[first:] for frame in reader.decode(av.Packet(unit.data))]
        pictures += reader.decode(None)
        assert len(pictures) == 25 - first
        seen = pictures[0].to_ndarray(format="rgb24").astype(int)
        assert np.abs(seen - picture.frame(first, 1000.0 + first / 15)).mean() < 12


def test_the_tone_goes_on_where_it_stopped() -> None:
    tone, whole = ToneEncoder(), ToneEncoder()
    (first,), (second,) = tone.encode(533, 0), tone.encode(533, 6000)
    assert (first.codec, first.track, second.pts) == ("PCMA", "audio", 6000)
    assert first.data + second.data == whole.encode(1066, 0)[0].data


# ITU-T G.711 table 1a and 1b: the first and last 16-bit value of an interval, and its code as transmitted.
G711 = [
    (32767, 0xAA), (16384, 0xA5), (16383, 0xBA), (4096, 0x85), (1024, 0xE5), (1023, 0xFA), (512, 0xF5), (511, 0xCA),
    (16, 0xD4), (15, 0xD5), (0, 0xD5), (-1, 0x55), (-16, 0x55), (-17, 0x54), (-512, 0x4A), (-513, 0x75),
    (-16384, 0x3A), (-16385, 0x25), (-32768, 0x2A),
]  # fmt: skip


def test_a_law_has_the_decision_values_of_g711() -> None:
    assert [hex(a_law(np.array([value], dtype="<i2"))[0]) for value, _ in G711] == [hex(code) for _, code in G711]


def test_a_law_agrees_with_an_independent_codec_over_all_samples() -> None:
    """The other encoder rounds to the nearest output; where it differs the sample lies at the edge of an interval."""
    samples = np.arange(-32768, 32768).astype("<i2")
    ours = np.frombuffer(a_law(samples), dtype=np.uint8)
    theirs = _independent(samples)
    ours_value, theirs_value = _decoded(ours), _decoded(theirs)
    # Between the two last steps of neighbouring segments the midpoint lies up to half a step off the decision value.
    edge = ours != theirs
    assert edge.mean() < 0.016
    steps = np.abs(ours_value[edge] - theirs_value[edge])
    assert np.all(np.abs(samples[edge] - (ours_value[edge] + theirs_value[edge]) / 2) <= np.maximum(4, steps / 4))
    assert np.all(np.diff(ours_value) >= 0)
    # Every one of the 256 codes survives their decoder and our encoder.
    codes = np.arange(256, dtype=np.uint8)
    assert a_law(_decoded(codes).astype("<i2")) == bytes(codes)


def _independent(samples: Any) -> Any:
    context: Any = av.CodecContext.create("pcm_alaw", "w")
    context.sample_rate, context.layout, context.format = 8000, "mono", "s16"
    context.time_base = Fraction(1, 8000)
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate, frame.pts = 8000, 0
    return np.frombuffer(b"".join(bytes(packet) for packet in context.encode(frame)), dtype=np.uint8)


def _decoded(codes: Any) -> Any:
    context: Any = av.CodecContext.create("pcm_alaw", "r")
    context.sample_rate, context.layout = 8000, "mono"
    frames = context.decode(av.Packet(bytes(codes)))
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]).astype(int)
