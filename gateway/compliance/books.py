"""How every use under a grant ends in the ledger, also when it outlived the control process that began it."""

from __future__ import annotations

from gateway.compliance.grant import Grant, Grants


class Books:
    """Closes grants by their id. An end is entered once, however often it is told."""

    def __init__(self, grants: Grants) -> None:
        self._grants = grants

    async def resume(self, grant_id: str) -> Grant | None:
        """Take up a grant of before a restart; None when the ledger has none, or has its end."""
        return await self._grants.resume(grant_id)

    async def closed(self, grant_id: str, *, seconds: float, bytes_sent: int, reason: str) -> None:
        """Enter that a use is over: how long it lasted, what left the system, why."""
        grant = self._grants.get(grant_id)
        if grant is not None:
            await self._grants.ended(grant, seconds=seconds, bytes_sent=bytes_sent, reason=reason)

    def expired(self, now: float) -> list[Grant]:
        """The grants whose time is over and whose use goes on (`now` in unix seconds)."""
        return self._grants.expired(now)
