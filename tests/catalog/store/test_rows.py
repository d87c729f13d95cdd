from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.item import ChannelKey, Item
from catalog.store.rows import (
    ITEM_COLUMNS,
    StoredItem,
    coded_item,
    is_storable_code,
    item_of,
    select_items,
    split_claims,
    values_of,
)

GATE = Item(
    code="34020000001320000001",
    name="东门A枪机",
    peer_id="34020000001180000001",
    parent_ids=("34020000001180000001", "34020000002160000001"),
    raw="<Item>东门</Item>",
)


def test_an_item_comes_back_from_its_columns_whole() -> None:
    values = values_of(coded_item(GATE), 5.0)
    again = item_of(GATE.peer_id, values["document"], values["raw"])
    assert again == GATE and again.raw == GATE.raw
    assert set(values) == set(ITEM_COLUMNS)


def test_the_columns_hold_what_an_item_is_found_by() -> None:
    values = values_of(coded_item(GATE), 5.0)
    assert values["kind"] == "channel" and values["region"] == "3402" and values["status"] == "ON"
    assert "东门a枪机" in values["search"] and GATE.code in values["search"]
    assert split_claims(values["claims"]) == GATE.parent_ids
    assert values["digest"] == GATE.content_hash() and values["changed_at"] == 5.0


def test_secret_objects_are_marked() -> None:
    secrets = [values_of(coded_item(replace(GATE, secrecy=secrecy)), 5.0)["secret"] for secrecy in (0, 1, 7)]
    assert secrets == [False, True, True]


def test_parents_that_are_no_codes_are_not_claimed_and_none_are_none() -> None:
    item = replace(GATE, parent_ids=("x" * 65, "a\nb"))
    assert split_claims(values_of(coded_item(item), 5.0)["claims"]) == ()


def test_an_item_with_half_characters_is_stored_without_them() -> None:
    coded = coded_item(replace(GATE, name="东\udc80门", raw="a\udc80\0b"))
    assert coded.item.name == "东?门"
    values = values_of(coded, 5.0)
    assert values["raw"] == "a?b" and coded.digest == coded.item.content_hash()
    assert values_of(coded_item(replace(GATE, raw="a\udc80")), 5.0)["raw"] == "a?"


@pytest.mark.parametrize(
    ("code", "ok"), [("1", True), ("通道 1", True), ("", False), ("x" * 65, False), ("a\0", False)]
)
def test_a_code_must_fit_the_column(code: str, ok: bool) -> None:
    assert is_storable_code(code) is ok


def test_an_object_is_online_only_while_its_peer_is() -> None:
    here = StoredItem(GATE, True, 1.0)
    gone = StoredItem(GATE, False, 1.0)
    assert here.online and here.effective is GATE
    assert not gone.online and gone.effective == replace(GATE, status="OFF")
    off = StoredItem(replace(GATE, status="OFF"), True, 1.0)
    assert not off.online and off.effective is off.item
    assert here.key == ChannelKey(GATE.peer_id, GATE.code) == (here.peer_id, here.code)


def test_objects_are_read_in_one_generation() -> None:
    text = str(select_items())
    assert "gen_from <= catalog_peer.generation" in text and "gen_to > catalog_peer.generation" in text
