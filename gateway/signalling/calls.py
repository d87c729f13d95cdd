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

WRITE_DELAY_S = 0.1


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One confirmed call, mostly an INVITE dialog, and the media leg that belongs to it.

    `side` "lower": we called a peer below us for its stream; "upper": an upper platform called us. `remote` is where
    in-dialog requests go: (transport, host, port). A call to an RTSP camera has no dialog; `details` then name the pull
    and the source worker that fetches its stream.
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

    @property
    def legs(self) -> list[tuple[str, str]]:
        """Worker and leg of everything the call cannot do without."""
        pull = [(str(self.details["source_worker"]), str(self.details["pull"]))] if self.is_rtsp else []
        return [(self.worker, self.leg), *pull]

    @property
    def is_rtsp(self) -> bool:
        """Whether it is a call to an RTSP camera."""
        return self.transport == "rtsp"

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

    A record is written `delay_s` seconds after the call was confirmed, when its picture is on its way; a call that has
    ended by then is never written, and none is written after it was forgotten.
    """

    def __init__(self, store: CallStore, *, delay_s: float = WRITE_DELAY_S) -> None:
        self._store = store
        self._delay_s = delay_s
        self._due: dict[str, asyncio.TimerHandle] = {}
        self._writing: dict[str, asyncio.Task[None]] = {}

    def remember(self, record: CallRecord) -> None:
        """Have the record of a call that was just confirmed written."""
        loop = asyncio.get_running_loop()
        self._due[record.id] = loop.call_later(self._delay_s, self._begin, record)

    def _begin(self, record: CallRecord) -> None:
        del self._due[record.id]
        task = self._writing[record.id] = asyncio.create_task(self._write(record), name=f"store call {record.id}")
        task.add_done_callback(lambda _: self._writing.pop(record.id, None))

    async def _write(self, record: CallRecord) -> None:
        try:
            await self._store.save_call(record)
        except Exception:  # task boundary: the call goes on; only a restart would not know it
            log.exception("call not stored", call=record.id)

    async def forget(self, call_id: str) -> None:
        """Remove the record of a call that has ended."""
        due = self._due.pop(call_id, None)
        if due is not None:
            due.cancel()
            return
        writing = self._writing.get(call_id)
        if writing is not None:
            await asyncio.shield(writing)
        await self._store.forget_call(call_id)

    async def records(self) -> list[CallRecord]:
        """What a restart finds."""
        return await self._store.calls()
