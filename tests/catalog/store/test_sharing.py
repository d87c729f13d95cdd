from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from catalog.item import ChannelKey, Item
from catalog.sharing_rule import ShareMode, SharingRule
from catalog.store import SharingStore
from tests.catalog.store.shelf import PEER, Catalogue, camera

UPPER, OTHER_UPPER = "34000000002000000001", "34000000002000000002"
OTHER = "34020000001180000002"
SYSTEM = Item(code="34020000002000000001", name="芜湖平台")
GATE = camera(1)
RULE = SharingRule(id="r1", upper_id=UPPER, name="市局")


@pytest.fixture
def sharing(engine: AsyncEngine) -> SharingStore:
    return SharingStore(engine)


async def test_rules_are_kept_changed_and_dropped(sharing: SharingStore) -> None:
    second = SharingRule(id="r2", upper_id=OTHER_UPPER, mode=ShareMode.LIST, roots=frozenset({ChannelKey("p", "c")}))
    await sharing.save_rule(RULE)
    await sharing.save_rule(second)
    await sharing.save_rule(replace(RULE, name="省厅"))
    assert await sharing.rules() == [replace(RULE, name="省厅"), second]
    assert await sharing.rules(OTHER_UPPER) == [second]
    assert await sharing.delete_rule("r1")
    assert not await sharing.delete_rule("r1")
    assert await sharing.rules(UPPER) == []


async def test_published_codes_lead_back_to_the_real_object_per_upper_platform(sharing: SharingStore) -> None:
    key = ChannelKey(PEER, GATE.code)
    await sharing.give_ids(UPPER, {key: "34020000001320009999"})
    await sharing.give_ids(OTHER_UPPER, {key: GATE.code})
    assert await sharing.published_ids(UPPER) == {key: "34020000001320009999"}
    assert await sharing.real_key(UPPER, "34020000001320009999") == key
    assert await sharing.real_key(OTHER_UPPER, GATE.code) == key
    assert await sharing.real_key(UPPER, GATE.code) is None


async def test_a_code_once_given_is_never_changed(sharing: SharingStore) -> None:
    key = ChannelKey(PEER, GATE.code)
    await sharing.give_ids(UPPER, {key: GATE.code})
    await sharing.give_ids(UPPER, {key: "34020000001320009999"})
    assert await sharing.published_ids(UPPER) == {key: GATE.code}


async def test_publishing_shows_the_present_state_and_remembers_the_codes(
    sharing: SharingStore, catalogue: Catalogue
) -> None:
    await catalogue.sync([GATE])
    await catalogue.sync([GATE], OTHER)
    await catalogue.store.set_peer_status(PEER, False)
    shown = await sharing.publish(catalogue.store, RULE, SYSTEM)
    assert set(await sharing.published_ids(UPPER)) == {ChannelKey(PEER, GATE.code), ChannelKey(OTHER, GATE.code)}
    assert shown.items[GATE.code].status == "OFF"
    await catalogue.sync([])
    again = await sharing.publish(catalogue.store, RULE, SYSTEM)
    kept = next(iter(again.keys))
    assert shown.keys[kept] == again.keys[kept] == ChannelKey(OTHER, GATE.code)
    assert again.new_ids == {}
