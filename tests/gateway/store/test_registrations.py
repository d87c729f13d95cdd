from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from gateway.store.engine import Database
from gateway.store.registrations import Registration, Registrations

ONE = Registration("1", "udp", "192.0.2.1", 5060, "sip:1@192.0.2.1", 99.0, "3.0", "IPC", "call", 7, 1.0, 2.0)


async def test_bindings_are_written_together_and_read_back(database: Database) -> None:
    registrations = Registrations(database, "lower")
    registrations.put(ONE)
    registrations.put(replace(ONE, peer_id="2"))
    assert await registrations.flush() == 2 and await registrations.flush() == 0
    again = await Registrations(database, "lower").load()
    assert again.get("1") == ONE and len(again) == 2
    assert {item.peer_id for item in again.all()} == {"1", "2"}


async def test_a_refresh_replaces_and_an_unregister_removes(database: Database) -> None:
    registrations = Registrations(database, "lower")
    registrations.put(ONE)
    registrations.put(replace(ONE, peer_id="2"))
    await registrations.flush()
    registrations.put(replace(ONE, port=5070, expires_at=199.0))
    assert registrations.remove("2") is not None and registrations.remove("3") is None
    await registrations.flush()
    again = await Registrations(database, "lower").load()
    assert again.get("1") == replace(ONE, port=5070, expires_at=199.0) and again.get("2") is None


async def test_the_two_sides_do_not_see_each_other(database: Database) -> None:
    lower, upper = Registrations(database, "lower"), Registrations(database, "upper")
    lower.put(ONE)
    upper.put(replace(ONE, host="192.0.2.99"))
    await lower.flush()
    await upper.flush()
    lower.remove("1")
    await lower.flush()
    assert len(await Registrations(database, "lower").load()) == 0
    assert (await Registrations(database, "upper").load()).get("1") == replace(ONE, host="192.0.2.99")


async def test_a_keepalive_moves_last_seen_in_memory_only(database: Database) -> None:
    registrations = Registrations(database, "lower")
    registrations.put(replace(ONE))
    await registrations.flush()
    assert registrations.touch("1", 50.0) and not registrations.touch("2", 50.0)
    assert registrations.get("1").last_seen == 50.0  # type: ignore[union-attr]
    assert await registrations.flush() == 0


async def test_a_failed_write_is_made_up_for_by_the_next_flush(database: Database) -> None:
    registrations = Registrations(database, "lower")
    registrations.put(ONE)
    async with database.write() as connection:
        await connection.execute(text("ALTER TABLE registrations RENAME TO away"))
    with pytest.raises(OperationalError):
        await registrations.flush()
    async with database.write() as connection:
        await connection.execute(text("ALTER TABLE away RENAME TO registrations"))
    assert await registrations.flush() == 1


async def test_the_flushing_task_writes_survives_a_failure_and_ends_with_last_seen(database: Database) -> None:
    registrations = Registrations(database, "lower")
    registrations.put(replace(ONE))
    async with database.write() as connection:
        await connection.execute(text("ALTER TABLE registrations RENAME TO away"))
    failed, written = asyncio.Event(), asyncio.Event()
    write = registrations._write

    async def watched(*rows: list[dict[str, object]]) -> None:
        try:
            await write(*rows)
            written.set()
        except OperationalError:
            failed.set()
            raise

    registrations._write = watched  # type: ignore[method-assign]
    task = asyncio.create_task(registrations.keep_flushing(0.001))
    await failed.wait()
    async with database.write() as connection:
        await connection.execute(text("ALTER TABLE away RENAME TO registrations"))
    await written.wait()
    registrations.touch("1", 77.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await Registrations(database, "lower").load()).get("1") == replace(ONE, last_seen=77.0)


async def test_a_header_that_was_no_utf8_does_not_keep_the_others_from_being_written(database: Database) -> None:
    registrations = Registrations(database, "lower")
    odd = b"\xc9\xe3\xcf\xf1\xbb\xfa".decode("utf-8", "surrogateescape")
    registrations.put(replace(ONE, user_agent=odd, contact="sip:" + "x" * 5000))
    registrations.put(replace(ONE, peer_id="2"))
    assert await registrations.flush() == 2
    again = await Registrations(database, "lower").load()
    kept = again.get("1")
    assert kept is not None and "?" in kept.user_agent and len(kept.contact) == 1024
    assert again.get("2") == replace(ONE, peer_id="2")


async def test_an_unbinding_whose_write_was_cancelled_is_written_with_the_next_flush(database: Database) -> None:
    registrations = Registrations(database, "lower")
    registrations.put(ONE)
    await registrations.flush()
    registrations.remove(ONE.peer_id)
    async with database.write_turn:
        flushing = asyncio.create_task(registrations.flush())
        await asyncio.sleep(0)
        flushing.cancel()
        await asyncio.gather(flushing, return_exceptions=True)
    assert await registrations.flush() == 1
    assert len(await Registrations(database, "lower").load()) == 0


async def test_a_peer_that_is_no_longer_unstable_is_stored_so(database: Database) -> None:
    registrations = Registrations(database, "lower")
    registrations.put(replace(ONE, settled=False))
    await registrations.flush()
    assert (await Registrations(database, "lower").load()).get("1") == replace(ONE, settled=False)
    registrations.settle("1")
    registrations.settle("2")
    assert await registrations.flush() == 1
    assert (await Registrations(database, "lower").load()).get("1") == ONE
