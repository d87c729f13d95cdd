from __future__ import annotations

from gateway.compliance.ledger import LedgerQuery
from gateway.web.audit import audited
from gateway.web.route import Call, Route


async def test_a_change_is_entered_before_it_is_made_with_secrets_masked(start_api) -> None:
    seen: list[int] = []

    async def handler(call: Call) -> None:
        async with audited(call, "thing.change", "t1", {"fields": {"password": "s3cret", "name": "n"}}):
            seen.append(call.ctx.ledger.head.seq)

    api = await start_api(extra=(Route("POST", "/x", handler, "x", "admin", "x"),))
    assert (await api.call("POST", "/x"))[0] == 204
    [row] = await api.ctx.ledger.entries(LedgerQuery())
    assert seen == [1] and (row.entry.actor_id, row.entry.action, row.entry.result) == ("root", "thing.change", "done")
    assert row.entry.detail == {"target": "t1", "fields": {"password": "***", "name": "n"}}
    assert row.entry.destination == "127.0.0.1"


async def test_a_change_that_fails_is_entered_as_failed(start_api) -> None:
    async def handler(call: Call) -> None:
        async with audited(call, "thing.change", "t1"):
            raise ValueError("s3cret")

    api = await start_api(extra=(Route("POST", "/x", handler, "x", "admin", "x"),))
    assert (await api.call("POST", "/x"))[0] == 500
    rows = await api.ctx.ledger.entries(LedgerQuery())
    assert [row.entry.result for row in rows] == ["failed", "done"]
    assert rows[0].entry.detail == {"target": "t1", "error": "ValueError"}


async def test_without_a_ledger_nothing_is_changed(start_api) -> None:
    changed: list[bool] = []

    async def handler(call: Call) -> None:
        async with audited(call, "thing.change", "t1"):
            changed.append(True)

    api = await start_api(extra=(Route("POST", "/x", handler, "x", "admin", "x"),))
    await api.ctx.ledger.close()
    assert (await api.call("POST", "/x"))[0] == 503
    assert not changed
