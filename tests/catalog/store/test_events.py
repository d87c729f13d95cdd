from __future__ import annotations

from dataclasses import replace

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from catalog.change import Change, Event, ItemEvent
from catalog.item import Item
from catalog.store.events import EVENT_BATCH
from tests.catalog.store.shelf import GROUP, ORG, PEER, Catalogue, camera

GATE, HALL = camera(1), camera(2)


async def test_an_added_camera_is_listed_and_a_removed_one_is_not(catalogue: Catalogue) -> None:
    added = await catalogue.store.apply_events(PEER, [ItemEvent(Event.ADD, GATE.code, GATE)])
    assert added.changes == (Change(Event.ADD, GATE.code),)
    await catalogue.check()
    removed = await catalogue.store.apply_events(PEER, [ItemEvent(Event.DEL, GATE.code)])
    assert removed.changes == (Change(Event.DEL, GATE.code),)
    assert await catalogue.items() == {}
    await catalogue.check()


async def test_status_events_mark_a_camera_and_keep_it_listed(catalogue: Catalogue) -> None:
    await catalogue.sync([GATE])
    for event, status, fault in [
        (Event.OFF, "OFF", ""),
        (Event.VLOST, "OFF", "VLOST"),
        (Event.ON, "ON", ""),
        (Event.DEFECT, "ON", "DEFECT"),
    ]:
        changes = await catalogue.store.apply_events(PEER, [ItemEvent(event, GATE.code)])
        assert changes.changes == (Change(event, GATE.code),)
        item = (await catalogue.items())[GATE.code]
        assert (item.status, item.fault) == (status, fault)


async def test_events_about_codes_nobody_listed_are_told_as_unknown(catalogue: Catalogue) -> None:
    events = [
        ItemEvent(Event.ON, GATE.code),
        ItemEvent(Event.OFF, GATE.code),
        ItemEvent(Event.DEL, HALL.code),
        ItemEvent(Event.UPDATE, HALL.code, HALL),
        ItemEvent(Event.ON, "x" * 99),
    ]
    changes = await catalogue.store.apply_events(PEER, events)
    assert changes.unknown == (GATE.code, HALL.code)
    assert changes.changes == (Change(Event.ADD, HALL.code),)


async def test_an_item_without_an_event_is_added_or_updates_what_is_there(catalogue: Catalogue) -> None:
    await catalogue.sync([GATE])
    changed = replace(GATE, name="正门")
    changes = await catalogue.store.apply_events(
        PEER, [ItemEvent(None, GATE.code, changed), ItemEvent(None, HALL.code, HALL)]
    )
    assert set(changes.changes) == {Change(Event.UPDATE, GATE.code), Change(Event.ADD, HALL.code)}


async def test_several_events_about_one_camera_are_one_change(catalogue: Catalogue) -> None:
    await catalogue.sync([GATE])
    flapping = [ItemEvent(Event.OFF, GATE.code), ItemEvent(Event.ON, GATE.code)]
    assert not await catalogue.store.apply_events(PEER, flapping)
    await catalogue.store.apply_events(PEER, [*flapping, ItemEvent(Event.OFF, GATE.code)])
    history = await catalogue.store.history(PEER, GATE.code)
    assert [(entry.event, entry.old, entry.new) for entry in history] == [(Event.OFF, {}, {"status": "OFF"})]


async def test_more_events_than_one_transaction_takes_are_all_applied(catalogue: Catalogue) -> None:
    total = EVENT_BATCH * 2 + 3
    events = [ItemEvent(Event.ADD, camera(number).code, camera(number)) for number in range(total)]
    changes = await catalogue.store.apply_events(PEER, events)
    assert len(changes.changes) == total
    assert await catalogue.store.count(PEER) == total
    await catalogue.check()


async def test_a_parent_that_appears_gets_the_children_that_waited_for_it(catalogue: Catalogue) -> None:
    await catalogue.sync([replace(GATE, parent_ids=(ORG,)), HALL])
    assert await catalogue.store.parents(PEER, GATE.code) == [PEER]
    org = Item(code=ORG, name="总部", business_group_id=GROUP)
    await catalogue.store.apply_events(PEER, [ItemEvent(Event.ADD, ORG, org)])
    assert await catalogue.store.parents(PEER, GATE.code) == [ORG]
    await catalogue.check()
    await catalogue.store.apply_events(PEER, [ItemEvent(Event.DEL, ORG)])
    assert await catalogue.store.parents(PEER, GATE.code) == [PEER]
    await catalogue.check()


async def test_a_renamed_camera_moves_in_its_list(catalogue: Catalogue) -> None:
    await catalogue.sync([camera(1, "东"), camera(2, "西")])
    await catalogue.store.apply_events(PEER, [ItemEvent(Event.UPDATE, camera(1).code, camera(1, "正"))])
    page = await catalogue.store.children(PEER, PEER)
    assert [row.stored.item.name for row in page.rows] == ["西", "正"]
    await catalogue.check()


async def test_a_password_in_what_was_received_is_not_stored(catalogue: Catalogue, engine: AsyncEngine) -> None:
    raw = "<Item><Password>geheim</Password></Item>"
    await catalogue.store.apply_events(PEER, [ItemEvent(Event.ADD, GATE.code, replace(GATE, raw=raw))])
    await catalogue.sync([replace(HALL, raw=raw)])
    async with engine.connect() as connection:
        stored = (await connection.execute(text("SELECT raw FROM catalog_item"))).scalars().all()
    assert set(stored) == {"<Item><Password>***</Password></Item>"}
