"""One WebRTC viewer: from the ICE checks to the goodbye. Sends what his queue holds, at a bounded rate."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from media.worker.live_units import LiveUnits, RtpUnit, UnitQueue
from media.worker.rtp_track import AudioTimes, RtpTrack, VideoTimes
from media.worker.whep_sdp import Remote

CONNECT_S = 15.0
"""How long the viewer's first check and the DTLS handshake are waited for."""
PACE_BYTES_S = 4_000_000
"""Most bytes a second towards one viewer: a key frame or what is kept does not leave in one burst."""
BURST_S = 0.008
REPORT_S = 1.0
AGAIN_S = 1.0
"""How soon a viewer may ask for what is kept since the last key frame, and be sent it."""
MOST_AGAIN_S = 8.0
"""What that grows to while he goes on asking: a way that loses the stream is not helped by more of it."""
MOST_AGAIN = 400
"""Packets sent again within REPORT_S."""
_CLOSE_S = 2.0


class Transport(Protocol):
    """What a peer needs of `media.worker.webrtc.WebRtcTransport`."""

    ended: asyncio.Event
    vanished: bool

    async def connect(self, remote: Remote, feedback: Sequence[SentTrack]) -> None: ...

    async def send(self, packet: bytes) -> None: ...

    async def close(self) -> None: ...


class SentTrack:
    """A track as the viewer's feedback sees it."""

    def __init__(self, track: RtpTrack, peer: WhepPeer) -> None:
        self.track = track
        self.ssrc = track.ssrc
        self._peer = peer

    async def lost(self, sequences: Sequence[int]) -> None:
        """See `media.worker.webrtc.Feedback`."""
        await self._peer.send_again(self.track, sequences)

    async def picture_lost(self) -> None:
        """See `media.worker.webrtc.Feedback`."""
        self._peer.show_again()


class WhepPeer:
    """``video`` and ``audio`` (None without sound): the tracks with their negotiated payload types.

    ``count`` is told the bytes of each packet; ``clock`` is monotonic.
    """

    def __init__(
        self,
        transport: Transport,
        queue: UnitQueue,
        video: RtpTrack,
        audio: RtpTrack | None,
        cname: str,
        *,
        count: Callable[[int], None],
        connect_s: float = CONNECT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.queue = queue
        self._transport = transport
        self._video, self._audio = video, audio
        self._cname = cname
        self._count = count
        self._connect_s = connect_s
        self._clock = clock
        self._video_times, self._audio_times = VideoTimes(), AudioTimes()
        self._units: LiveUnits | None = None
        self._free_at = 0.0
        self._report_at = 0.0
        self._begun_at = 0.0
        self._again_s = AGAIN_S
        self._sent_again = 0

    async def run(self, units: LiveUnits, remote: Remote) -> None:
        """The whole life of the viewer; ends with ``queue.ended`` saying why. Closes the transport."""
        watching = asyncio.create_task(self._until_gone())
        try:
            if await self._connected(remote):
                self._units, self._begun_at = units, self._clock()
                units.join(self.queue)
                await self._pump()
        finally:
            units.leave(self.queue)
            watching.cancel()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await self._transport.close()

    async def _connected(self, remote: Remote) -> bool:
        """Wait for the connection, or for what makes it pointless."""
        connecting = asyncio.create_task(
            self._transport.connect(remote, [SentTrack(one, self) for one in self._tracks()])
        )
        over = asyncio.create_task(self.queue.over())
        try:
            await asyncio.wait((connecting, over), timeout=self._connect_s, return_when=asyncio.FIRST_COMPLETED)
            if not connecting.done():
                self.queue.end("never connected: no ICE or DTLS of the viewer came through")
            elif (error := connecting.exception()) is not None:
                if not isinstance(error, ConnectionError):
                    raise error
                self.queue.end(f"never connected: {error}")
            return self.queue.ended is None
        finally:
            over.cancel()
            connecting.cancel()
            await asyncio.wait((connecting, over))

    async def _until_gone(self) -> None:
        await self._transport.ended.wait()
        self.queue.end("the viewer vanished" if self._transport.vanished else "viewer left")

    async def _pump(self) -> None:
        try:
            while (unit := await self.queue.next()) is not None:
                for packet in self._packets(unit):
                    if self.queue.ended is not None:
                        return
                    await self._send(packet)
                await self._report()
        except ConnectionError:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await self.queue.over()  # said by `_until_gone`, who knows why
            self.queue.end("viewer left")

    def _tracks(self) -> list[RtpTrack]:
        return [self._video] if self._audio is None else [self._video, self._audio]

    def _packets(self, unit: RtpUnit) -> Iterable[bytes]:
        if unit.track == "video":
            return self._video.packets(unit.payloads, self._video_times.at(unit.pts))
        audio = self._audio
        if audio is None:
            return ()
        cut = self._audio_times.cut(unit.data, unit.pts)
        return (packet for at, data in cut for packet in audio.packets([data], at, marker=False))

    async def _send(self, packet: bytes) -> None:
        """Send, then wait when the viewer has had his share for the moment."""
        await self._transport.send(packet)
        self._sent(packet)
        now = self._clock()
        self._free_at = max(self._free_at, now) + len(packet) / PACE_BYTES_S
        if self._free_at - now > BURST_S:
            await asyncio.sleep(self._free_at - now)

    def _sent(self, packet: bytes) -> None:
        self.queue.sent += len(packet)
        self._count(len(packet))

    async def _report(self) -> None:
        now = self._clock()
        if now < self._report_at:
            return
        self._report_at, self._sent_again = now + REPORT_S, 0
        for track in self._tracks():
            if track.packets_sent:
                await self._transport.send(track.report(time.time(), self._cname))

    # --- what the viewer tells --------------------------------------------------------------------------------------

    async def send_again(self, track: RtpTrack, sequences: Sequence[int]) -> None:
        """Packets the viewer lost, as far as they are kept and there are not too many."""
        for sequence in sequences:
            packet = track.again(sequence)
            if packet is None or self._sent_again >= MOST_AGAIN:
                continue
            self._sent_again += 1
            with contextlib.suppress(ConnectionError):
                await self._transport.send(packet)
                self._sent(packet)

    def show_again(self) -> None:
        """The viewer has no picture any more: start again at the last key frame."""
        now = self._clock()
        since = now - self._begun_at
        if self._units is not None and since >= self._again_s and self._units.restart(self.queue):
            self._again_s = min(2 * self._again_s, MOST_AGAIN_S) if since < 2 * self._again_s else AGAIN_S
            self._begun_at = now
