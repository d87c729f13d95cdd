"""G.711 to AAC, judged by decoding the AAC again with an independent decoder."""

from __future__ import annotations

import io
import math

import av
import numpy as np
import pytest

from media.errors import LocalError
from media.es.aac import build_adts
from media.transcode import AAC_FRAME, AAC_RATE_HZ, G711ToAac


def tone(samples: int, hertz: float = 500.0) -> bytes:
    """A-law of a sine, by the segment rule of G.711."""
    out = bytearray()
    for n in range(samples):
        value = int(8000 * math.sin(2 * math.pi * hertz * n / 8000)) >> 3
        sign = 0x80 if value >= 0 else 0
        magnitude = min(abs(value), 4095)
        exponent = max(0, magnitude.bit_length() - 5)
        mantissa = (magnitude >> max(1, exponent)) & 15
        out.append((sign | exponent << 4 | mantissa) ^ 0x55)
    return bytes(out)


def decoded(frames: list[bytes]) -> np.ndarray:
    stream = b"".join(build_adts(frame, rate=AAC_RATE_HZ) for frame in frames)
    with av.open(io.BytesIO(stream), format="aac") as container:
        return np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])


def test_a_tone_keeps_its_pitch_and_length() -> None:
    encoder = G711ToAac("PCMA")
    data = tone(8000)
    frames = [frame for i in range(0, len(data), 160) for frame in encoder.encode(data[i : i + 160])]
    sound = decoded(frames)
    assert len(sound) == len(frames) * AAC_FRAME
    assert 14 * AAC_FRAME >= len(sound) >= 12 * AAC_FRAME
    steady = sound[3 * AAC_FRAME : 11 * AAC_FRAME]
    peak = np.argmax(np.abs(np.fft.rfft(steady))) * AAC_RATE_HZ / len(steady)
    assert abs(peak - 500) < 5
    assert np.abs(steady).max() > 0.1


def test_mu_law_silence_is_silent() -> None:
    assert np.abs(decoded(G711ToAac("PCMU").encode(b"\xff" * 8000))).max() < 0.01


def test_other_codecs_are_our_fault() -> None:
    with pytest.raises(LocalError):
        G711ToAac("G729")
