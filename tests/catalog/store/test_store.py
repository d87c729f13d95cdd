from __future__ import annotations

import asyncio
from dataclasses import replace

from catalog.change import Change, Changes, Event, ItemEvent
from tests.catalog.store.shelf import PEER, Catalogue, Clock, camera

GATE, HALL = camera(1), camera(2)


async def test_every_commit_is_told_to_who_subscribed_until_they_end_it(catalogue: Catalogue, clock: Clock) -> None:
    told: list[Changes] = []
    end = catalogue.store.subscribe(told.append)
    await catalogue.sync([GATE])
    await catalogue.store.apply_events(PEER, [ItemEvent(Event.OFF, GATE.code)])
    await catalogue.store.apply_events(PEER, [ItemEvent(Event.OFF, GATE.code)])
    await catalogue.store.set_peer_status(PEER, False)
    end()
    await catalogue.sync([])
    assert told == [
        Changes(PEER, "sync", clock.now, (Change(Event.ADD, GATE.code),)),
        Changes(PEER, "notify", clock.now, (Change(Event.OFF, GATE.code),)),
        Changes(PEER, "registrar", clock.now, peer_online=False),
    ]


async def test_changes_are_told_after_they_can_be_read(catalogue: Catalogue) -> None:
    feed = catalogue.store.feed()
    reading = asyncio.create_task(feed.get())
    await catalogue.sync([GATE])
    changes = await reading
    assert await catalogue.store.get(PEER, changes.changes[0].code) is not None
    catalogue.store.drop_feed(feed)
    await catalogue.sync([])
    assert len(feed) == 0


async def test_a_peer_off_line_shows_all_its_cameras_off_and_back_as_they_were(catalogue: Catalogue) -> None:
    await catalogue.sync([GATE, replace(HALL, status="OFF")])
    assert (await catalogue.store.set_peer_status(PEER, False)).peer_online is False
    gate = await catalogue.store.get(PEER, GATE.code)
    assert gate is not None and not gate.online and gate.effective.status == "OFF" and gate.item.status == "ON"
    assert not await catalogue.store.set_peer_status(PEER, False)
    assert (await catalogue.store.set_peer_status(PEER, True)).peer_online is True
    online = {stored.code: stored.online async for stored in catalogue.store.all_items(PEER)}
    assert online == {GATE.code: True, HALL.code: False}
    assert [(entry.event, entry.new) for entry in (await catalogue.store.history(PEER))[:2]] == [
        (Event.PEER, {"online": True}),
        (Event.PEER, {"online": False}),
    ]


async def test_a_status_of_a_peer_without_a_catalogue_is_kept_for_when_it_has_one(catalogue: Catalogue) -> None:
    await catalogue.store.set_peer_status(PEER, False)
    await catalogue.sync([GATE])
    gate = await catalogue.store.get(PEER, GATE.code)
    assert gate is not None and not gate.online


async def test_a_forgotten_peer_leaves_its_history(catalogue: Catalogue) -> None:
    await catalogue.sync([GATE])
    changes = await catalogue.store.forget_peer(PEER, who="operator")
    assert changes.changes == (Change(Event.DEL, GATE.code),)
    assert await catalogue.items() == {}
    assert [entry.who for entry in await catalogue.store.history(PEER)] == ["operator", "sync"]


async def test_writers_of_different_peers_and_of_one_do_not_hurt_each_other(catalogue: Catalogue) -> None:
    others = [f"3402000000118000{number:04d}" for number in range(10, 14)]

    async def notify(peer: str) -> None:
        for number in range(20):
            await catalogue.store.apply_events(peer, [ItemEvent(Event.ADD, camera(number).code, camera(number))])

    syncs = [catalogue.sync([camera(number) for number in range(50)], peer, complete=False) for peer in others]
    await asyncio.gather(*syncs, *(notify(peer) for peer in others))
    for peer in others:
        assert await catalogue.store.count(peer) == 50
        await catalogue.check(peer)


async def test_an_abort_of_a_sync_that_is_over_does_nothing(catalogue: Catalogue) -> None:
    generation = await catalogue.store.begin_sync(PEER)
    await catalogue.store.stage(generation, [GATE])
    await catalogue.store.commit_sync(generation)
    await catalogue.store.abort_sync(generation)
    assert set(await catalogue.items()) == {GATE.code}
    open_one = await catalogue.store.begin_sync(PEER)
    await catalogue.store.abort_sync(open_one)
    await catalogue.check()
