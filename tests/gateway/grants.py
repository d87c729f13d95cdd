"""Real grants for tests below the API: permitted by the rules, entered in a ledger of their own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from gateway.compliance.access import AccessRequest, Action, Actor, Facts
from gateway.compliance.grant import Grant, Grants
from gateway.compliance.ledger import Ledger

WANG = Actor("user", "wang")


class Desk:
    """Grants whatever an operator may have."""

    def __init__(self, grants: Grants) -> None:
        self.grants = grants

    async def grant(self, peer_id: str, code: str, action: Action = Action.LIVE) -> Grant:
        return await self.grants.issue(AccessRequest(WANG, action, peer_id, code, facts=Facts(role="operator")))


@contextlib.asynccontextmanager
async def granting(folder: Path) -> AsyncIterator[Desk]:
    """A desk with its ledger in `folder`."""
    ledger = Ledger.open(folder / "granted")
    try:
        yield Desk(Grants(ledger))
    finally:
        await ledger.close()
