"""Why devices were offline, in the database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from gateway.device_health.offline_reason import Offline, OfflineReason
from gateway.store import offline_history as module
from gateway.store import schema
from gateway.store.offline_history import KEPT, OfflineHistory
from gateway.store.stores import Stores

A, B = "34020000001110000001", "34020000001110000002"


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    opened = await Stores.open(tmp_path)
    yield opened
    await opened.close()


def gone(at: float) -> Offline:
    return Offline.of(at, OfflineReason.CONNECTION_CLOSED, why=f"reset {at:.0f}")


async def rows(stores: Stores) -> int:
    async with stores.database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(schema.offline_events))).scalar_one())


async def test_what_is_noted_is_written_with_the_next_flush_and_read_newest_first(stores: Stores) -> None:
    history = stores.offline
    for at in (1.0, 2.0):
        history.note(A, gone(at))
    history.note(B, gone(3.0))
    assert await rows(stores) == 0
    assert await history.flush() == 3 and await history.flush() == 0
    history.note(A, gone(4.0))
    assert await history.of_device(A) == [gone(4.0), gone(2.0), gone(1.0)]
    assert dict(await history.last_of_all()) == {A: gone(4.0), B: gone(3.0)}


async def test_of_each_device_the_last_twenty_are_kept(stores: Stores) -> None:
    stores.offline.note(B, gone(0.0))
    for at in range(30):
        stores.offline.note(A, gone(float(at)))
        if at % 7 == 0:
            await stores.offline.flush()
    found = await stores.offline.of_device(A)
    assert [one.at for one in found] == [float(at) for at in range(29, 9, -1)]
    assert await rows(stores) == KEPT + 1


async def test_many_at_once_are_written_in_several_transactions(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 7)
    for at in range(30):
        stores.offline.note(A if at % 2 else B, gone(float(at)))
    assert await stores.offline.flush() == 30 and await stores.offline.flush() == 0
    assert [one.at for one in await stores.offline.of_device(A)] == [float(at) for at in range(29, 0, -2)]


async def test_it_outlives_a_restart(tmp_path: Path) -> None:
    first = await Stores.open(tmp_path)
    first.offline.note(A, gone(1.0))
    await first.close()
    again = await Stores.open(tmp_path)
    assert await again.offline.of_device(A) == [gone(1.0)]
    await again.close()


async def test_what_could_not_be_written_waits_and_is_bounded(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 3)

    class FullDisk:
        def write(self) -> None:
            raise OSError("no space left on device")

    history = OfflineHistory(FullDisk())  # type: ignore[arg-type]
    for at in range(5):
        history.note(A, gone(float(at)))
    with pytest.raises(OSError, match="no space"):
        await history.flush()
    assert history.dropped == 2
    history._database = stores.database
    assert [one.at for one in await history.of_device(A)] == [4.0, 3.0, 2.0]


async def test_a_reason_of_a_newer_program_is_left_out(stores: Stores) -> None:
    async with stores.database.write() as connection:
        row = {"peer_id": A, "at": 1.0, "reason": "abducted", "facts": ""}
        await connection.execute(insert(schema.offline_events).values(row))
    assert await stores.offline.of_device(A) == [] and await stores.offline.last_of_all() == []
