from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from catalog.item import ChannelKey
from catalog.store import SharingStore
from tests.catalog.store.shelf import PEER, camera

UPPER, OTHER_UPPER = "34000000002000000001", "34000000002000000002"
GATE = camera(1)


@pytest.fixture
def sharing(engine: AsyncEngine) -> SharingStore:
    return SharingStore(engine)


async def test_each_upper_platform_has_codes_of_its_own(sharing: SharingStore) -> None:
    key = ChannelKey(PEER, GATE.code)
    await sharing.give_ids(UPPER, {key: "34020000001320009999"})
    await sharing.give_ids(OTHER_UPPER, {key: GATE.code})
    assert await sharing.published_ids(UPPER) == {key: "34020000001320009999"}
    assert await sharing.published_ids(OTHER_UPPER) == {key: GATE.code}
    assert await sharing.published_ids("nobody") == {}


async def test_a_code_once_given_is_never_changed(sharing: SharingStore) -> None:
    key = ChannelKey(PEER, GATE.code)
    await sharing.give_ids(UPPER, {key: GATE.code})
    await sharing.give_ids(UPPER, {key: "34020000001320009999"})
    assert await sharing.published_ids(UPPER) == {key: GATE.code}
