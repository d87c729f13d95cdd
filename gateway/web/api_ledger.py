"""The access ledger over the API (台账): reading and verifying, for administrators."""

from __future__ import annotations

import dataclasses
from typing import Any

from pydantic import Field

from gateway.compliance.clauses import CLAUSES
from gateway.compliance.ledger import LedgerQuery
from gateway.compliance.verify import Broken
from gateway.web.audit import audited
from gateway.web.context import WebContext
from gateway.web.resource import Strict
from gateway.web.route import Call, Route


class EntriesQuery(Strict):
    """Which entries, newest first; ``before`` is the number of the oldest entry of the page before."""

    before: int | None = Field(None, ge=1, lt=2**63)
    limit: int = Field(100, ge=1, le=1000)
    actor: str | None = Field(None, max_length=128, description="kind:id")
    action: str | None = Field(None, max_length=64)
    result: str | None = Field(None, max_length=64)
    peer_id: str | None = Field(None, max_length=32)
    code: str | None = Field(None, max_length=32)
    grant_id: str | None = Field(None, max_length=64)
    since: float | None = Field(None, allow_inf_nan=False, description="Unix seconds")
    until: float | None = Field(None, allow_inf_nan=False, description="Unix seconds")


class Verification(Strict):
    """Whether the chain is whole; else the first bad entry and what is wrong with it.

    ``signed`` is the newest entry under a daily signature.
    """

    whole: bool
    entries: int | None = None
    head: str | None = None
    signed: int | None = None
    first_bad: int | None = None
    problem: str | None = None


async def _entries(call: Call) -> dict[str, Any]:
    query = LedgerQuery(**call.query(EntriesQuery).model_dump())
    rows = await call.ctx.ledger.entries(query)
    items = [
        {"seq": row.ref.seq, "at": row.ref.at, "hash": row.ref.hash, "prev": row.prev} | dataclasses.asdict(row.entry)
        for row in rows
    ]
    more = len(rows) == query.limit and rows[-1].ref.seq > 1
    return {
        "items": items,
        "next": rows[-1].ref.seq if more else None,
        "head": dataclasses.asdict(call.ctx.ledger.head),
    }


async def _verify(call: Call) -> Verification:
    async with audited(call, "ledger.verify", "ledger"):
        outcome = await call.ctx.ledger.verify()
    if isinstance(outcome, Broken):
        return Verification(whole=False, first_bad=outcome.seq, problem=outcome.problem)
    return Verification(whole=True, entries=outcome.entries, head=outcome.head, signed=outcome.signed)


async def _clauses(_call: Call) -> dict[str, Any]:
    return {"items": [dataclasses.asdict(clause) for clause in CLAUSES.values()]}


def routes(_ctx: WebContext) -> list[Route]:
    """Routes of ``/api/v1/ledger``."""
    entries, verify = "/api/v1/ledger", "/api/v1/ledger/verify"
    return [
        Route("GET", entries, _entries, "Read the ledger", "admin", "ledger", query=EntriesQuery, reply=dict[str, Any]),
        Route("POST", verify, _verify, "Verify the ledger's chain", "admin", "ledger", reply=Verification),
        Route("GET", "/api/v1/clauses", _clauses, "The clauses enforced", "viewer", "ledger", reply=dict[str, Any]),
    ]
