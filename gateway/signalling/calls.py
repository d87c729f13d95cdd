"""What is remembered of a confirmed call, so that a restarted control process can carry it on or end it properly."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

import structlog

from gateway.relay.hub import StreamKey
from sip.aio import Peer
from sip.dialog import Dialog

log = structlog.get_logger("call")


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One confirmed INVITE dialog and the media leg that belongs to it.

    `side` "lower": we called a peer below us for its stream; "upper": an upper platform called us. `remote` is where
    in-dialog requests go: (transport, host, port).
    """

    id: str
    side: Literal["lower", "upper"]
    peer_id: str
    stream_peer: str
    code: str
    dialog: dict[str, Any]
    remote: tuple[str, str, int]
    worker: str
    leg: str
    ssrc: str
    transport: str
    grant_id: str = ""
    started_at: float = 0.0
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> StreamKey:
        return StreamKey(self.stream_peer, self.code)

    @property
    def peer(self) -> Peer:
        return Peer(*self.remote)

    def restored_dialog(self) -> Dialog:
        return Dialog.from_dict(self.dialog)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> CallRecord:
        transport, host, port = stored["remote"]
        return cls(**{**stored, "remote": (str(transport), str(host), int(port))})


class CallStore(Protocol):
    """Where call records are kept; a record is written when the call is confirmed and removed when it has ended."""

    async def save_call(self, record: CallRecord) -> None: ...
    async def forget_call(self, call_id: str) -> None: ...
    async def calls(self) -> list[CallRecord]: ...


class CallBook:
    """Writes the records behind the calls: nobody who waits for a picture waits for the disk.

    A record is never written after it was forgotten.
    """

    def __init__(self, store: CallStore) -> None:
        self._store = store
        self._writing: dict[str, asyncio.Task[None]] = {}

    def remember(self, record: CallRecord) -> None:
        """Begin to write the record of a call that was just confirmed."""
        task = asyncio.create_task(self._write(record), name=f"store call {record.id}")
        self._writing[record.id] = task

    async def _write(self, record: CallRecord) -> None:
        try:
            await self._store.save_call(record)
        except Exception:  # task boundary: the call goes on; only a restart would not know it
            log.exception("call not stored", call=record.id)

    async def written(self, call_id: str) -> None:
        """Until what was begun of that call is on the disk."""
        task = self._writing.get(call_id)
        if task is not None:
            await asyncio.shield(task)
            if self._writing.get(call_id) is task:
                del self._writing[call_id]

    async def forget(self, call_id: str) -> None:
        """Remove the record of a call that has ended."""
        await self.written(call_id)
        await self._store.forget_call(call_id)

    async def records(self) -> list[CallRecord]:
        """What a restart finds."""
        return await self._store.calls()
