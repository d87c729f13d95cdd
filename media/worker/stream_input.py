"""One stream on its way to people: a listener for the relay's sink, demultiplexing once, fan-out to all viewers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

import structlog

from media.errors import LocalError, RemoteError
from media.snapshot import Picture, picture_of
from media.unit import AccessUnit
from media.worker.broadcast import Broadcast, Fragment
from media.worker.control import (
    Event,
    InputReady,
    InputStalled,
    InputStats,
    LegState,
    Opened,
    SnapshotTaken,
    StalledStep,
)
from media.worker.demux import StreamDemux
from media.worker.input_door import InputDoor
from media.worker.live_units import LiveUnits
from media.worker.packager import Packager, Started
from media.worker.reactor import Reactor
from media.worker.server import Refused
from media.worker.viewing import WORDS, Changes

STALL_STEPS_S = (5.0, 10.0, 15.0)
MOST_PENDING = 500
"""Access units that may wait for packaging; more means the machine is too slow, and a key frame is skipped to."""

log = structlog.get_logger("media.worker.stream")


class StreamInput:
    """Raises OSError when the listener cannot be bound."""

    def __init__(
        self,
        name: str,
        bind: str,
        ssrc: int | None = None,
        *,
        reactor: Reactor,
        executor: Executor,
        changes: Changes,
        emit: Callable[[Event], None],
        clock: Callable[[], float],
        unix_offset: float,
        webrtc: bool = True,
    ) -> None:
        self.name = name
        self.bind = bind
        self.broadcast = Broadcast()
        self.units = LiveUnits()
        self._webrtc = webrtc
        self._executor = executor
        self._changes = changes
        self._emit = emit
        self._clock = clock
        self._unix_offset = unix_offset
        self._door = InputDoor(name, bind, ssrc, reactor=reactor, opened=self._connected, received=self._received)
        self.opened = Opened(port=self._door.port)
        self._demux = StreamDemux()
        self._packager = Packager()
        self._started: Started | None = None
        self._pending: list[AccessUnit] = []
        self._skipping = False
        self._packaging: asyncio.Task[None] | None = None
        self._last_key: AccessUnit | None = None
        self._quiet_since = clock()
        self._last_packet_at: float | None = None
        self._stalls_told = 0
        self._closed = False

    # --- the connection of the relay --------------------------------------------------------------------------------

    def expect(self, ssrc: int | None) -> None:
        """See `InputDoor.expect`."""
        self._door.expect(ssrc)

    def _connected(self) -> None:
        self._demux = StreamDemux()
        self.units.interrupt()

    def _received(self, packets: list[bytes]) -> None:
        now = self._last_packet_at = self._clock()
        for packet in packets:
            self._offer(self._demux.feed(packet, now))

    # --- packaging --------------------------------------------------------------------------------------------------

    def _offer(self, units: list[AccessUnit]) -> None:
        if self._webrtc:
            self.units.offer(units)
        for unit in units:
            if unit.track == "video" and unit.key:
                self._last_key = unit
                self._skipping = False
                self._changes.tell()
            if len(self._pending) >= MOST_PENDING:
                self._pending.clear()
                self._skipping = True
            if not self._skipping:
                self._pending.append(unit)
        if self._pending and self._packaging is None:
            self._packaging = asyncio.get_running_loop().create_task(self._package(), name=f"package {self.name}")

    async def _package(self) -> None:
        """Package what is pending, in order, in a thread; the boundary at which a failure of ours is logged."""
        loop = asyncio.get_running_loop()
        try:
            while self._pending and not self._closed:
                units, self._pending = self._pending, []
                for made in await loop.run_in_executor(self._executor, self._packager.package, units):
                    self._publish(made)
        except Exception as error:
            log.error("packaging failed", input=self.name, error=repr(error))
            self._packager = Packager()
        finally:
            self._packaging = None

    def _publish(self, made: Started | Fragment) -> None:
        if self._closed:
            return
        if isinstance(made, Fragment):
            was_ready = self.broadcast.ready
            self.broadcast.send(made)
            if self.broadcast.ready and not was_ready:
                self._changes.tell()
            return
        if made.anew:
            self.broadcast.end("the codec of the stream has changed")
            self.broadcast.viewers.clear()
        self._started = made
        self.broadcast.start(made.init)
        self._emit(
            InputReady(
                input=self.name,
                video_codec=made.video_codec,
                audio_codec=made.audio_codec,
                width=made.width,
                height=made.height,
            )
        )

    # --- what others see --------------------------------------------------------------------------------------------

    @property
    def missing(self) -> StalledStep:
        """The step without which there is no picture."""
        return self._demux.missing

    def description(self) -> dict[str, Any]:
        """See `media.worker.viewing.Playable`."""
        started = self._started
        assert started is not None, "asked before the input was ready"
        return {"codec": started.codecs, "mime": started.mime, "width": started.width, "height": started.height}

    async def snapshot(self, timeout_s: float) -> SnapshotTaken:
        """A picture of the last key frame, waiting for one if need be. Raises `Refused` (no_picture)."""
        try:
            async with asyncio.timeout(timeout_s):
                while self._last_key is None:
                    await self._changes.wait()
                    if self._closed:
                        raise Refused("no_such_input", f"input {self.name!r} was closed")
        except TimeoutError:
            raise Refused("no_picture", f"{self.missing}: {WORDS[self.missing]}") from None
        unit = self._last_key
        try:
            picture: Picture = await asyncio.get_running_loop().run_in_executor(self._executor, picture_of, unit)
        except (RemoteError, LocalError) as error:
            raise Refused("no_picture", f"undecodable: {error}") from error
        return SnapshotTaken(picture.jpeg, picture.width, picture.height, unit.codec, picture.pts)

    def check(self, now: float) -> None:
        """Timers: packets given up, stalls told."""
        self._offer(self._demux.expire(now))
        if self.broadcast.ready or self._last_packet_at is not None and self._started is not None:
            silent_s = now - (self._last_packet_at or now)
            step: StalledStep = "no_packet"
        else:
            silent_s = now - self._quiet_since
            step = self.missing
        if silent_s < STALL_STEPS_S[0]:
            self._stalls_told = 0
        elif self._stalls_told < len(STALL_STEPS_S) and silent_s >= STALL_STEPS_S[self._stalls_told]:
            self._emit(InputStalled(input=self.name, step=step, waited_s=STALL_STEPS_S[self._stalls_told]))
            self._stalls_told += 1

    def state(self) -> LegState:
        """For a control process that adopts the worker."""
        return LegState(
            self.name,
            "input",
            transport="tcp_passive",
            bind=self.bind,
            port=self.opened.port,
            started=self._started is not None,
        )

    def stats(self) -> InputStats:
        """The counters."""
        demux, started, at = self._demux, self._started, self._last_packet_at
        return InputStats(
            input=self.name,
            connected=self._door.connected,
            packets=demux.packets,
            bytes=demux.bytes,
            lost=demux.lost,
            units=demux.units,
            damaged=demux.damaged,
            fragments=self.broadcast.fragments,
            video_codec=started.video_codec if started else None,
            audio_codec=started.audio_codec if started else None,
            width=started.width if started else 0,
            height=started.height if started else 0,
            last_packet_at=None if at is None else at + self._unix_offset,
            refused=self._door.refused,
        )

    def close(self, reason: str) -> None:
        """End the viewers and close the sockets."""
        self._closed = True
        self._door.close()
        self.broadcast.end(reason)
        self.units.end(reason)
        self._changes.tell()
