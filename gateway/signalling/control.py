"""Control commands on their way to a camera: PTZ and key frames (设备控制, GB/T 28181-2022 9.3)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import structlog

from gateway.compliance.access import Action
from gateway.compliance.grant import Grant
from gateway.errors import Failure, LocalError, Reason
from gateway.relay.hub import StreamKey
from gateway.signalling.exchange import Correspondent, Exchange, QuestionRefused
from sip import RemoteError
from sip.manscdp import IFrameControl, PtzControl

log = structlog.get_logger("control")

KEY_FRAME_INTERVAL_S = 2.0
MAX_REMEMBERED = 5000
MAX_WAITING = 32
"""Commands that may wait for their turn at one camera."""


class Commands(Protocol):
    """What carries commands out by other means than SIP."""

    async def ptz(self, grant: Grant, ptz_cmd: str) -> None: ...
    async def key_frame(self, key: StreamKey) -> None: ...


class Controls:
    """Sends control commands to peers below us, one after the other to each camera: a "stop" must never overtake the
    "left" before it. `no_commands(peer_id)` says why a camera takes none ("": it does); `elsewhere(peer_id)` who
    carries them out for a camera that does not speak SIP. `clock` is any clock in seconds that never goes back."""

    def __init__(
        self,
        exchange: Exchange,
        correspondent: Callable[[str], Correspondent | None],
        *,
        no_commands: Callable[[str], str] = lambda _peer_id: "",
        elsewhere: Callable[[str], Commands | None] = lambda _peer_id: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.no_commands = no_commands
        self.elsewhere = elsewhere
        self._exchange = exchange
        self._correspondent = correspondent
        self._clock = clock
        self._turns: dict[StreamKey, tuple[asyncio.Lock, int]] = {}
        self._key_frame_asked: dict[StreamKey, float] = {}

    async def ptz(self, grant: Grant, ptz_cmd: str, priority: int | None = None) -> None:
        """Pass a PTZ command (16 hex digits, A.3) on to the granted camera. Raises Failure; the camera sends no result.

        LocalError: the grant is for something else.
        """
        if grant.action is not Action.PTZ:
            raise LocalError(f"a grant for {grant.action} moves no camera")
        key = StreamKey(grant.peer_id, grant.code)
        if (commands := self.elsewhere(key.peer_id)) is not None:
            await commands.ptz(grant, ptz_cmd)
            return
        command = PtzControl(
            sn=self._exchange.next_sn(), device_id=key.code, ptz_cmd=ptz_cmd, control_priority=priority
        )
        async with self._turn(key):
            await self._tell(key, command)

    @asynccontextmanager
    async def _turn(self, key: StreamKey) -> AsyncIterator[None]:
        lock, waiting = self._turns.get(key, (asyncio.Lock(), 0))
        if waiting > MAX_WAITING:
            raise Failure(Reason.BUSY, f"{waiting} commands are waiting for this camera", channel=key.code)
        self._turns[key] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            waiting = self._turns[key][1] - 1
            if waiting:
                self._turns[key] = (lock, waiting)
            else:
                del self._turns[key]

    async def key_frame(self, key: StreamKey) -> None:
        """Ask for a key frame, at most once per two seconds and camera; trouble is only logged."""
        now = self._clock()
        if now - self._key_frame_asked.get(key, -KEY_FRAME_INTERVAL_S) < KEY_FRAME_INTERVAL_S:
            return
        if len(self._key_frame_asked) >= MAX_REMEMBERED:
            self._key_frame_asked.clear()
        self._key_frame_asked[key] = now
        try:
            if (commands := self.elsewhere(key.peer_id)) is not None:
                await commands.key_frame(key)
            else:
                await self._tell(key, IFrameControl(sn=self._exchange.next_sn(), device_id=key.code))
        except Failure as failure:
            log.info("no key frame asked for", stream=str(key), step=failure.step)

    async def _tell(self, key: StreamKey, command: PtzControl | IFrameControl) -> None:
        if why := self.no_commands(key.peer_id):
            raise Failure(Reason.UNSUPPORTED, why, peer_id=key.peer_id, channel=key.code)
        to = self._correspondent(key.peer_id)
        if to is None:
            raise Failure(Reason.DEVICE_OFFLINE, peer_id=key.peer_id, channel=key.code)
        try:
            await self._exchange.tell(to, command, target=key.code)
        except QuestionRefused as error:
            raise Failure(Reason.REJECTED, str(error), code=error.status, channel=key.code) from error
        except RemoteError as error:
            raise Failure(Reason.NO_ANSWER, str(error), channel=key.code) from error
