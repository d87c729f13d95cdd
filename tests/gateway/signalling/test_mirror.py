"""The catalogue in memory is always the one in the database."""

from __future__ import annotations

import random
from typing import Any

import pytest

from catalog import Item, ItemEvent
from catalog.change import Changes
from catalog.store import CatalogStore
from gateway.signalling import mirror as module
from gateway.signalling.mirror import CatalogueMirror

PEERS = ("34020000001110000001", "34020000001110000002")


def camera(peer_id: str, number: int, **values: Any) -> Item:
    return Item(code=f"3402000000131{number:07d}", peer_id=peer_id, name=f"c{number}", **values)


async def sync(store: CatalogStore, peer_id: str, *items: Item) -> None:
    generation = await store.begin_sync(peer_id)
    await store.stage(generation, items)
    _ = await store.commit_sync(generation)


async def stored(store: CatalogStore) -> dict[Any, Item]:
    return {entry.key: entry.effective async for entry in store.all_items()}


def listed(items: list[Item]) -> dict[Any, Item]:
    assert len({item.key for item in items}) == len(items)
    return {item.key: item for item in items}


@pytest.mark.parametrize("max_items", [1000, 0])
async def test_whatever_happens_to_the_store_the_mirror_agrees(catalog: CatalogStore, max_items: int) -> None:
    mirror = CatalogueMirror(catalog, max_items=max_items)
    off = catalog.subscribe(mirror.changed)
    chance = random.Random(11)
    assert await mirror.items() == []
    for _ in range(40):
        peer_id, number = chance.choice(PEERS), chance.randrange(12)
        what = chance.choice(["sync", "ADD", "DEL", "OFF", "ON", "UPDATE", "online", "offline", "forget"])
        if what == "sync":
            await sync(catalog, peer_id, *(camera(peer_id, n) for n in range(number)))
        elif what in ("online", "offline"):
            _ = await catalog.set_peer_status(peer_id, what == "online")
        elif what == "forget":
            _ = await catalog.forget_peer(peer_id, who="test")
        else:
            item = camera(peer_id, number, address=str(chance.random()))
            _ = await catalog.apply_events(peer_id, [ItemEvent.of(what, item.code, item)])
        if chance.random() < 0.7:
            assert listed(await mirror.items()) == await stored(catalog)
    off()


async def test_a_single_change_reads_a_single_object(catalog: CatalogStore, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = CatalogueMirror(catalog)
    off = catalog.subscribe(mirror.changed)
    await sync(catalog, PEERS[0], *(camera(PEERS[0], n) for n in range(20)))
    await mirror.items()

    def forbidden(*args: object) -> Any:
        raise AssertionError("read again")

    with monkeypatch.context() as patch:
        patch.setattr(catalog, "all_items", forbidden)
        _ = await catalog.apply_events(PEERS[0], [ItemEvent.of("DEL", camera("", 3).code)])
        _ = await catalog.apply_events(PEERS[0], [ItemEvent.of("ADD", camera("", 99).code, camera(PEERS[0], 99))])
        assert len(await mirror.items()) == 20
    assert listed(await mirror.items()) == await stored(catalog)
    off()


async def test_many_changes_at_once_read_their_peer_alone(
    catalog: CatalogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MANY", 3)
    mirror = CatalogueMirror(catalog)
    off = catalog.subscribe(mirror.changed)
    await mirror.items()
    for peer_id in PEERS:
        await sync(catalog, peer_id, *(camera(peer_id, n) for n in range(9)))
        assert listed(await mirror.items()) == await stored(catalog)
    off()


async def test_after_missed_changes_or_a_failure_everything_is_read_again(
    catalog: CatalogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = CatalogueMirror(catalog)
    await mirror.items()
    await sync(catalog, PEERS[0], camera(PEERS[0], 1))  # nobody tells the mirror
    assert await mirror.items() == []
    mirror.changed(Changes(PEERS[0], "test", 0.0, overrun=True))
    assert len(await mirror.items()) == 1

    def broken(*args: object) -> Any:
        raise OSError("disk")

    await sync(catalog, PEERS[0], camera(PEERS[0], 1), camera(PEERS[0], 2))
    mirror.changed(Changes(PEERS[0], "test", 0.0, peer_online=True))
    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk"):
        patch.setattr(catalog, "all_items", broken)
        await mirror.items()
    assert len(await mirror.items()) == 2
