"""Every use under a grant has its end in the ledger, once, also across a restart."""

from __future__ import annotations

from pathlib import Path

from gateway.compliance.access import AccessRequest, Action, Actor, Facts
from gateway.compliance.books import Books
from gateway.compliance.grant import Grants
from gateway.compliance.ledger import Ledger, LedgerQuery

WATCH = AccessRequest(
    Actor("user", "li"), Action.LIVE, "34020000001110000001", "34020000001320000001", facts=Facts(role="viewer")
)


async def told(ledger: Ledger) -> list[tuple[str, str, int | None]]:
    rows = await ledger.entries(LedgerQuery())
    return [(row.entry.action, row.entry.result, row.entry.bytes) for row in reversed(rows)]


async def test_an_end_is_entered_once_with_what_was_sent(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    grants = Grants(ledger)
    books = Books(grants)
    grant = await grants.issue(WATCH)
    await books.closed(grant.id, seconds=3.0, bytes_sent=4711, reason="viewer ended")
    await books.closed(grant.id, seconds=9.0, bytes_sent=1, reason="again")
    await books.closed("unknown", seconds=0, bytes_sent=0, reason="nobody")
    assert await told(ledger) == [("live", "granted", None), ("live.ended", "ended", 4711)]
    await ledger.close()


async def test_a_use_that_outlived_a_restart_gets_its_end_too(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    grant = await Grants(ledger).issue(WATCH)
    await ledger.close()
    ledger = Ledger.open(tmp_path)
    books = Books(Grants(ledger))
    assert await books.resume(grant.id)
    await books.closed(grant.id, seconds=60.0, bytes_sent=5, reason="viewer ended")
    assert not await books.resume(grant.id)
    assert not await books.resume("unknown")
    assert (await told(ledger))[-1] == ("live.ended", "ended", 5)
    await ledger.close()


async def test_a_use_whose_time_is_over_is_named(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    grants = Grants(ledger, lifetime_seconds=60, clock=lambda: 1000.0)
    grant = await grants.issue(WATCH)
    books = Books(grants)
    assert books.expired(1059.0) == []
    assert books.expired(1060.0) == [grant]
    await ledger.close()
