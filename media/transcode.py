"""G.711 to AAC, which is what MP4 players take."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

import av
from av.audio.codeccontext import AudioCodecContext

from media.errors import LocalError
from media.es.codecs import PCMA, PCMU
from media.es.g711 import RATE_HZ

AAC_RATE_HZ = 16_000
AAC_FRAME = 1024
_DECODERS = {PCMA: "pcm_alaw", PCMU: "pcm_mulaw"}
_BIT_RATE = 32_000


class G711ToAac:
    """Mono G.711 at 8 kHz to raw AAC-LC frames of 1024 samples at 16 kHz (64 ms each)."""

    def __init__(self, codec: str) -> None:
        if codec not in _DECODERS:
            raise LocalError(f"{codec} is no G.711")
        self._decoder = cast(AudioCodecContext, av.CodecContext.create(_DECODERS[codec], "r"))
        self._decoder.sample_rate = RATE_HZ
        self._decoder.layout = "mono"
        self._encoder = av.CodecContext.create("aac", "w")
        self._encoder.sample_rate = AAC_RATE_HZ
        self._encoder.layout = "mono"
        self._encoder.format = "fltp"
        self._encoder.bit_rate = _BIT_RATE
        self._encoder.open()
        self._resampler = av.AudioResampler(format="fltp", layout="mono", rate=AAC_RATE_HZ, frame_size=AAC_FRAME)
        self._samples = 0
        self._primed = False

    def encode(self, data: bytes) -> list[bytes]:
        """AAC frames completed by ``data``; the encoder's silent first frame is left out."""
        frames: list[bytes] = []
        for decoded in self._decoder.decode(av.Packet(data)):
            decoded.pts = self._samples
            decoded.time_base = Fraction(1, RATE_HZ)
            self._samples += decoded.samples
            for resampled in self._resampler.resample(decoded):
                frames += [bytes(packet) for packet in self._encoder.encode(resampled)]
        if frames and not self._primed:
            self._primed = True
            del frames[0]
        return frames
