"""Access units of one camera on their way to the relay: program stream, RTP, numbers and times that run on."""

from __future__ import annotations

from collections import deque

from media.ps.muxer import PsMuxer
from media.ps.packetize import RtpPacketizer
from media.unit import AccessUnit
from media.worker.pull_outlet import PullOutlet
from media.worker.pull_units import Tracks

MOST_HELD = 32
"""Sound units that wait for the next picture; with more, the sound is sent alone."""


class PullSender:
    """What lives as long as the pull: the RTP sequence, and the outlet while there is one."""

    def __init__(self, ssrc: int) -> None:
        self.packets = 0
        self.bytes = 0
        self.outlet: PullOutlet | None = None
        self._packetizer = RtpPacketizer(ssrc)
        self._muxer: PsMuxer | None = None
        self._version = 1
        self._codecs: tuple[str, str | None] | None = None
        self._held: deque[AccessUnit] = deque()

    def begin(self, tracks: Tracks) -> None:
        """The stream (again) begins, with these tracks. A camera that changed its codecs gets a new stream map."""
        codecs = (tracks.video_codec, tracks.audio_codec)
        if self._codecs not in (None, codecs):
            self._version = self._version % 31 + 1
        self._codecs = codecs
        self._muxer = PsMuxer(*codecs, map_version=self._version)
        self._muxer.learn(tracks.parameter_sets)
        self._held.clear()

    def send(self, unit: AccessUnit) -> None:
        """Send a unit; sound waits for the picture that follows it. Raises OSError when the relay is gone."""
        if unit.track == "audio":
            self._held.append(unit)
            if len(self._held) < MOST_HELD:
                return
            unit = self._held.popleft()
        assert self._muxer is not None and self.outlet is not None
        pack = self._muxer.mux(unit, self._held)
        self._held.clear()
        # The time of decoding never runs backwards, as a sender's clock should not; without B pictures it is the PTS.
        packets = self._packetizer.packets(pack, unit.dts)
        self.outlet.send(packets)
        self.packets += len(packets)
        self.bytes += sum(map(len, packets))
