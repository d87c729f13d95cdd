"""What every call to a camera below us has in common, whatever it speaks: GB/T 28181 or RTSP."""

from __future__ import annotations

from typing import Protocol

from gateway.errors import Failure
from gateway.relay.hub import StreamKey
from gateway.relay.pool import Worker
from media.worker.control import AnyEvent


class CameraTarget(Protocol):
    """Where a stream is to be had."""

    @property
    def key(self) -> StreamKey: ...

    @property
    def peer(self) -> object:
        """The address in words, without credentials."""
        ...

    @property
    def transport(self) -> str: ...


class CameraCall(Protocol):
    """One call for one stream; what the hub calls an upstream, and what the calls of a node are kept as."""

    @property
    def id(self) -> str: ...

    @property
    def key(self) -> StreamKey: ...

    @property
    def target(self) -> CameraTarget: ...

    @property
    def ssrc(self) -> str: ...

    @property
    def source_leg(self) -> str: ...

    @property
    def worker_name(self) -> str:
        """The relay worker."""
        ...

    @property
    def route_path(self) -> str: ...

    @property
    def established(self) -> bool:
        """Whether the camera has answered."""
        ...

    @property
    def legs(self) -> list[tuple[Worker, str]]:
        """Everything workers hold for it."""
        ...

    @property
    def takes_commands(self) -> bool:
        """Whether a key frame can be asked for."""
        ...

    async def start(self) -> None:
        """Set the call up. Raises Failure."""

    async def end(self, failure: Failure | None) -> None:
        """Release everything. Never raises."""

    def media_event(self, event: AnyEvent) -> None:
        """News of its legs from a worker."""
