"""The tone as AAC, judged by a decoder."""

from __future__ import annotations

import av
import numpy as np

from interop.rtsp.medium import AAC_CONFIG
from interop.rtsp.tone import AacTone


def test_a_decoder_that_knows_only_the_announced_configuration_hears_440_hz() -> None:
    tone = AacTone()
    units = [unit for number in range(45) for unit in tone.encode(533, number * 6000)]
    reader = av.CodecContext.create("aac", "r")
    assert isinstance(reader, av.AudioCodecContext)
    reader.extradata = bytes.fromhex(AAC_CONFIG)
    heard = np.concatenate([f.to_ndarray()[0] for unit in units for f in reader.decode(av.Packet(unit.data))])
    assert reader.sample_rate == 16_000
    spectrum = np.abs(np.fft.rfft(heard[4096 : 4096 + 16_000]))
    assert int(np.argmax(spectrum)) == 440


def test_times_follow_from_the_number_of_samples() -> None:
    tone = AacTone()
    units = [unit for number in range(30) for unit in tone.encode(533, number * 6000)]
    assert [unit.pts for unit in units] == [n * 5760 for n in range(len(units))]
    assert {(unit.codec, unit.track) for unit in units} == {("AAC", "audio")}
    assert len(units) >= 30
