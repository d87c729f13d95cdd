"""Waiting for the first picture of a call below, and explaining its absence from what was seen of the media."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from gateway.errors import Failure, Reason
from gateway.relay.hub import StreamKey
from gateway.signalling.call_environment import CallEnvironment
from media.worker.control import AnyEvent, FirstKeyFrame, FirstPacket, ForeignSource, NotPs, OtherSsrc

STATIC_PAYLOADS = 35
"""RTP payload types below it are fixed (RFC 3551); those GB/T 28181 uses are audio, which has no key frames."""


class FirstMedia:
    """What the worker told about the media so far. `on_missing(failure)` is called once when a step is overdue.

    `started_at` (monotonic seconds) is when the INVITE left.
    """

    def __init__(
        self, key: StreamKey, call_id: str, environment: CallEnvironment, on_missing: Callable[[Failure], None]
    ) -> None:
        self._key = key
        self._call_id = call_id
        self._environment = environment
        self._on_missing = on_missing
        self._packet = asyncio.Event()
        self._key_frame = asyncio.Event()
        self._keyless = False
        self._foreign: str | None = None
        self._other_ssrc: int | None = None
        self._not_ps: str | None = None
        self._watch: asyncio.Task[None] | None = None
        self.started_at = time.monotonic()

    def watch(self) -> None:
        """The far side has answered: from now on media is due."""
        self._watch = asyncio.create_task(self._await_media(), name=f"first media {self._key}")

    def stop(self) -> None:
        """The call is over."""
        if self._watch is not None:
            self._watch.cancel()

    def take(self, event: AnyEvent) -> None:
        """News of the leg from the worker."""
        environment = self._environment

        def step(what: str, **details: object) -> None:
            environment.ladder.step(self._call_id, what, **details)

        match event:
            case FirstPacket():
                self._keyless = event.payload_type < STATIC_PAYLOADS
                self._packet.set()
                environment.metrics.first_packet_seconds.observe(time.monotonic() - self.started_at)
                step("first packet", remote=f"{event.remote[0]}:{event.remote[1]}", ssrc=event.ssrc)
            case FirstKeyFrame():
                self._key_frame.set()
                environment.metrics.first_frame_seconds.observe(time.monotonic() - self.started_at)
                step("first key frame")
            case ForeignSource():
                self._foreign = f"{event.remote[0]}:{event.remote[1]}"
                step("packets from another address", remote=self._foreign, count=event.count)
            case OtherSsrc():
                self._other_ssrc = event.got
                step("other SSRC", expected=event.expected, got=event.got)
            case NotPs():
                self._not_ps = event.seen
                step("payload is no program stream", seen=event.seen)
            case _:
                pass

    async def _await_media(self) -> None:
        environment = self._environment
        try:
            async with asyncio.timeout(environment.first_packet_s):
                await self._packet.wait()
        except TimeoutError:
            self._on_missing(self._no_packet())
            return
        if self._keyless:
            return
        try:
            async with asyncio.timeout(environment.key_frame_s):
                await self._key_frame.wait()
        except TimeoutError:
            self._on_missing(self._no_key_frame())

    def _no_packet(self) -> Failure:
        if self._foreign is not None:
            return self._failure(Reason.FOREIGN_SOURCE, f"from {self._foreign}")
        if self._other_ssrc is not None:
            return self._failure(Reason.OTHER_SSRC, f"got {self._other_ssrc}")
        return self._failure(Reason.NO_PACKET, f"within {self._environment.first_packet_s:g} s of the answer")

    def _no_key_frame(self) -> Failure:
        waited = f"within {self._environment.key_frame_s:g} s of the first packet"
        if self._not_ps is not None:
            return self._failure(Reason.NO_PS_START, f"the payload looks like {self._not_ps}; no key frame {waited}")
        return self._failure(Reason.NO_KEY_FRAME, waited)

    def _failure(self, reason: Reason, detail: str) -> Failure:
        return Failure(reason, detail, peer_id=self._key.peer_id, channel=self._key.code)
