"""Live registrations, kept in memory and written behind: durable at most about a second after the 200.

Refreshing a registration changes only times, and keepalives come every second from tens of thousands of devices, so
nothing here is written per message: changed bindings are gathered and written in one transaction by
:meth:`Registrations.flush`; when a peer was last seen is written with its next binding and at a clean stop.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Self

import structlog
from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError

from gateway.store import schema
from gateway.store.engine import Database

_log = structlog.get_logger("gateway.store")
_TABLE = schema.registrations
_MAX_TEXT = 1024
Side = Literal["lower", "upper"]


@dataclass(slots=True)
class Registration:
    """One binding. ``host``/``port`` is the address it came from (lower) or goes to (upper); times are unix seconds.

    ``gb_ver`` is the X-GB-Ver text as received; ``call_id`` and ``cseq`` belong to the last REGISTER. ``settled``
    is False while the peer is unstable: it comes and goes, and is shown as off (下级设备状态抖动).
    """

    peer_id: str
    transport: str
    host: str
    port: int
    contact: str
    expires_at: float
    gb_ver: str = ""
    user_agent: str = ""
    call_id: str = ""
    cseq: int = 0
    registered_at: float = 0.0
    last_seen: float = 0.0
    settled: bool = True


class Registrations:
    """The bindings of one side: "lower" peers registered here, or ours at "upper" platforms."""

    def __init__(self, database: Database, side: Side) -> None:
        self._database = database
        self._side = side
        self._bindings: dict[str, Registration] = {}
        self._dirty: set[str] = set()
        self._flushing = asyncio.Lock()

    async def load(self) -> Self:
        """Read what was stored, expired bindings too (the owner decides about them)."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(_TABLE).where(_TABLE.c.side == self._side))).mappings().all()
        self._bindings = {
            row["peer_id"]: Registration(**{name: value for name, value in row.items() if name != "side"})
            for row in rows
        }
        return self

    def get(self, peer_id: str) -> Registration | None:
        return self._bindings.get(peer_id)

    def all(self) -> Iterable[Registration]:
        return self._bindings.values()

    def __len__(self) -> int:
        return len(self._bindings)

    def put(self, registration: Registration) -> None:
        """Bind a peer, or replace its binding; written with the next flush."""
        self._bindings[registration.peer_id] = registration
        self._dirty.add(registration.peer_id)

    def touch(self, peer_id: str, now: float) -> bool:
        """Note that the peer was heard at ``now``; False when it is not bound."""
        binding = self._bindings.get(peer_id)
        if binding is None:
            return False
        binding.last_seen = now
        return True

    def settle(self, peer_id: str) -> None:
        """The peer is no longer unstable; written with the next flush."""
        binding = self._bindings.get(peer_id)
        if binding is not None:
            binding.settled = True
            self._dirty.add(peer_id)

    def remove(self, peer_id: str) -> Registration | None:
        """Unbind a peer; written with the next flush."""
        self._dirty.add(peer_id)
        return self._bindings.pop(peer_id, None)

    async def flush(self) -> int:
        """Write what changed since the last flush in one transaction; how many bindings that were.

        When the write fails or is cancelled the bindings stay marked and are written with the next flush.
        """
        async with self._flushing:
            dirty, self._dirty = self._dirty, set()
            if not dirty:
                return 0
            bound = [self._row(self._bindings[peer]) for peer in dirty if peer in self._bindings]
            unbound = [{"gone": peer} for peer in dirty if peer not in self._bindings]
            try:
                await self._write(bound, unbound)
            except BaseException:
                self._dirty |= dirty
                raise
            return len(dirty)

    async def _write(self, bound: list[dict[str, Any]], unbound: list[dict[str, Any]]) -> None:
        async with self._database.write() as connection:
            if bound:
                upsert = insert(_TABLE)
                changed = {name: upsert.excluded[name] for name in bound[0] if name not in ("side", "peer_id")}
                await connection.execute(
                    upsert.on_conflict_do_update(index_elements=["side", "peer_id"], set_=changed), bound
                )
            if unbound:
                gone = delete(_TABLE).where(_TABLE.c.side == self._side, _TABLE.c.peer_id == bindparam("gone"))
                await connection.execute(gone, unbound)

    def _row(self, binding: Registration) -> dict[str, Any]:
        fields = {field.name: getattr(binding, field.name) for field in dataclasses.fields(binding)}
        return {"side": self._side} | {name: _storable(value) for name, value in fields.items()}

    async def keep_flushing(self, interval_s: float = 0.5) -> None:
        """Flush every ``interval_s`` seconds until cancelled; a last flush with every last-seen time ends it."""
        try:
            while True:
                await asyncio.sleep(interval_s)
                try:
                    await self.flush()
                except SQLAlchemyError:  # the task's boundary: the bindings stay marked for the next round
                    _log.exception("registrations could not be written", side=self._side)
        finally:
            self._dirty |= self._bindings.keys()
            await self.flush()


def _storable(value: Any) -> Any:
    """A text of a peer as a database takes it: no bytes that were no UTF-8, nothing without end.

    One device's odd header must not keep the registrations of all the others from being written.
    """
    if not isinstance(value, str):
        return value
    return value[:_MAX_TEXT].encode("utf-8", "replace").decode()
