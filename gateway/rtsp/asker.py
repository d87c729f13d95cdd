"""How a camera that is called is asked whether it is there, by its kind."""

from __future__ import annotations

from typing import Protocol

import structlog

from catalog import Item
from gateway.relay.inputs import WORKER_TROUBLE
from gateway.relay.pool import WorkerPool
from gateway.rtsp.reasons import failure_of
from gateway.rtsp.state import SourceState
from gateway.rtsp.target import RtspTarget, item_of
from gateway.store.devices import Device
from media.worker.control import ProbeSource

log = structlog.get_logger("rtsp")


class Asker(Protocol):
    """Asks the cameras of one kind."""

    async def ask(self, device: Device) -> SourceState | None:
        """What the camera shows of itself; None when it could not be asked for a reason of our own."""
        ...

    def items(self, device: Device) -> list[Item] | None:
        """Its channels in the catalogue; None when they are not known yet and what is stored stays."""
        ...

    def knows(self, device: Device) -> bool:
        """Whether a stream that runs tells all there is to know; else the camera is asked all the same."""
        ...

    def forget(self, peer_id: str) -> None:
        """The camera was changed or removed."""


class RtspAsker:
    """Has a source worker ask a camera what it offers (DESCRIBE), without starting a stream."""

    def __init__(self, pool: WorkerPool, *, answer_s: float) -> None:
        self._pool = pool
        self._answer_s = answer_s

    async def ask(self, device: Device) -> SourceState | None:
        return await self.ask_at(RtspTarget.of(device))

    async def ask_at(self, target: RtspTarget) -> SourceState | None:
        """Ask for one stream."""
        question = ProbeSource(
            url=target.url,
            username=target.username,
            password=target.password.reveal(),
            timeout_s=self._answer_s,
        )
        try:
            worker = self._pool.of_kind("source")
            answer = await worker.link.call(question, timeout_s=self._answer_s + 2)
        except WORKER_TROUBLE as error:
            log.warning("camera not asked", peer=target.key.peer_id, problem=str(error))
            return None
        failure = failure_of(target.key, answer.reason, answer.detail) if answer.reason is not None else None
        return SourceState(failure is None, failure, 0.0, answer.video_codec, answer.audio_codec)

    def items(self, device: Device) -> list[Item] | None:
        return [item_of(device)]

    def knows(self, device: Device) -> bool:
        return True

    def forget(self, peer_id: str) -> None:
        """Nothing is remembered."""
