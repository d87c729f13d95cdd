from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from catalog.change import Event, ItemEvent
from catalog.item import Item
from catalog.store import CatalogStore
from catalog.store.edges import Edge, Node, all_edges, all_nodes, edges_of
from tests.catalog.store.shelf import ORG, PEER, Catalogue, camera, new_catalogue_database


def test_claims_that_are_honoured_are_live_edges_and_the_others_wait() -> None:
    nodes = {"a": Node(("b", "gone"), b"1"), "b": Node((), b"2"), PEER: Node(("b",), b"3")}
    assert edges_of(nodes, PEER) == {
        Edge("b", True, b"1", "a"),
        Edge("gone", False, b"1", "a"),
        Edge(PEER, True, b"2", "b"),
        Edge("", True, b"3", PEER),
        Edge("b", False, b"3", PEER),
    }


async def test_nodes_and_edges_are_read_by_generation(catalogue: Catalogue, engine: AsyncEngine) -> None:
    await catalogue.sync([camera(1, parent_ids=(ORG,)), Item(code=ORG)])
    async with engine.connect() as connection:
        assert set(await all_nodes(connection, PEER, 1)) == {camera(1).code, ORG}
        assert await all_nodes(connection, PEER, 0) == {}
        assert {(edge.parent, edge.code) for edge in await all_edges(connection, PEER, 1)} == {
            (ORG, camera(1).code),
            (PEER, ORG),
        }
        assert await all_edges(connection, PEER, 0) == set()


async def test_a_chain_deeper_than_any_tree_is_still_linked_right(catalogue: Catalogue) -> None:
    chain = [camera(number, parent_ids=(camera(number + 1).code,)) for number in range(100)]
    await catalogue.sync(chain)
    await catalogue.check()
    end = camera(100)
    await catalogue.store.apply_events(PEER, [ItemEvent(Event.ADD, end.code, end)])
    await catalogue.check()
    first = replace(chain[0], name="动")
    await catalogue.store.apply_events(PEER, [ItemEvent(Event.UPDATE, first.code, first)])
    await catalogue.check()
    closing = replace(end, parent_ids=(first.code,))
    await catalogue.store.apply_events(PEER, [ItemEvent(Event.UPDATE, end.code, closing)])
    assert await catalogue.store.count_children(PEER, PEER) == 101
    await catalogue.check()


NUMBERS = st.integers(1, 6)


@st.composite
def any_event(draw: st.DrawFn) -> ItemEvent:
    number = draw(NUMBERS)
    if draw(st.integers(0, 3)) == 0:
        return ItemEvent(Event.DEL, camera(number).code)
    parents = tuple(camera(parent).code for parent in draw(st.lists(NUMBERS, max_size=2)))
    item = camera(number, draw(st.sampled_from("东西")), parent_ids=parents)
    return ItemEvent(Event.UPDATE, item.code, item)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(any_event(), min_size=1, max_size=3), max_size=8))
def test_however_objects_move_the_tree_is_the_one_their_claims_give(batches: list[list[ItemEvent]]) -> None:
    async def move(path: Path) -> None:
        engine = await new_catalogue_database(path)
        catalogue = Catalogue(CatalogStore(engine), engine)
        try:
            for batch in batches:
                await catalogue.store.apply_events(PEER, batch)
                await catalogue.check()
        finally:
            await engine.dispose()

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(move(Path(directory) / "moves.db"))
