"""What is remembered of a confirmed call, so that a restarted control process can carry it on or end it properly."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from gateway.relay.hub import StreamKey
from sip.aio import Peer
from sip.dialog import Dialog


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
