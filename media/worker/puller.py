"""One pull: a thread that calls an RTSP camera, takes its stream apart and sends it on, again and again until stopped.

FFmpeg speaks RTSP here and finds the units; nothing is decoded. The thread blocks in it or in the socket to the relay,
each for a bounded time; nothing is queued beyond one unit and the sound that waits for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import av.error
import structlog

from media.rtsp.address import RtspAddress
from media.unit import AccessUnit
from media.worker.control import LegState, OpenPull, PullFailed, PullReason, PullStats, PullUp
from media.worker.pull_backoff import BackOff
from media.worker.pull_failure import PullEnded, ended_by
from media.worker.pull_outlet import PullOutlet
from media.worker.pull_sender import PullSender
from media.worker.pull_units import TrackOffer, Tracks, UnitClock, UnitMaker, choose

log = structlog.get_logger("media.worker.source")

FFMPEG_OPTIONS = {
    "allowed_media_types": "video+audio",
    "analyzeduration": "1000",
    "fpsprobesize": "0",
    "protocol_whitelist": "rtsp,rtp,tcp,udp",
    "user_agent": "gb28181-gateway",
}
"""The description says what the tracks are: there is nothing to analyse, and nothing to wait for."""

Tell = Callable[[PullUp | PullFailed], None]


class Puller:
    """One pull. ``tell`` is called from its thread. Times of ``clock`` are unix seconds."""

    def __init__(self, command: OpenPull, tell: Tell, *, clock: Callable[[], float] = time.time) -> None:
        self.command = command
        self._address = RtspAddress.parse(command.url)
        self._tell = tell
        self._clock = clock
        self._stop = threading.Event()
        self._sender = PullSender(command.ssrc)
        self._unit_clock = UnitClock()
        self._backoff = BackOff()
        self._tracks: Tracks | None = None
        self._state = "opening"
        self._attempts = 0
        self._units = 0
        self._skipped = 0
        self._up_since: float | None = None
        self._last_unit_at: float | None = None
        self._reason: PullReason | None = None
        self._thread = threading.Thread(target=self._run, name=f"pull {command.leg}", daemon=True)

    def start(self) -> None:
        """Begin to call the camera."""
        self._thread.start()

    def stop(self) -> None:
        """Have the thread end at the next packet, at the latest when it has waited for one in vain."""
        self._stop.set()

    @property
    def ended(self) -> bool:
        """Whether the thread is gone."""
        return not self._thread.is_alive()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread."""
        self._thread.join(timeout_s)

    def state(self) -> LegState:
        """What a new control process must know."""
        return LegState(
            leg=self.command.leg,
            kind="pull",
            transport=self.command.transport,
            ssrc=self.command.ssrc,
            started=self._state == "up",
            remote=self.command.destination,
        )

    def stats(self) -> PullStats:
        """The counters of now."""
        return PullStats(
            leg=self.command.leg,
            state=self._state,
            attempts=self._attempts,
            units=self._units,
            skipped=self._skipped,
            packets=self._sender.packets,
            bytes=self._sender.bytes,
            video_codec=self._tracks.video_codec if self._tracks is not None else None,
            audio_codec=self._tracks.audio_codec if self._tracks is not None else None,
            up_since=self._up_since,
            last_unit_at=self._last_unit_at,
            reason=self._reason,
        )

    # --- the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        was_up = False
        while not self._stop.is_set():
            self._state, self._attempts = "opening", self._attempts + 1
            ended = self._attempt()
            ran_s = self._clock() - self._up_since if self._up_since is not None else 0.0
            was_up = was_up or self._up_since is not None
            self._up_since = None
            if self._stop.is_set():
                break
            self._reason = ended.reason
            wait_s = self._backoff.wait(ran_s) if was_up else None
            self._state = "waiting" if wait_s is not None else "over"
            log.warning("pull ended", pull=self.command.leg, camera=self._address.netloc, reason=ended.reason,
                        detail=ended.detail, retry_in_s=wait_s)  # fmt: skip
            self._tell(PullFailed(leg=self.command.leg, reason=ended.reason, detail=ended.detail, retry_in_s=wait_s))
            if wait_s is None:
                return
            self._stop.wait(wait_s)
        self._state = "over"

    def _attempt(self) -> PullEnded:
        """Call the camera once, until its stream ends; why it did."""
        try:
            with self._open() as container:
                self._pull(container)
        except PullEnded as ended:
            return ended
        except (av.error.FFmpegError, OSError) as error:
            return ended_by(error, running=self._up_since is not None)
        except Exception as error:
            # Task boundary: whatever a camera makes FFmpeg or us stumble over costs this one attempt. No traceback:
            # the frames of FFmpeg's errors hold the URL.
            log.error("pull failed", pull=self.command.leg, error=type(error).__name__)
            return PullEnded("bad_stream", type(error).__name__)
        return PullEnded("ended")

    def _open(self) -> Any:
        command = self.command
        url = self._address.with_login(command.username, command.password)
        options = {**FFMPEG_OPTIONS, "rtsp_transport": command.transport}
        try:
            return av.open(url, options=options, timeout=(command.open_s, command.stall_s))
        except (av.error.FFmpegError, OSError, ValueError) as error:
            # Not chained: the cause names the URL with its password.
            raise ended_by(error, running=False) from None

    def _pull(self, container: Any) -> None:
        tracks = choose([offer_of(stream) for stream in container.streams])
        self._tracks = tracks
        maker = UnitMaker(tracks, self._unit_clock)
        self._sender.begin(tracks)
        try:
            self._connect()
            self._up_since, self._state, self._reason = self._clock(), "up", None
            self._tell(
                PullUp(
                    leg=self.command.leg,
                    video_codec=tracks.video_codec,
                    audio_codec=tracks.audio_codec,
                    attempt=self._attempts,
                )
            )
            self._take_all(container, maker)
        finally:
            self._disconnect()

    def _take_all(self, container: Any, maker: UnitMaker) -> None:
        skipped, picture_at = self._skipped, self._clock()
        for packet in container.demux():
            if self._stop.is_set():
                return
            unit = unit_of(maker, packet)
            self._skipped = skipped + maker.skipped
            if unit is not None:
                self._send(unit)
                picture_at = self._clock() if unit.track == "video" else picture_at
            if self._clock() - picture_at > self.command.stall_s:
                raise PullEnded("stalled", "it sends, but no picture")

    def _connect(self) -> None:
        try:
            self._sender.outlet = PullOutlet(self.command.destination, self.command.via)
        except OSError as error:
            raise PullEnded("relay_lost", str(error.strerror or "")) from error

    def _disconnect(self) -> None:
        outlet, self._sender.outlet = self._sender.outlet, None
        if outlet is not None:
            outlet.close()

    def _send(self, unit: AccessUnit) -> None:
        try:
            self._sender.send(unit)
        except OSError as error:
            raise PullEnded("relay_lost", str(error.strerror or "it takes nothing")) from error
        self._units += 1
        self._last_unit_at = self._clock()


def offer_of(stream: Any) -> TrackOffer:
    """What FFmpeg says of one track."""
    context = stream.codec_context
    return TrackOffer(
        index=stream.index,
        kind=stream.type,
        codec=context.codec.name if context is not None else "unknown",
        time_base=stream.time_base or Fraction(1, 90_000),
        extradata=bytes(context.extradata or b"") if context is not None else b"",
    )


def unit_of(maker: UnitMaker, packet: Any) -> AccessUnit | None:
    """The unit in one packet; None for what belongs to no chosen track or is of no use."""
    tracks = maker.tracks
    if packet.size == 0:
        return None
    if packet.stream_index == tracks.video.index:
        return maker.video(packet.pts, packet.dts, bytes(packet))
    if tracks.audio is not None and packet.stream_index == tracks.audio.index:
        return maker.audio(packet.pts, bytes(packet))
    return None
