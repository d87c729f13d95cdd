from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.code import Kind
from catalog.item import ChannelKey, Item, hash_of

CAMERA = Item(
    code="34020000001320000001",
    name="东门枪机",
    peer_id="34020000001180000001",
    manufacturer="ExampleCo",
    model="IPC-1",
    owner="0",
    civil_code="340200",
    block="b",
    address="东门1号岗亭",
    parental=True,
    parent_ids=("34020000001180000001", "34020000002160000002"),
    safety_way=0,
    register_way=2,
    cert_num="c",
    certifiable=1,
    err_code=2,
    end_time="2030-01-01T00:00:00",
    security_level_code="A",
    secrecy=0,
    ip_address="192.0.2.1",
    port=5060,
    status="OFF",
    fault="VLOST",
    longitude=118.376451,
    latitude=31.326319,
    business_group_id="34020000002150000001",
    info={"PTZType": "4", "StreamNumberList": "0/1"},
    extra={"VendorThing": "x"},
    raw="<Item/>",
)


def test_an_item_survives_its_document_with_every_element() -> None:
    document = orjson.loads(CAMERA.document_bytes())
    again = Item.from_document(document, peer_id=CAMERA.peer_id, raw=CAMERA.raw)
    assert again == CAMERA
    assert again.raw == CAMERA.raw


def test_every_element_but_the_peer_and_the_raw_text_counts_in_the_content_hash() -> None:
    plain = Item(code=CAMERA.code)
    for entry in fields(Item):
        changed = replace(plain, **{entry.name: getattr(CAMERA, entry.name)})
        same = changed.content_hash() == plain.content_hash()
        at_default = getattr(CAMERA, entry.name) == getattr(plain, entry.name)
        assert same == (entry.name in ("peer_id", "raw") or at_default), entry.name


def test_the_order_of_camera_details_does_not_change_the_hash() -> None:
    turned = replace(CAMERA, info=dict(reversed(CAMERA.info.items())))
    assert turned.content_hash() == CAMERA.content_hash() == hash_of(CAMERA.document_bytes())
    assert len(CAMERA.content_hash()) == 16


def test_an_element_at_its_default_is_not_stored() -> None:
    assert Item(code="34").document() == {"code": "34"}


def test_a_document_of_a_later_version_is_read_without_what_is_not_known() -> None:
    assert Item.from_document({"code": "34", "name": "安徽省", "colour": "red"}) == Item(code="34", name="安徽省")


def test_an_item_knows_its_key_and_kind() -> None:
    assert CAMERA.key == ChannelKey("34020000001180000001", "34020000001320000001")
    assert CAMERA.kind is Kind.CHANNEL
    assert not CAMERA.is_secret and replace(CAMERA, secrecy=1).is_secret and replace(CAMERA, secrecy=7).is_secret


@pytest.mark.parametrize(
    ("civil_code", "region"),
    [
        ("340200", "3402"),
        ("34020201", "34020201"),
        ("340202010000", "34020201"),
        ("", "3402"),
        ("芜湖", "3402"),
        ("34020", "3402"),
        ("000000", "3402"),
        ("110105", "110105"),
    ],
)
def test_the_region_comes_from_a_usable_civil_code_or_else_from_the_own_code(civil_code: str, region: str) -> None:
    assert replace(CAMERA, civil_code=civil_code).region == region


@pytest.mark.parametrize(
    "broken",
    [
        {"name": "a\udc80b"},
        {"port": 2**70},
        {"secrecy": 2**70},
        {"info": {"x\udc80": "y\udc80"}},
        {"parent_ids": ("\udc80",)},
        {"name": "a\0b", "port": 2**64},
    ],
)
def test_what_no_database_can_keep_is_made_storable(broken: dict[str, Any]) -> None:
    item = replace(CAMERA, **broken)
    with pytest.raises(TypeError):
        item.document_bytes()
    storable = item.storable()
    assert storable.document_bytes()
    assert storable.code == CAMERA.code and "\0" not in storable.name
    assert storable.is_secret == (item.secrecy != 0)


def test_coordinates_that_are_no_number_become_none() -> None:
    assert replace(CAMERA, longitude=float("nan")).storable().longitude is None
    assert CAMERA.storable() == CAMERA


def test_an_update_changes_only_the_elements_that_were_sent() -> None:
    news = Item(code=CAMERA.code, name="西门枪机", raw="<Item>2</Item>")
    merged = CAMERA.merged(news, frozenset({"code", "name"}))
    assert merged == replace(CAMERA, name="西门枪机")
    assert merged.raw == "<Item>2</Item>"
    assert CAMERA.merged(news, None) == replace(news, peer_id=CAMERA.peer_id, fault="VLOST")


@given(st.builds(Item, code=st.text(min_size=1), name=st.text(), info=st.dictionaries(st.text(), st.text())))
def test_any_item_can_be_stored_and_read_back(item: Item) -> None:
    storable = item.storable()
    assert Item.from_document(orjson.loads(storable.document_bytes())) == storable
