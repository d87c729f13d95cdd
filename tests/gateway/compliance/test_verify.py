from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.compliance.entry import GENESIS, Entry, EntryRef, canonical, link
from gateway.compliance.heads import HEADS_FILE, HeadSigner, public_key
from gateway.compliance.ledger import Ledger
from gateway.compliance.ledger_file import LedgerError
from gateway.compliance.verify import Broken, Verified, verify

DAY = 86_400.0


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


async def signed(directory: Path, days: int = 3) -> Ledger:
    """A closed ledger with two entries a day, of which all days but the last are signed."""
    now = [1_700_000_000.0]
    ledger = Ledger.open(directory, clock=lambda: now[0])
    for number in range(2 * days):
        await ledger.append(entry(number))
        now[0] += DAY * (number % 2)
    await ledger.close()
    return ledger


async def test_a_whole_ledger_says_up_to_where_it_is_signed(tmp_path: Path) -> None:
    ledger = await signed(tmp_path)
    assert verify(ledger.path) == Verified(6, ledger.head.hash, signed=4)
    assert verify(ledger.path, key=public_key(tmp_path)) == Verified(6, ledger.head.hash, signed=4)


async def test_entries_cut_off_below_a_signed_head_show(tmp_path: Path) -> None:
    ledger = await signed(tmp_path)
    tamper(ledger.path, "DELETE FROM ledger WHERE seq > 3")
    outcome = verify(ledger.path)
    assert isinstance(outcome, Broken) and outcome.seq == 4 and "signed on 2023-11-16" in outcome.problem


async def test_a_chain_rewritten_from_the_start_does_not_agree_with_the_signed_heads(tmp_path: Path) -> None:
    ledger = await signed(tmp_path)
    ledger.path.unlink()
    heads = (tmp_path / HEADS_FILE).read_bytes()
    again = await signed(tmp_path, days=4)
    (tmp_path / HEADS_FILE).write_bytes(heads)
    assert isinstance(verify(again.path), Verified)
    again.path.unlink()
    forger = Ledger.open(tmp_path, clock=lambda: 1_700_000_000.0)
    for number in range(6):
        await forger.append(entry(number, purpose="harmless"))
    await forger.close()
    outcome = verify(forger.path)
    assert isinstance(outcome, Broken) and outcome.seq == 2 and "signed on 2023-11-15" in outcome.problem


async def test_heads_signed_again_with_another_key_show_against_the_noted_key(tmp_path: Path) -> None:
    ledger = await signed(tmp_path / "a")
    noted = public_key(tmp_path / "a")
    other = HeadSigner(tmp_path / "b")
    forged = other.sign(ledger.head)
    (tmp_path / "a" / HEADS_FILE).write_bytes((tmp_path / "b" / HEADS_FILE).read_bytes())
    outcome = verify(ledger.path, key=noted)
    assert isinstance(outcome, Broken) and outcome.seq == forged.seq and "not genuine" in outcome.problem


async def test_a_noted_head_that_is_not_the_signed_one_shows(tmp_path: Path) -> None:
    ledger = await signed(tmp_path)
    outcome = verify(ledger.path, expected=EntryRef(4, 0.0, "ab" * 32))
    assert isinstance(outcome, Broken) and outcome.seq == 4 and "signed" in outcome.problem


def test_a_missing_file_is_not_made_by_verifying(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no such file"):
        verify(tmp_path / "ledger.db")
