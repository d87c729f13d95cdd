"""A session while it plays: frames of the live source become packets on the client's transports."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from interop.device.picture import CLOCK_HZ
from interop.device.source import Frame, LiveSource
from interop.rtsp.dialogue import Leg
from interop.rtsp.settings import Fault
from interop.rtsp.transport import Transport
from media import AccessUnit

NOISE_BYTES = 1000


class Carrier(Protocol):
    """Where packets go."""

    def send(self, transport: Transport, packet: bytes, *, control: bool) -> bool:
        """Pass on one RTP packet, or one of RTCP; False when the client is too slow and was cut off."""

    def cut(self) -> None:
        """Break the connection."""


class Playback:
    """From PLAY to PAUSE, TEARDOWN or the end; `clock` is the loop's, in seconds."""

    def __init__(
        self,
        legs: Iterable[Leg],
        source: LiveSource,
        carrier: Carrier,
        clock: Callable[[], float],
        fault: Callable[[], Fault],
        fault_after_s: float,
    ) -> None:
        self._legs = {leg.track.medium.kind: leg for leg in legs}
        self._carrier = carrier
        self._clock = clock
        self._fault = fault
        self._fault_after = int(fault_after_s * CLOCK_HZ)
        self._origin: int | None = None
        self._leave: Callable[[], None] | None = source.subscribe(self._take)

    def stop(self) -> None:
        """No frame any more. Call it once or more often."""
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()

    def _take(self, frame: Frame) -> None:
        unit, sound = frame
        fault = self._fault()
        if self._leave is None or fault is Fault.SILENT:
            return
        if self._origin is None:
            self._origin = unit.pts
        if fault in (Fault.STOPS, Fault.CLOSES) and unit.pts - self._origin >= self._fault_after:
            self.stop()
            if fault is Fault.CLOSES:
                self._carrier.cut()
            return
        noise = random.randbytes(NOISE_BYTES) if fault is Fault.NOISE else b""
        for kind, units in (("video", [unit]), ("audio", sound)):
            leg = self._legs.get(kind)
            if leg is not None and not self._send(leg, units, noise):
                return

    def _send(self, leg: Leg, units: Iterable[AccessUnit], noise: bytes) -> bool:
        track, now = leg.track, self._clock()
        assert self._origin is not None
        track.begin(self._origin, now)
        report = track.report(now, time.time())
        if report is not None and not self._carrier.send(leg.transport, report, control=True):
            return False
        packets = (packet for unit in units if unit.pts >= self._origin for packet in track.packets(unit, noise=noise))
        return all(self._carrier.send(leg.transport, packet, control=False) for packet in packets)
