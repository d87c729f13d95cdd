"""The one place where a grant is made. No picture without a grant, no grant without a ledger entry.

Whatever opens media or sends a control command takes a :class:`Grant`; only :class:`Grants` can construct one, after
:func:`gateway.compliance.access.decide` permitted it and the ledger has the entry on disk. Refusals are entered too.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import InitVar, dataclass
from typing import Any, final

from gateway.compliance.access import AccessRequest, Action, Actor, Denial, Permit, decide
from gateway.compliance.entry import Entry, EntryRef
from gateway.compliance.ledger import Ledger, LedgerQuery
from gateway.errors import Denied, LocalError

_SEAL = object()


@final
@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to do one thing with one channel, until ``expires_at`` (unix seconds).

    ``entry`` is the ledger entry that records it. Constructed by :class:`Grants` alone: the seal it takes is neither
    kept nor known elsewhere, so that no grant can be made from another one.
    """

    id: str
    actor: Actor
    action: Action
    peer_id: str
    code: str
    issued_at: float
    expires_at: float
    entry: EntryRef
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise LocalError("a grant is issued by Grants.issue, not constructed")

    def valid(self, now: float) -> bool:
        """Whether it still holds at ``now`` (unix seconds)."""
        return now < self.expires_at


class Grants:
    """Issues grants and knows those that have not ended."""

    def __init__(
        self, ledger: Ledger, *, lifetime_seconds: float = 28_800, clock: Callable[[], float] = time.time
    ) -> None:
        self._ledger = ledger
        self._lifetime = lifetime_seconds
        self._clock = clock
        self._live: dict[str, Grant] = {}

    async def issue(self, request: AccessRequest, *, lifetime_seconds: float | None = None) -> Grant:
        """A grant for ``request``, entered in the ledger first.

        ``lifetime_seconds`` shortens the configured lifetime, never lengthens it. Raises :class:`Denied` when the
        rules refuse it (entered too) and :class:`gateway.errors.Failure` when the ledger cannot take the entry.
        """
        grant_id = secrets.token_hex(16)
        decision = decide(request)
        if isinstance(decision, Denial):
            await self._ledger.append(_entry(request, "refused", decision.clause, "", {"reason": decision.message}))
            raise Denied(
                decision.message, clause=decision.clause, detail_zh=decision.message_zh, channel=request.code or None
            )
        return await self._issue(request, decision, grant_id, lifetime_seconds)

    async def _issue(self, request: AccessRequest, permit: Permit, grant_id: str, lifetime: float | None) -> Grant:
        expires_at = self._clock() + (self._lifetime if lifetime is None else min(lifetime, self._lifetime))
        detail: dict[str, Any] = {"expires_at": expires_at}
        if request.facts.approval:
            detail["approval"] = request.facts.approval
        entry = _entry(request, "granted", permit.clause, grant_id, detail)
        return self._recorded(entry, await self._ledger.append(entry))

    async def resume(self, grant_id: str) -> Grant | None:
        """The grant of an earlier run, read back from its ledger entry, for a use that outlived the control process.

        None when the ledger has no such grant, or has its end.
        """
        if grant_id in self._live:
            return self._live[grant_id]
        rows = await self._ledger.entries(LedgerQuery(grant_id=grant_id)) if grant_id else []
        granted = [row for row in rows if row.entry.result == "granted"]
        if len(granted) != 1 or len(rows) != 1:
            return None
        return self._recorded(granted[0].entry, granted[0].ref)

    def _recorded(self, entry: Entry, ref: EntryRef) -> Grant:
        """The grant that ``entry``, which is in the ledger, records: the one construction of a grant."""
        grant = Grant(
            id=entry.grant_id,
            actor=Actor(entry.actor_kind, entry.actor_id),  # type: ignore[arg-type]  # written from an Actor
            action=Action(entry.action),
            peer_id=entry.peer_id,
            code=entry.code,
            issued_at=ref.at,
            expires_at=float(entry.detail["expires_at"]),
            entry=ref,
            seal=_SEAL,
        )
        self._live[grant.id] = grant
        return grant

    async def ended(
        self, grant: Grant, *, seconds: float, bytes_sent: int, reason: str, content_hash: str = ""
    ) -> EntryRef | None:
        """Enter the end of a use: how long it lasted, what was sent, why it ended. A second end is not entered."""
        if self._live.pop(grant.id, None) is None:
            return None
        return await self._ledger.append(
            Entry(
                actor_kind=grant.actor.kind,
                actor_id=grant.actor.id,
                action=f"{grant.action}.ended",
                result="ended",
                peer_id=grant.peer_id,
                code=grant.code,
                grant_id=grant.id,
                seconds=round(seconds, 3),
                bytes=bytes_sent,
                content_hash=content_hash,
                detail={"reason": reason},
            )
        )

    def get(self, grant_id: str) -> Grant | None:
        """The grant with that id, when it was issued in this run and has not ended."""
        return self._live.get(grant_id)

    def live(self) -> list[Grant]:
        """The grants that have not ended."""
        return list(self._live.values())

    def expired(self, now: float) -> list[Grant]:
        """The grants that have not ended but should have by ``now`` (unix seconds)."""
        return [grant for grant in self._live.values() if not grant.valid(now)]


def _entry(request: AccessRequest, result: str, clause: str, grant_id: str, detail: dict[str, Any]) -> Entry:
    return Entry(
        actor_kind=request.actor.kind,
        actor_id=request.actor.id,
        action=request.action.value,
        result=result,
        peer_id=request.peer_id,
        code=request.code,
        grant_id=grant_id,
        purpose=request.purpose,
        destination=request.destination,
        clause=clause,
        span_start=request.span.start if request.span else None,
        span_end=request.span.end if request.span else None,
        detail=detail,
    )
