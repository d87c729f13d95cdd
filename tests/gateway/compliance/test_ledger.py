from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.compliance import ledger as ledger_module
from gateway.compliance.entry import GENESIS, Entry, EntryRef, canonical, link
from gateway.compliance.heads import HEADS_FILE
from gateway.compliance.ledger import Ledger
from gateway.compliance.verify import Verified, verify
from gateway.errors import Failure, Reason


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = Ledger.open(tmp_path, clock=lambda: 1_700_000_000.0)
    yield opened
    await opened.close()


def entry(number: int = 0, **fields: str) -> Entry:
    return Entry("user", "wang", "live", "granted", **({"peer_id": "p", "code": f"c{number}"} | fields))


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


async def test_a_day_is_signed_with_the_first_entry_of_the_next(tmp_path: Path) -> None:
    now = [1_700_000_000.0]
    ledger = Ledger.open(tmp_path, clock=lambda: now[0])
    last = await ledger.append(entry(1))
    now[0] += 3600.0
    last = await ledger.append(entry(2))
    heads = tmp_path / HEADS_FILE
    assert not heads.exists()
    now[0] += 86_400.0
    await ledger.append(entry(3))
    [line] = heads.read_text().splitlines()
    assert f'"seq":2,"hash":"{last.hash}"' in line
    await ledger.close()


async def test_no_entry_is_written_while_the_day_before_cannot_be_signed(tmp_path: Path) -> None:
    now = [1_700_000_000.0]
    ledger = Ledger.open(tmp_path, clock=lambda: now[0])
    await ledger.append(entry(1))
    now[0] += 86_400.0
    (tmp_path / HEADS_FILE).mkdir()
    with pytest.raises(Failure):
        await ledger.append(entry(2))
    (tmp_path / HEADS_FILE).rmdir()
    assert (await ledger.append(entry(2))).seq == 2
    await ledger.close()
