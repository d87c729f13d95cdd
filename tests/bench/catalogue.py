"""A whole catalogue into the store: staged in batches, then switched; items per second of CPU and of wall time."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from catalog.item import Item
from catalog.store import CatalogStore
from gateway.mapping import item_of
from gateway.store.stores import Stores
from sip.manscdp import loads
from tests.bench import sip
from tests.bench.figure import Figure, at_least

PEER = "34020000002000000009"


def items(count: int) -> list[Item]:
    """Cameras below a hundred organisations."""
    groups = [Item(code=f"340200{n:02d}002160000001", name=f"组{n}") for n in range(100)]
    return groups + [
        Item(
            code=f"3402000000131{n:07d}", name=f"东门{n}号枪机", manufacturer="Bench", model="IPC", civil_code="340200",
            address="1号岗亭", parent_ids=(groups[n % 100].code,), longitude=118.3, latitude=31.3,
        )
        for n in range(count - 100)
    ]  # fmt: skip


async def run(*, quick: bool) -> list[Figure]:
    """Insert a new catalogue, then read the same again."""
    count = 10_000 if quick else 50_000
    cameras = items(count)
    figures = []
    with tempfile.TemporaryDirectory(prefix="cb") as folder:
        stores = await Stores.open(Path(folder))
        store = CatalogStore(stores.database.writer, write_turn=stores.database.write_turn)
        for name, bar in (("new", at_least(10_000)), ("unchanged", at_least(10_000))):
            cpu, wall = time.process_time(), time.monotonic()
            generation = await store.begin_sync(PEER)
            for at in range(0, count, 5000):
                await store.stage(generation, cameras[at : at + 5000])
            await store.commit_sync(generation)
            cpu, wall = time.process_time() - cpu, time.monotonic() - wall
            note = f"{count / wall:,.0f} per second of wall time"
            figures.append(Figure("catalogue", f"{count:,} {name} items stored", count / cpu, "items/s", bar, note))
        assert await store.count(PEER) == count
        await stores.close()
    body = sip.MESSAGE.partition(b"\r\n\r\n")[2]

    def understand() -> int:
        return len([item_of(item, PEER) for item in loads(body).message.items])  # type: ignore[union-attr]

    each = sip.microseconds(understand, 0.5 if quick else 2.0) / 2
    figures.append(Figure("catalogue", "XML of two items to items, CPU per item", each, "us"))
    return figures
