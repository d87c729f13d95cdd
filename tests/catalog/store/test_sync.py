from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from catalog.change import Change, Event, ItemEvent
from catalog.item import Item
from catalog.store import CatalogStore, StaleSync
from catalog.store.schema import catalog_peer
from catalog.store.sync import Generation, Staging
from tests.catalog.store.shelf import GROUP, ORG, PEER, Catalogue, Clock, camera, new_catalogue_database

GATE, HALL, YARD = camera(1), camera(2), camera(3)


async def test_a_first_sync_lists_everything(catalogue: Catalogue) -> None:
    changes = await catalogue.sync([GATE, HALL])
    assert set(changes.changes) == {Change(Event.ADD, GATE.code), Change(Event.ADD, HALL.code)}
    assert await catalogue.items() == {item.code: replace(item, peer_id=PEER) for item in (GATE, HALL)}
    await catalogue.check()


async def test_a_later_sync_tells_what_was_added_changed_switched_and_removed(catalogue: Catalogue) -> None:
    await catalogue.sync([GATE, HALL, YARD, camera(4)])
    changes = await catalogue.sync([replace(GATE, name="正门"), replace(HALL, status="OFF"), YARD, camera(5)])
    assert set(changes.changes) == {
        Change(Event.UPDATE, GATE.code),
        Change(Event.OFF, HALL.code),
        Change(Event.DEL, camera(4).code),
        Change(Event.ADD, camera(5).code),
    }
    assert set(await catalogue.items()) == {GATE.code, HALL.code, YARD.code, camera(5).code}
    await catalogue.check()


async def test_a_sync_that_brings_nothing_new_changes_nothing(catalogue: Catalogue) -> None:
    await catalogue.sync([GATE, HALL])
    assert not await catalogue.sync([HALL, GATE])
    await catalogue.check()


async def test_an_incomplete_answer_adds_and_changes_but_never_deletes(catalogue: Catalogue) -> None:
    await catalogue.sync([GATE, HALL])
    await catalogue.sync([replace(GATE, name="正门"), YARD], complete=False)
    assert {item.name for item in (await catalogue.items()).values()} == {"正门", HALL.name, YARD.name}
    await catalogue.check()


async def test_a_complete_answer_without_items_empties_the_catalogue(catalogue: Catalogue) -> None:
    await catalogue.sync([GATE, HALL])
    await catalogue.sync([])
    assert await catalogue.items() == {}
    await catalogue.check()


async def test_an_item_staged_twice_is_one_object_with_the_last_content(catalogue: Catalogue) -> None:
    await catalogue.sync([GATE])
    store = catalogue.store
    generation = await store.begin_sync(PEER)
    await store.stage(generation, [replace(GATE, name="一"), replace(GATE, name="二")])
    await store.stage(generation, [replace(GATE, name="三"), HALL])
    await store.stage(generation, [GATE])
    changes = await store.commit_sync(generation)
    assert changes.changes == (Change(Event.ADD, HALL.code),)
    await catalogue.check()


async def test_items_whose_code_cannot_be_stored_are_counted_and_left_out(catalogue: Catalogue) -> None:
    generation = await catalogue.store.begin_sync(PEER)
    await catalogue.store.stage(generation, [Item(code=""), Item(code="x" * 99), GATE])
    await catalogue.store.commit_sync(generation)
    assert generation.rejected == 2
    assert set(await catalogue.items()) == {GATE.code}


async def test_parents_that_come_after_their_children_are_found(catalogue: Catalogue) -> None:
    in_org = replace(GATE, parent_ids=(PEER, ORG))
    await catalogue.sync([in_org, HALL, Item(code=ORG, business_group_id=GROUP), Item(code=GROUP)])
    assert await catalogue.store.parents(PEER, GATE.code) == [PEER, ORG]
    await catalogue.check()
    await catalogue.sync([in_org, HALL, Item(code=GROUP)])
    assert await catalogue.store.parents(PEER, GATE.code) == [PEER]
    await catalogue.check()


async def test_ten_thousand_cameras_are_synchronised(catalogue: Catalogue) -> None:
    cameras = [camera(number, parent_ids=(PEER, ORG)) for number in range(10_000)]
    changes = await catalogue.sync([Item(code=ORG, parent_ids=()), *cameras])
    assert len(changes.changes) == 10_001
    assert await catalogue.store.count(PEER) == 10_001
    assert await catalogue.store.count_children(PEER, ORG) == 10_000
    moved = [replace(item, name=f"新{item.name}") for item in cameras[:2000]]
    changes = await catalogue.sync([Item(code=ORG), *moved, *cameras[2000:9000]])
    assert (len(changes.codes(Event.UPDATE)), len(changes.codes(Event.DEL))) == (2000, 1000)
    assert await catalogue.store.count_children(PEER, ORG) == 9000


async def test_a_second_sync_of_a_peer_ends_the_first(catalogue: Catalogue) -> None:
    store = catalogue.store
    first = await store.begin_sync(PEER)
    await store.stage(first, [GATE])
    second = await store.begin_sync(PEER)
    await store.stage(second, [HALL])
    with pytest.raises(StaleSync) as stale:
        await store.stage(first, [YARD])
    assert (stale.value.peer_id, stale.value.number) == (PEER, 1)
    with pytest.raises(StaleSync):
        await store.commit_sync(first)
    await store.abort_sync(first)
    await store.commit_sync(second)
    assert set(await catalogue.items()) == {HALL.code}
    await catalogue.check()


async def test_an_aborted_sync_leaves_nothing(catalogue: Catalogue) -> None:
    await catalogue.sync([GATE])
    generation = await catalogue.store.begin_sync(PEER)
    await catalogue.store.stage(generation, [replace(GATE, name="正门"), HALL])
    await catalogue.store.abort_sync(generation)
    assert set(await catalogue.items()) == {GATE.code}
    await catalogue.check()


async def test_a_sync_overtaken_by_another_process_is_refused_and_leaves_nothing(
    catalogue: Catalogue, engine: AsyncEngine
) -> None:
    generation = await catalogue.store.begin_sync(PEER)
    await catalogue.store.stage(generation, [GATE])
    async with engine.begin() as connection:
        await connection.execute(update(catalog_peer).values(generation=7))
    with pytest.raises(StaleSync):
        await catalogue.store.commit_sync(generation)
    await catalogue.sync([HALL])
    assert set(await catalogue.items()) == {HALL.code}
    await catalogue.check()


STEPS = ["staged", "recorded", "retired", "linked"]


@pytest.mark.parametrize("killed_after", STEPS)
async def test_a_process_killed_during_a_sync_leaves_the_old_catalogue(
    catalogue: Catalogue, engine: AsyncEngine, clock: Clock, killed_after: str
) -> None:
    await catalogue.sync([GATE, HALL, replace(YARD, parent_ids=(GATE.code,))])
    before = await catalogue.items()
    history = await catalogue.store.history(PEER)
    generation = await catalogue.store.begin_sync(PEER)
    staging = Staging(catalogue.store._writer, generation, clock)
    await staging.stage([replace(GATE, name="正门"), camera(4), YARD])
    removed = [HALL.code]
    for step, work in zip(STEPS[1:], (staging.record, staging.retire, staging.link), strict=True):
        if killed_after == STEPS[STEPS.index(step) - 1]:
            break
        await (staging.link() if step == "linked" else work(removed))  # type: ignore[call-arg]
    reborn = Catalogue(CatalogStore(engine, clock=clock), engine)
    assert await reborn.items() == before
    assert await reborn.store.history(PEER) == history
    await reborn.store.apply_events(PEER, [ItemEvent(Event.OFF, HALL.code)])
    assert {**before, HALL.code: replace(before[HALL.code], status="OFF")} == await reborn.items()
    await reborn.check()
    await reborn.sync([GATE])
    assert set(await reborn.items()) == {GATE.code}
    await reborn.check()


async def test_readers_see_the_old_or_the_new_catalogue_and_never_a_mixture(catalogue: Catalogue) -> None:
    old = [camera(number, parent_ids=(ORG,)) for number in range(1500)]
    new = [replace(item, name="新") for item in old[500:]] + [camera(number) for number in range(2000, 2700)]
    await catalogue.sync([Item(code=ORG), *old])
    allowed = [await catalogue.items(), {ORG: Item(code=ORG, peer_id=PEER)} | {
        item.code: replace(item, peer_id=PEER) for item in new
    }]  # fmt: skip
    under_org = {1500, 1000}
    seen: list[int] = []

    over = asyncio.Event()

    async def read() -> None:
        while not over.is_set() or seen[-1] == 0:
            seen.append(allowed.index(await catalogue.items()))
            assert await catalogue.store.count_children(PEER, ORG) in under_org

    reader = asyncio.create_task(read())
    await catalogue.sync([Item(code=ORG), *new])
    over.set()
    await reader
    assert seen == sorted(seen) and seen[0] == 0
    await catalogue.check()


class TestEventsDuringASync:
    async def during(self, catalogue: Catalogue, events: list[ItemEvent], answer: list[Item]) -> dict[str, Item]:
        generation = await catalogue.store.begin_sync(PEER)
        await catalogue.store.apply_events(PEER, events)
        await catalogue.store.stage(generation, answer)
        await catalogue.store.commit_sync(generation)
        await catalogue.check()
        return await catalogue.items()

    async def test_a_status_notified_meanwhile_wins_over_the_answer(self, catalogue: Catalogue) -> None:
        await catalogue.sync([GATE, HALL])
        after = await self.during(catalogue, [ItemEvent(Event.OFF, GATE.code)], [replace(GATE, name="正门"), HALL])
        assert (after[GATE.code].status, after[GATE.code].name) == ("OFF", "正门")

    async def test_a_camera_removed_meanwhile_stays_removed(self, catalogue: Catalogue) -> None:
        await catalogue.sync([GATE, HALL])
        assert set(await self.during(catalogue, [ItemEvent(Event.DEL, GATE.code)], [GATE, HALL])) == {HALL.code}

    async def test_a_camera_added_meanwhile_stays_though_the_answer_lacks_it(self, catalogue: Catalogue) -> None:
        await catalogue.sync([HALL])
        assert set(await self.during(catalogue, [ItemEvent(Event.ADD, GATE.code, GATE)], [HALL])) == {
            GATE.code,
            HALL.code,
        }

    async def test_a_status_alone_does_not_keep_a_camera_the_answer_lacks(self, catalogue: Catalogue) -> None:
        await catalogue.sync([GATE, HALL])
        assert set(await self.during(catalogue, [ItemEvent(Event.OFF, GATE.code)], [HALL])) == {HALL.code}


def test_a_sync_remembers_only_what_still_matters_of_the_events() -> None:
    generation = Generation(PEER, 0, "sync", {})
    off, on = ItemEvent(Event.OFF, GATE.code), ItemEvent(Event.ON, GATE.code)
    for event in (off, off, on):
        generation.note(event, GATE)
    assert generation.notified[GATE.code] == [on]
    generation.note(ItemEvent(Event.VLOST, GATE.code), GATE)
    assert len(generation.notified[GATE.code]) == 2
    generation.note(ItemEvent(Event.DEL, GATE.code), None)
    assert generation.notified[GATE.code] == [ItemEvent(Event.DEL, GATE.code)]
    renamed = ItemEvent(Event.UPDATE, GATE.code, GATE, frozenset({"name"}))
    for _ in range(100):
        generation.note(renamed, GATE)
    assert len(generation.notified[GATE.code]) <= 17
    for _ in range(100):
        generation.note(renamed, None)
    assert len(generation.notified[GATE.code]) <= 17


WORDS = st.sampled_from(["ON", "OFF", "VLOST", "DEL", "ADD", "UPDATE"])
NUMBERS = st.integers(1, 5)
PARENTS = st.lists(st.sampled_from([camera(n).code for n in range(1, 6)] + [ORG]), max_size=2, unique=True)


@st.composite
def any_camera(draw: st.DrawFn) -> Item:
    number = draw(NUMBERS)
    return camera(number, draw(st.sampled_from(["东", "西"])), parent_ids=tuple(draw(PARENTS)))


@st.composite
def any_event(draw: st.DrawFn) -> ItemEvent:
    item = draw(any_camera())
    word = draw(WORDS)
    return ItemEvent(Event(word), item.code, item if word in ("ADD", "UPDATE") else None)


def expected(before: list[Item], answer: list[Item], events: list[ItemEvent]) -> dict[str, Item]:
    """The rule in its plainest form: what the answer lists, with every event of the meantime applied over it; and what
    it does not list, but an event told of, as readers saw it."""
    seen = {item.code: item for item in before}
    said = {item.code: item for item in answer}
    told = {event.code for event in events if event.item is not None}
    for event in events:
        for items in (seen, said):
            item = event.applied_to(items.get(event.code))
            if item is None:
                items.pop(event.code, None)
            else:
                items[event.code] = item
    listed = {item.code for item in answer}
    final = {code: item for code, item in said.items() if code in listed}
    final |= {code: item for code, item in seen.items() if code in told - listed}
    return {code: replace(item, peer_id=PEER) for code, item in final.items()}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    before=st.lists(any_camera(), max_size=5, unique_by=lambda item: item.code),
    answer=st.lists(any_camera(), max_size=5, unique_by=lambda item: item.code),
    steps=st.lists(any_event() | st.just("stage"), max_size=10),
)
def test_events_racing_a_sync_never_make_twins_and_are_never_lost(
    before: list[Item], answer: list[Item], steps: list[ItemEvent | str]
) -> None:
    async def race(path: Path) -> None:
        engine = await new_catalogue_database(path)
        catalogue = Catalogue(CatalogStore(engine), engine)
        try:
            await catalogue.sync(before)
            generation = await catalogue.store.begin_sync(PEER)
            pending = list(answer)
            for step in steps:
                if isinstance(step, ItemEvent):
                    await catalogue.store.apply_events(PEER, [step])
                    continue
                await catalogue.store.stage(generation, pending[:2])
                del pending[:2]
            await catalogue.store.stage(generation, pending)
            await catalogue.check_tree()
            await catalogue.store.commit_sync(generation)
            events = [step for step in steps if isinstance(step, ItemEvent)]
            assert await catalogue.items() == expected(before, answer, events)
            await catalogue.check()
        finally:
            await engine.dispose()

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(race(Path(directory) / "race.db"))
