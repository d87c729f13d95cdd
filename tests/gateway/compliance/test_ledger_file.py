from __future__ import annotations

import ast
import inspect
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.compliance import ledger as ledger_module
from gateway.compliance import ledger_file
from gateway.compliance import verify as verify_module
from gateway.compliance.entry import GENESIS, Entry
from gateway.compliance.ledger import Ledger
from gateway.compliance.ledger_file import LedgerError, LedgerQuery, open_for_reading


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = Ledger.open(tmp_path, clock=lambda: 1_700_000_000.0)
    yield opened
    await opened.close()


def entry(number: int = 0, **fields: str) -> Entry:
    return Entry("user", "wang", "live", "granted", **({"peer_id": "p", "code": f"c{number}"} | fields))


def test_there_is_no_statement_that_updates_or_deletes() -> None:
    texts = [
        node.value
        for module in (ledger_module, ledger_file, verify_module)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
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


async def test_the_file_is_for_its_owner_alone(ledger: Ledger) -> None:
    assert ledger.path.stat().st_mode & 0o077 == 0


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"not a database" * 100)
    with pytest.raises(LedgerError):
        Ledger.open(tmp_path)


async def test_a_reader_cannot_write_and_makes_no_file(ledger: Ledger, tmp_path: Path) -> None:
    with closing(open_for_reading(ledger.path)) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("INSERT INTO ledger (seq) VALUES (1)")
    with pytest.raises(LedgerError, match="no such file"):
        open_for_reading(tmp_path / "other.db")


FIRST_VERSION = """
CREATE TABLE ledger (
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, result TEXT NOT NULL,
    peer_id TEXT NOT NULL, code TEXT NOT NULL, grant_id TEXT NOT NULL, body BLOB NOT NULL, hash TEXT NOT NULL
);
INSERT INTO ledger VALUES (
    1, 1700000000.0, 'user:wang', 'live', 'granted', '34020000001110000001', '34020000001310000001', 'g1',
    CAST('{"action":"live","actor_id":"wang","actor_kind":"user","at":1700000000.0,"bytes":null,"clause":"",'
    || '"code":"34020000001310000001","content_hash":"","destination":"","detail":{},"grant_id":"g1",'
    || '"peer_id":"34020000001110000001","purpose":"duty","result":"granted","seconds":null,"seq":1,'
    || '"span_end":null,"span_start":null}' AS BLOB),
    'e63aff8f8bd74c31f2cfd1ce9b00c2914eab1a82106a4b1622948c2e9d090700'
), (
    2, 1700000005.5, 'user:wang', 'live.ended', 'ended', '', '', 'g1',
    CAST('{"action":"live.ended","actor_id":"wang","actor_kind":"user","at":1700000005.5,"bytes":1000,"clause":"",'
    || '"code":"","content_hash":"","destination":"","detail":{},"grant_id":"g1","peer_id":"","purpose":"",'
    || '"result":"ended","seconds":5.5,"seq":2,"span_end":null,"span_start":null}' AS BLOB),
    'd743e6cd14266375347eb6fec775cffa73e64d2422b54cba855b5c20b4bb71bb'
);
"""
"""The file as version 0.1.0 wrote it. It is never migrated: what is written has to stay readable as it is."""


async def test_the_ledger_of_the_first_version_is_read_verified_and_carried_on(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.executescript(FIRST_VERSION)
    ledger = Ledger.open(tmp_path)
    try:
        assert (await ledger.append(entry())).seq == 3
        newest, second, first = await ledger.entries(LedgerQuery())
        assert (first.entry.purpose, second.entry.seconds, newest.prev) == ("duty", 5.5, second.ref.hash)
        outcome = await ledger.verify()
        assert isinstance(outcome, verify_module.Verified) and outcome.entries == 3
    finally:
        await ledger.close()
