"""The translation between items on the wire and in the catalogue: nothing is forgotten, nothing secret goes up."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, get_type_hints

import pytest

from catalog import ChannelKey, Event
from catalog.item import Item
from gateway import mapping
from gateway.mapping import device_shape, event_of, fixed_shape, item_of, parents_of, status_event, wire_of
from sip.manscdp import CatalogItem, CatalogResponse, Edition, Extra, ItemInfo, dumps, loads
from sip.manscdp.declaration import facts_of

PEER = "34020000001110000001"

FULL = """<?xml version="1.0" encoding="GB2312"?>
<Response><CmdType>Catalog</CmdType><SN>1</SN><DeviceID>34020000001110000001</DeviceID><SumNum>1</SumNum>
<DeviceList Num="1"><Item><DeviceID>34020000001310000001</DeviceID><Name>东门枪机</Name><Manufacturer>M</Manufacturer>
<Model>X-1</Model><Owner>O</Owner><CivilCode>340200</CivilCode><Block>B</Block><Address>1号</Address>
<Parental>1</Parental><ParentID>34020000001110000001/34020000002160000001</ParentID><SafetyWay>2</SafetyWay>
<RegisterWay>3</RegisterWay><CertNum>C</CertNum><Certifiable>1</Certifiable><ErrCode>400</ErrCode>
<EndTime>2030-01-01T00:00:00</EndTime><Secrecy>1</Secrecy><IPAddress>192.168.1.64</IPAddress><Port>8000</Port>
<Password>secret</Password><Status>OFF</Status><Longitude>118.376451234</Longitude><Latitude>31.326319</Latitude>
<Info><PTZType>1</PTZType><RoomType>2</RoomType><BusinessGroupID>34020000002150000001</BusinessGroupID>
<Strange>x</Strange></Info><Odd>y</Odd></Item></DeviceList></Response>"""


def received(xml: str = FULL) -> CatalogItem:
    message = loads(xml.encode("gb18030")).message
    assert isinstance(message, CatalogResponse)
    return message.items[0]


def test_every_element_of_a_real_item_arrives_in_the_catalogue() -> None:
    item = item_of(received(), PEER)
    assert item == Item(
        code="34020000001310000001", peer_id=PEER, name="东门枪机", manufacturer="M", model="X-1", owner="O",
        civil_code="340200", block="B", address="1号", parental=True,
        parent_ids=("34020000001110000001", "34020000002160000001"), safety_way=2, register_way=3, cert_num="C",
        certifiable=1, err_code=400, end_time="2030-01-01T00:00:00", secrecy=1, ip_address="192.168.1.64", port=8000,
        status="OFF", longitude=118.376451234, latitude=31.326319,
        business_group_id="34020000002150000001", info={"PTZType": "1", "RoomType": "2", "Strange": "x"},
        extra={"Odd": "y"},
    )  # fmt: skip
    assert item.key == ChannelKey(PEER, "34020000001310000001") and "<Name>东门枪机</Name>" in item.raw


def test_a_password_of_a_camera_is_dropped_wherever_the_peer_wrote_it() -> None:
    more = "<PassWord>secret2</PassWord><LoginPwd>secret3</LoginPwd>"
    item = item_of(received(FULL.replace("<Odd>", f"{more}<Odd>").replace("<Strange>", f"{more}<Strange>")), PEER)
    assert item.extra == {"Odd": "y"} and item.info == {"PTZType": "1", "RoomType": "2", "Strange": "x"}
    assert "secret" not in repr(item) and "secret" not in item.document_bytes().decode()
    assert "<Password>***</Password>" in item.raw and "<Name>东门枪机</Name>" in item.raw
    wire = CatalogItem(device_id="1", event="UPDATE", password="secret")
    assert "secret" not in repr(event_of(wire, PEER)) and event_of(wire, PEER).item == Item(code="1", peer_id=PEER)


def test_no_field_of_either_side_is_forgotten() -> None:
    wire = {attribute for attribute, _ in facts_of(CatalogItem)}
    assert wire == {*mapping.SAME_NAME, *mapping.OTHERWISE, *mapping.NEVER_KEPT}
    in_catalogue = {entry.name for entry in fields(Item)}
    translated = {"code", "name", "parental", "parent_ids", "register_way", "secrecy", "status", "info"}
    ours_alone = {"peer_id", "fault", "extra", "raw"}
    assert in_catalogue == {*mapping.SAME_NAME, *translated, *ours_alone}
    info = {attribute for attribute, _ in facts_of(ItemInfo)}
    assert info == {*mapping._INFO_FIELDS.values(), mapping.ELSEWHERE}


def sample(annotation: str, number: int) -> Any:
    if "int" in annotation:
        return number
    return number + 0.123456789 if "float" in annotation else f"text{number}"


def filled(cls: type[Any], names: set[str], start: int) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {name: sample(str(hints[name]), start + n) for n, name in enumerate(sorted(names))}


def test_whatever_may_go_up_goes_down_and_up_unchanged() -> None:
    info = ItemInfo(**filled(ItemInfo, {attribute for attribute, _ in facts_of(ItemInfo)} - {mapping.ELSEWHERE}, 3))
    values = filled(CatalogItem, set(mapping.SAME_NAME) - mapping.NEVER_SENT, 1)
    wire = CatalogItem(
        device_id="34020000001310000001", name="名", parental=1, parent_id="a/b", register_way=2, secrecy=0,
        status="ON", info=info, **values,
    )  # fmt: skip
    assert wire_of(item_of(wire, PEER)) == wire


@pytest.mark.parametrize("edition", [Edition.V2016, Edition.V2022])
def test_address_port_and_password_and_what_nobody_knows_never_go_up(edition: Edition) -> None:
    up = wire_of(item_of(received(), PEER), published_id="34010000001310000009", event="ADD")
    assert up.device_id == "34010000001310000009" and up.event == "ADD"
    body = dumps(CatalogResponse(sn=1, device_id="1", sum_num=1, items=[up]), charset="GB2312", edition=edition)
    text = body.decode("gb18030")
    for secret in ("192.168.1.64", "IPAddress", "<Port>", "8000", "Password", "secret", "Strange", "Odd"):
        assert secret not in text
    assert "东门枪机" in text and "118.376451234" in text


def test_the_business_group_is_kept_in_one_place_so_that_no_real_id_slips_through() -> None:
    item = item_of(received(), PEER)
    up = wire_of(replace(item, business_group_id="34010000002150000009"))
    body = dumps(CatalogResponse(sn=1, device_id="1", items=[up]), edition=Edition.V2016).decode("gb18030")
    assert "34010000002150000009" in body and "34020000002150000001" not in body
    built = CatalogItem(device_id="1", info=ItemInfo(business_group_id="g"))
    assert item_of(built, PEER).business_group_id == "g"
    assert wire_of(replace(item, business_group_id="")).business_group_id is None


def test_an_item_of_nothing_but_an_id_is_a_working_public_device() -> None:
    item = item_of(CatalogItem(device_id="1"), PEER)
    assert (item.status, item.secrecy, item.register_way, item.parent_ids, item.info) == ("ON", 0, 1, (), {})
    up = wire_of(item)
    assert up.longitude is None and up.manufacturer is None and up.parent_id is None and up.info is None


@pytest.mark.parametrize(
    ("text", "parents"),
    [(None, ()), ("", ()), ("0", ()), ("NULL", ()), ("a/b", ("a", "b")), (" a / /0/ b", ("a", "b"))],
)
def test_parent_ids(text: str | None, parents: tuple[str, ...]) -> None:
    assert parents_of(text) == parents


def test_a_value_of_info_that_is_no_number_is_not_sent_as_one() -> None:
    up = wire_of(Item(code="1", info={"RoomType": "indoor", "PTZType": "x", "HorizontalFieldAngle": "wide"}))
    assert up.info == ItemInfo(ptz_type="x")


def test_an_update_counts_only_the_elements_it_carries() -> None:
    event = event_of(CatalogItem(device_id="1", event="UPDATE", name="new", parent_id="p"), PEER)
    assert event.event is Event.UPDATE and event.present is not None
    assert event.present == {"name", "parent_ids"}
    assert event.item is not None and event.item.name == "new"


def test_a_change_of_state_says_nothing_of_the_object() -> None:
    event = event_of(CatalogItem(device_id="1", event="OFF"), PEER)
    assert (event.event, event.code, event.item) == (Event.OFF, "1", None)
    assert event_of(CatalogItem(device_id="1", name="n"), PEER).event is None
    assert status_event("1", "DEL") == CatalogItem(device_id="1", event="DEL")


def test_regions_groups_organisations_and_systems_have_their_own_shape() -> None:
    whole = wire_of(
        Item(
            code="1", name="n", manufacturer="m", civil_code="3402", parent_ids=("p",), business_group_id="g", block="b"
        )
    )

    def said(kind: str, edition: Edition = Edition.V2022) -> set[str]:
        shaped = fixed_shape(whole, kind, edition)
        return {attribute for attribute, _ in facts_of(CatalogItem) if getattr(shaped, attribute) is not None}

    assert said("region") == {"device_id", "name"}
    assert said("group") == {"device_id", "name", "parent_id", "civil_code"}
    assert said("org") == {"device_id", "name", "parent_id", "business_group_id"}
    mandatory = {"manufacturer", "model", "owner", "civil_code", "address", "register_way", "secrecy"}
    system = {"device_id", "name", "parent_id", *mandatory}
    assert said("system", Edition.V2016) == system and said("system") == {*system, "status"}


def test_devices_and_systems_state_every_element_they_must_have() -> None:
    """GB/T 28181-2016 and -2022 A.2.1: mandatory texts are there even where nobody knows them."""
    code = "34020000001320000001"
    for shaped in (
        device_shape(wire_of(Item(code=code, name="n"))),
        fixed_shape(wire_of(Item(code=code, name="n")), "system", Edition.V2016),
    ):
        body = dumps(CatalogResponse(sn=1, device_id="1", items=[shaped]), edition=Edition.V2016).decode("gb18030")
        for text in ("Manufacturer", "Model", "Owner", "Address"):
            assert f"<{text}></{text}>" in body or f"<{text}/>" in body
        assert "<CivilCode>3402</CivilCode>" in body
    newer = dumps(CatalogResponse(sn=1, device_id="1", items=[shaped]), edition=Edition.V2022).decode("gb18030")
    assert "Owner" not in newer and "<CivilCode>3402</CivilCode>" in newer
    known = device_shape(wire_of(Item(code=code, civil_code="340203", address="门口", model="X")))
    assert (known.civil_code, known.address, known.model, known.manufacturer) == ("340203", "门口", "X", "")


def test_absurd_values_do_not_cost_the_catalogue_its_item() -> None:
    wire = CatalogItem(
        device_id="1", name="a\0b\ud800", port=2**70, secrecy=2**70, longitude=float("nan"),
        extra=[Extra("Empty", ""), Extra("X", "v")],
    )  # fmt: skip
    item = item_of(wire, PEER)
    assert item.name == "ab?" and item.port is None and item.is_secret and item.longitude is None
    assert item.extra == {"X": "v"}
