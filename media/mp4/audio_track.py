"""The audio track of a fragmented MP4 stream: AAC as it is, G.711 transcoded."""

from __future__ import annotations

from media.errors import LocalError
from media.es.aac import SAMPLES_PER_FRAME, AdtsHeader, adts_frames, parse_adts
from media.es.codecs import AAC, PCMA, PCMU
from media.es.g711 import silence
from media.mp4.boxes import Run, Sample
from media.transcode import AAC_RATE_HZ, G711ToAac
from media.unit import CLOCK_HZ

AUDIO_TRACK = 2
_LAG = CLOCK_HZ
_TOLERANCE = CLOCK_HZ // 10
_FAR = 10 * CLOCK_HZ


class AacTrack:
    """AAC frames waiting for the next fragment. Times of the writer in 90 kHz, of the track in samples."""

    def __init__(self, codec: str, rate: int, channels: int, object_type: int) -> None:
        self.codec = codec
        self.rate = rate
        self.channels = channels
        self.object_type = object_type
        self._frames: list[bytes] = []
        self._start: int | None = None
        self._next = 0

    def write(self, data: bytes, time: int, video: int) -> None:
        """ADTS frames that begin at ``time``."""
        if time < 0 or abs(time - video) > _FAR:
            return
        for adts in adts_frames(data):
            header = parse_adts(adts)
            if header is not None and header.rate == self.rate:
                self._anchor(time * self.rate // CLOCK_HZ)
                self._frames.append(adts[header.header_size :])

    def _anchor(self, samples: int) -> None:
        """Take the sender's time when it is away from the sum of the frames; never step back."""
        if self._start is None:
            near = self._next and abs(samples - self._next) <= self.rate // 10
            self._start = self._next if near else max(samples, self._next)

    def keep_pace(self, video: int) -> None:
        """Nothing to fill in with: a hole stays a hole."""

    def take(self) -> Run | None:
        """The waiting frames."""
        if not self._frames or self._start is None:
            return None
        run = Run(AUDIO_TRACK, self._start, [Sample(frame, SAMPLES_PER_FRAME) for frame in self._frames])
        self._next = self._start + SAMPLES_PER_FRAME * len(self._frames)
        self._frames = []
        self._start = None
        return run


class G711Track(AacTrack):
    """G.711 transcoded; time is counted in samples from the first unit on, holes are filled with silence."""

    def __init__(self, codec: str) -> None:
        super().__init__(codec, AAC_RATE_HZ, 1, 2)
        self._encoder = G711ToAac(codec)
        self._fed: int | None = None

    def write(self, data: bytes, time: int, video: int) -> None:
        """Raw G.711 that begins at ``time``."""
        if time < 0 or abs(time - video) > _FAR:
            return
        if self._fed is None:
            self._fed = time
            self._next = time * self.rate // CLOCK_HZ
        missing = time - self._fed
        if missing < -_TOLERANCE:
            return
        if missing > _TOLERANCE:
            self._feed(silence(self.codec, missing * 4 // 45))
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        self._fed = (self._fed or 0) + len(data) * 45 // 4
        self._frames += self._encoder.encode(data)
        self._start = self._next

    def keep_pace(self, video: int) -> None:
        """Silence when the audio has fallen more than a second behind the video."""
        if self._fed is not None and video - self._fed > _LAG:
            self._feed(silence(self.codec, (video - self._fed) * 4 // 45))


def audio_track(audio: str | None, adts: AdtsHeader | None) -> AacTrack | None:
    """The track for a codec name. Raises LocalError for a codec that cannot be written."""
    if audio is None:
        return None
    if audio in (PCMA, PCMU):
        return G711Track(audio)
    if audio == AAC and adts is not None:
        return AacTrack(AAC, adts.rate, adts.channels, adts.object_type)
    raise LocalError(f"audio {audio} cannot be written" + (" without its ADTS header" if audio == AAC else ""))
