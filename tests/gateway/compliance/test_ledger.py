from __future__ import annotations

import ast
import asyncio
import inspect
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.compliance import ledger as ledger_module
from gateway.compliance.entry import GENESIS, Entry, EntryRef, canonical, link
from gateway.compliance.ledger import Broken, Ledger, LedgerError, LedgerQuery, Verified, verify
from gateway.errors import Failure, Reason


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = Ledger.open(tmp_path, clock=lambda: 1_700_000_000.0)
    yield opened
    await opened.close()


def entry(number: int = 0, **fields: str) -> Entry:
    return Entry("user", "wang", "live", "granted", **({"peer_id": "p", "code": f"c{number}"} | fields))


def tamper(path: Path, *statements: str) -> None:
    """Edit the file as somebody with access to it would, triggers out of the way."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TRIGGER IF EXISTS ledger_no_update")
        connection.execute("DROP TRIGGER IF EXISTS ledger_no_delete")
        for statement in statements:
            connection.execute(statement)


async def test_an_entry_is_on_the_disk_when_append_returns_and_chained(ledger: Ledger) -> None:
    first, second = await ledger.append(entry(1)), await ledger.append(entry(2))
    assert (first.seq, second.seq) == (1, 2)
    assert first.hash == link(GENESIS, canonical(1, 1_700_000_000.0, entry(1)))
    assert second.hash == link(first.hash, canonical(2, 1_700_000_000.0, entry(2)))
    with closing(sqlite3.connect(ledger.path)) as other:
        assert other.execute("SELECT hash FROM ledger ORDER BY seq").fetchall() == [(first.hash,), (second.hash,)]
    assert await ledger.verify() == Verified(2, second.hash) and ledger.head == second


async def test_concurrent_appends_all_stand_in_one_chain(ledger: Ledger) -> None:
    refs = await asyncio.gather(*(ledger.append(entry(number)) for number in range(500)))
    assert sorted(ref.seq for ref in refs) == list(range(1, 501))
    assert await ledger.verify() == Verified(500, ledger.head.hash)


async def test_the_chain_goes_on_after_the_ledger_is_opened_again(tmp_path: Path) -> None:
    first = Ledger.open(tmp_path)
    head = await first.append(entry(1))
    await first.close()
    await first.close()
    second = Ledger.open(tmp_path)
    assert second.head == head
    await second.append(entry(2))
    assert isinstance(await second.verify(), Verified)
    await second.close()


def test_the_module_has_no_statement_that_updates_or_deletes() -> None:
    texts = [
        node.value
        for node in ast.walk(ast.parse(inspect.getsource(ledger_module)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isprintable()
    ]
    statements = [text.upper() for text in texts if text.upper().startswith(("INSERT", "SELECT", "UPDATE", "DELETE"))]
    assert statements
    assert not [text for text in statements if text.startswith(("UPDATE", "DELETE", "INSERT OR"))]


@pytest.mark.parametrize("statement", ["UPDATE ledger SET at = 0", "DELETE FROM ledger"])
async def test_the_file_itself_refuses_updates_and_deletions(ledger: Ledger, statement: str) -> None:
    await ledger.append(entry())
    with closing(sqlite3.connect(ledger.path)) as other, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        other.execute(statement)


@pytest.mark.parametrize(
    ("statement", "bad", "problem"),
    [
        ("UPDATE ledger SET body = replace(body, 'wang', 'zhao') WHERE seq = 3", 3, "content"),
        (
            "UPDATE ledger SET body = CAST(replace(body, 'wang', 'zhao') AS BLOB) WHERE seq = 3",
            3,
            "does not match its hash",
        ),
        (
            "UPDATE ledger SET hash = (SELECT hash FROM ledger WHERE seq = 1) WHERE seq = 2",
            2,
            "does not match its hash",
        ),
        ("UPDATE ledger SET action = 'ptz' WHERE seq = 4", 4, "columns"),
        ("UPDATE ledger SET at = at - 60 WHERE seq = 4", 4, "columns"),
        ("DELETE FROM ledger WHERE seq = 2", 2, "missing"),
        ("DELETE FROM ledger WHERE seq = 1", 1, "missing"),
        ("UPDATE ledger SET seq = 9 WHERE seq = 5", 5, "missing"),
    ],
)
async def test_verify_names_the_first_bad_entry(ledger: Ledger, statement: str, bad: int, problem: str) -> None:
    for number in range(5):
        await ledger.append(entry(number))
    tamper(ledger.path, statement)
    outcome = verify(ledger.path)
    assert isinstance(outcome, Broken) and outcome.seq == bad and problem in outcome.problem


async def test_an_entry_rehashed_by_the_forger_breaks_the_next(ledger: Ledger) -> None:
    for number in range(3):
        await ledger.append(entry(number))
    with closing(sqlite3.connect(ledger.path)) as other:
        prev = other.execute("SELECT hash FROM ledger WHERE seq = 1").fetchone()[0]
    forged = canonical(2, 1_700_000_000.0, entry(1, purpose="harmless"))
    tamper(ledger.path, f"UPDATE ledger SET body = x'{forged.hex()}', hash = '{link(prev, forged)}' WHERE seq = 2")
    outcome = verify(ledger.path)
    assert isinstance(outcome, Broken) and outcome.seq == 3


async def test_entries_cut_off_at_the_end_show_against_a_head_noted_elsewhere(ledger: Ledger) -> None:
    for number in range(3):
        await ledger.append(entry(number))
    noted = ledger.head
    assert isinstance(await ledger.verify(expected=noted), Verified)
    tamper(ledger.path, "DELETE FROM ledger WHERE seq = 3")
    assert isinstance(verify(ledger.path), Verified)
    outcome = verify(ledger.path, expected=noted)
    assert isinstance(outcome, Broken) and outcome.seq == 3 and "missing" in outcome.problem


async def test_another_chain_of_the_same_length_shows_against_a_noted_head(ledger: Ledger) -> None:
    await ledger.append(entry())
    outcome = verify(ledger.path, expected=EntryRef(1, 0.0, "ab" * 32))
    assert isinstance(outcome, Broken) and outcome.seq == 1 and "noted" in outcome.problem


async def test_a_well_hashed_row_that_is_no_entry_is_bad(ledger: Ledger) -> None:
    await ledger.append(entry())
    body = b'{"seq":1}'
    tamper(ledger.path, f"UPDATE ledger SET body = x'{body.hex()}', hash = '{link(GENESIS, body)}'")
    outcome = verify(ledger.path)
    assert isinstance(outcome, Broken) and "not a ledger entry" in outcome.problem


async def test_a_damaged_file_is_broken_not_a_crash(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    for number in range(200):
        await ledger.append(entry(number))
    await ledger.close()
    raw = bytearray(ledger.path.read_bytes())
    raw[4096:] = b"\xff" * (len(raw) - 4096)
    ledger.path.write_bytes(raw)
    assert isinstance(verify(ledger.path), Broken)


async def test_entries_are_found_by_what_they_are_about(ledger: Ledger) -> None:
    await ledger.append(entry(1, grant_id="g1"))
    await ledger.append(entry(2))
    await ledger.append(Entry("upper", "u1", "live", "refused", peer_id="p", code="c1"))

    async def seqs(**query: object) -> list[int]:
        return [row.ref.seq for row in await ledger.entries(LedgerQuery(**query))]  # type: ignore[arg-type]

    assert await seqs() == [3, 2, 1]
    assert await seqs(limit=1) == [3] and await seqs(limit=0) == [3] and await seqs(before=3) == [2, 1]
    assert await seqs(actor="upper:u1") == [3] and await seqs(result="granted") == [2, 1]
    assert await seqs(code="c1", peer_id="p") == [3, 1] and await seqs(grant_id="g1") == [1]
    assert await seqs(action="ptz") == [] and await seqs(since=1_700_000_000.0) == [3, 2, 1]
    assert await seqs(until=1_700_000_000.0) == []
    rows = await ledger.entries(LedgerQuery())
    assert rows[0].prev == rows[1].ref.hash and rows[2].prev == GENESIS and rows[2].entry == entry(1, grant_id="g1")


async def test_an_entry_that_cannot_be_written_fails_alone(ledger: Ledger) -> None:
    bad = Entry("user", "wang", "live", "granted", detail={"x": object()})
    outcomes = await asyncio.gather(
        *(ledger.append(item) for item in (entry(1), bad, entry(2))), return_exceptions=True
    )
    assert isinstance(outcomes[1], Failure) and outcomes[1].reason is Reason.INTERNAL
    assert isinstance(outcomes[0], EntryRef) and isinstance(outcomes[2], EntryRef)
    assert await ledger.verify() == Verified(2, ledger.head.hash)


async def test_a_closed_ledger_takes_nothing(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    await ledger.close()
    with pytest.raises(Failure) as caught:
        await ledger.append(entry())
    assert caught.value.reason is Reason.SHUTTING_DOWN


async def test_a_ledger_that_cannot_keep_up_refuses_instead_of_growing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(ledger_module, "QUEUE_LIMIT", 1)
    ledger = Ledger.open(tmp_path)
    outcomes = await asyncio.gather(*(ledger.append(entry(n)) for n in range(200)), return_exceptions=True)
    refused = [item for item in outcomes if isinstance(item, Failure)]
    assert refused and {item.reason for item in refused} == {Reason.BUSY}
    assert await ledger.verify() == Verified(200 - len(refused), ledger.head.hash)
    await ledger.close()


async def test_a_waiter_that_was_cancelled_harms_nothing(ledger: Ledger) -> None:
    waiting = asyncio.ensure_future(ledger.append(entry(1)))
    await asyncio.sleep(0)
    waiting.cancel()
    await ledger.append(entry(2))
    assert (await ledger.verify()) == Verified(2, ledger.head.hash)


def test_an_entry_whose_loop_has_ended_is_written_all_the_same(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)

    async def leave() -> None:
        task = asyncio.ensure_future(ledger.append(entry()))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(leave())
    asyncio.run(ledger.close())
    assert isinstance(verify(ledger.path), Verified)
    assert ledger.head.seq == 1


async def test_the_file_is_for_its_owner_alone(ledger: Ledger) -> None:
    assert ledger.path.stat().st_mode & 0o077 == 0


def test_a_file_that_is_no_ledger_is_refused_and_a_missing_one_is_not_made_by_verifying(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"not a database" * 100)
    with pytest.raises(LedgerError):
        Ledger.open(tmp_path)
    with pytest.raises(LedgerError, match="no such file"):
        verify(tmp_path / "other.db")
