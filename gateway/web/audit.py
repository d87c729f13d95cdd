"""Changes made through the API are entered in the ledger before they are made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from gateway.compliance.entry import Entry
from gateway.web.route import Call


@asynccontextmanager
async def audited(call: Call, action: str, target: str, detail: Mapping[str, Any] | None = None) -> AsyncIterator[None]:
    """Enter who changes ``target`` and how, then run the block; when it raises, that is entered too.

    ``detail`` says what changes; secrets in it are masked.
    """
    entry = Entry(
        actor_kind=call.actor.kind,
        actor_id=call.actor.id,
        action=action,
        result="done",
        destination=call.remote,
        clause="A6",
        detail={"target": target, **(detail or {})},
    )
    await call.ctx.ledger.append(entry)
    try:
        yield
    except Exception as error:
        failed = {"target": target, "error": type(error).__name__}
        await call.ctx.ledger.append(replace(entry, result="failed", detail=failed))
        raise
