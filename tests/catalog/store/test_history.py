from __future__ import annotations

from dataclasses import replace

from catalog.change import Event
from catalog.store.history import history_row
from tests.catalog.store.shelf import PEER, Catalogue, Clock, camera

GATE, HALL = camera(1), camera(2)


def test_a_row_holds_only_what_differs() -> None:
    row = history_row(
        "p", "c", generation=1, at=2.0, who="x", event=Event.UPDATE,
        old={"name": "a", "model": "m", "block": "b"}, new={"name": "c", "model": "m"},
    )  # fmt: skip
    assert (row["old"], row["new"]) == ('{"name":"a","block":"b"}', '{"name":"c"}')
    assert row["event"] == "UPDATE"


async def test_who_changed_what_and_when_can_be_read_newest_first(catalogue: Catalogue, clock: Clock) -> None:
    await catalogue.sync([GATE, HALL])
    clock.now += 60
    generation = await catalogue.store.begin_sync(PEER, who="nightly")
    await catalogue.store.stage(generation, [replace(GATE, name="正门")])
    await catalogue.store.commit_sync(generation)
    history = await catalogue.store.history(PEER)
    told = [(entry.event, entry.code, entry.who, entry.at - clock.now) for entry in history]
    assert told == [
        (Event.DEL, HALL.code, "nightly", 0.0),
        (Event.UPDATE, GATE.code, "nightly", 0.0),
        (Event.SYNC, "", "sync", -60.0),
    ]
    assert (history[1].old, history[1].new) == ({"name": GATE.name}, {"name": "正门"})
    assert history[0].old == HALL.document() and history[0].new is None
    assert history[2].new == {"added": 2}


async def test_the_history_is_read_page_by_page_and_by_object(catalogue: Catalogue) -> None:
    await catalogue.sync([GATE])
    for status in ("OFF", "ON", "OFF"):
        await catalogue.sync([replace(GATE, status=status), HALL])
    newest = await catalogue.store.history(PEER, GATE.code, limit=1)
    older = await catalogue.store.history(PEER, GATE.code, before=newest[0].id)
    assert [entry.event for entry in newest + older] == [Event.OFF, Event.ON, Event.OFF]
    assert [entry.event for entry in await catalogue.store.history(PEER, HALL.code)] == [Event.ADD]
    assert await catalogue.store.history("34020000001180000009") == []


async def test_the_history_of_a_sync_is_seen_only_with_it(catalogue: Catalogue) -> None:
    await catalogue.sync([GATE])
    before = await catalogue.store.history(PEER)
    generation = await catalogue.store.begin_sync(PEER)
    await catalogue.store.stage(generation, [HALL])
    assert await catalogue.store.history(PEER) == before
    await catalogue.store.commit_sync(generation)
    assert len(await catalogue.store.history(PEER)) == 3
