"""From a tree to objects: tolerances of single elements, each by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lxml import etree

from sip.manscdp import (
    LENIENT,
    STRICT,
    AlarmNotify,
    CatalogItem,
    CatalogResponse,
    DeviceStatusResponse,
    DragZoomInControl,
    Extra,
    Keepalive,
    Limits,
    ManscdpError,
    Parsed,
    Repair,
    Structure,
    loads,
)
from sip.manscdp.declaration import listed, structure
from sip.manscdp.reader import Reader


def catalog(*items: str, repair: Repair = LENIENT, limits: Limits | None = None) -> Parsed:
    inner = "".join(items)
    body = (
        "<Response><CmdType>Catalog</CmdType><SN>1</SN><DeviceID>34</DeviceID><SumNum>9</SumNum>"
        f"<DeviceList Num='1'>{inner}</DeviceList></Response>"
    )
    return loads(body.encode(), repair=repair, limits=limits or Limits())


def items_of(parsed: Parsed) -> list[CatalogItem]:
    assert isinstance(parsed.message, CatalogResponse)
    return parsed.message.items


@pytest.mark.parametrize(
    ("inner", "name"),
    [
        ("<Status>OK</Status>", "status_spelling"),
        ("<Status></Status>", "status_spelling"),
        ("<Parental>65535</Parental>", "parental_spelling"),
        ("<Event>add</Event>", "enumeration_spelling"),
        ("<Event>GONE</Event>", "enumeration_junk"),
        ("<Longitude>200</Longitude>", "coordinate_junk"),
        ("<Port>x</Port>", "number_junk"),
        ("<Parental>x</Parental>", "number_junk"),
        ("<status>ON</status>", "tag_case"),
        ("<Name>a</Name><Name>b</Name>", "repeated_elements"),
        ("<Port>1</Port><Port>2</Port>", "repeated_elements"),
        ("<Info><PTZType>1</PTZType></Info><Info><PTZType>2</PTZType></Info>", "repeated_elements"),
    ],
)
def test_each_tolerance_of_a_value_has_a_name_and_a_switch(inner: str, name: str) -> None:
    item = f"<Item><DeviceID>1</DeviceID>{inner}</Item>"
    assert name in catalog(item).repaired
    only_off = replace(LENIENT, **{name: False})
    assert name not in catalog(item, repair=only_off).repaired


def test_without_the_tolerance_of_bad_items_the_first_fault_is_raised() -> None:
    with pytest.raises(ManscdpError) as caught:
        catalog("<Item><DeviceID>1</DeviceID><Port>x</Port></Item>", repair=STRICT)
    assert (caught.value.where, caught.value.what) == ("/Response/DeviceList/Item[0]/Port", "not a whole number")
    with pytest.raises(ManscdpError, match="given twice") as caught:
        catalog("<Item><DeviceID>1</DeviceID></Item><Item><DeviceID>2</DeviceID><Info><RoomType>1</RoomType></Info>"
                "<Info><RoomType>2</RoomType></Info></Item>", repair=STRICT)  # fmt: skip
    assert caught.value.where == "/Response/DeviceList/Item[1]/Info"
    with pytest.raises(ManscdpError, match="given twice"):
        catalog("<Item><DeviceID>1</DeviceID><DeviceID>2</DeviceID></Item>", repair=STRICT)


def test_of_an_element_given_twice_the_first_that_says_something_counts() -> None:
    item = items_of(catalog("<Item><DeviceID>1</DeviceID><Name/><Name>a</Name><Name>b</Name></Item>"))[0]
    assert item.name == "a" and item.extra == (Extra("Name", "b"),)


def test_a_later_info_fills_what_the_first_left_out() -> None:
    item = items_of(catalog("<Item><DeviceID>1</DeviceID><Info><PTZType>1</PTZType></Info>"
                            "<Info><PTZType>2</PTZType><RoomType>2</RoomType><x/></Info></Item>"))[0]  # fmt: skip
    assert item.info is not None
    assert (item.info.ptz_type, item.info.room_type, item.info.extra) == ("1", 2, (Extra("x"),))


def test_an_empty_info_is_none() -> None:
    assert items_of(catalog("<Item><DeviceID>1</DeviceID><Info> </Info></Item>"))[0].info is None


def test_names_in_a_namespace_are_read_by_their_local_name() -> None:
    body = (
        b"<g:Response xmlns:g='urn:gb'><g:CmdType>Catalog</g:CmdType><g:SN>1</g:SN><g:DeviceID>34</g:DeviceID>"
        b"<g:SumNum>1</g:SumNum><g:DeviceList><g:Item><g:DeviceID>1</g:DeviceID><g:x a='1'>y</g:x></g:Item>"
        b"</g:DeviceList></g:Response>"
    )
    parsed = loads(body)
    item = items_of(parsed)[0]
    assert item.device_id == "1" and item.extra == (Extra("x", "y", (("a", "1"),)),)
    assert item.raw.startswith("<g:Item") and parsed.repaired == ("namespaces",)


def test_a_status_list_is_read_under_another_letter_case_too() -> None:
    body = (
        b"<Response><CmdType>DeviceStatus</CmdType><SN>1</SN><DeviceID>34</DeviceID><Result>OK</Result>"
        b"<Online>ON</Online><Status>OK</Status><AlarmStatus num='1'><Item><DeviceID>35</DeviceID>"
        b"<DutyStatus>onduty</DutyStatus></Item></AlarmStatus><info>free text</info></Response>"
    )
    message = loads(body).message
    assert isinstance(message, DeviceStatusResponse)
    assert message.online == "ONLINE" and message.alarm_status[0].duty_status == "ONDUTY"
    assert message.extra_info == ["free text"]


def test_text_only_info_is_extension_and_structured_info_is_not() -> None:
    body = (
        b"<Notify><CmdType>Alarm</CmdType><SN>1</SN><DeviceID>34</DeviceID><AlarmPriority>1</AlarmPriority>"
        b"<Info>note</Info><Info><AlarmType>6</AlarmType><Vendor>v</Vendor></Info><ExtraInfo>more</ExtraInfo></Notify>"
    )
    message = loads(body).message
    assert isinstance(message, AlarmNotify)
    assert message.alarm_type == "6" and message.extra_info == ["note", "more"]
    assert message.extra == (Extra("Info", children=(Extra("Vendor", "v"),)),)


def test_a_group_reads_its_own_elements_and_says_what_it_lacks() -> None:
    head = b"<Control><CmdType>DeviceControl</CmdType><SN>1</SN><DeviceID>34</DeviceID>"
    body = head + b"<DragZoomIn>%s</DragZoomIn></Control>"
    inner = b"<Length>1</Length><Width>2</Width><MidPointX>3</MidPointX><MidPointY>4</MidPointY><LengthX>5</LengthX>"
    message = loads(body % (inner + b"<LengthY>6</LengthY>")).message
    assert isinstance(message, DragZoomInControl) and message.area.length_y == 6
    with pytest.raises(ManscdpError) as caught:
        loads(body % inner)
    assert caught.value.where == "/Control/DragZoomIn/LengthY"
    with pytest.raises(ManscdpError) as caught:
        loads(body % b"")
    assert caught.value.where == "/Control/DragZoomIn/Length"
    with pytest.raises(ManscdpError):
        loads(body % (inner + b"<LengthY>high</LengthY>"))


def test_items_are_counted_when_set_aside_too() -> None:
    parsed = catalog("<Item/>", "<Item><DeviceID>1</DeviceID></Item>", "<Item/>")
    assert [error.where for error in parsed.set_aside] == [
        "/Response/DeviceList/Item[0]/DeviceID",
        "/Response/DeviceList/Item[2]/DeviceID",
    ]
    assert [item.device_id for item in items_of(parsed)] == ["1"] and parsed.incomplete
    with pytest.raises(ManscdpError, match="more than 2 Item"):
        catalog("<Item/>", "<Item/>", "<Item/>", limits=Limits(items=2))


def test_reports_of_what_was_set_aside_are_bounded() -> None:
    assert len(catalog("<Item/>" * 300).set_aside) == 100


def test_repeated_texts_are_read_up_to_the_limit() -> None:
    head = b"<Notify><CmdType>Keepalive</CmdType><SN>1</SN><DeviceID>34</DeviceID><Status>OK</Status>"
    body = head + b"<Info><DeviceID>1</DeviceID><DeviceID> 2 </DeviceID></Info></Notify>"
    message = loads(body).message
    assert isinstance(message, Keepalive) and message.faulty == ["1", "2"]
    with pytest.raises(ManscdpError, match="more than 1 DeviceID"):
        loads(body, limits=Limits(items=1))


def test_a_word_for_a_number_in_a_group_is_an_error_without_the_tolerance_of_junk() -> None:
    body = b"<Response><CmdType>DeviceInfo</CmdType><SN>1</SN><DeviceID>34</DeviceID><Channel>many</Channel></Response>"
    assert [error.where for error in loads(body).set_aside] == ["/Response/Channel"]
    with pytest.raises(ManscdpError) as caught:
        loads(body, repair=Repair(number_junk=False))
    assert caught.value.where == "/Response/Channel"


@structure
class Track(Structure):
    points: list[int] = listed("Point", default_factory=list)


def test_repeated_texts_of_another_type_are_set_aside() -> None:
    nodes = list(etree.fromstring("<T><Point>1</Point><Point>x</Point><Point>3</Point></T>"))
    reader = Reader(LENIENT, Limits(), "", ["T"])
    assert reader.read(nodes, Track).points == [1, 3]
    assert [error.where for error in reader.set_aside] == ["/T/Point[1]"]
    with pytest.raises(ManscdpError, match="not a whole number"):
        Reader(STRICT, Limits(), "", ["T"]).read(nodes, Track)


def test_elements_without_a_meaning_are_kept_but_not_to_any_depth() -> None:
    deep = "<a>" * 40 + "</a>" * 40
    parsed = catalog(f"<Item><DeviceID>1</DeviceID>{deep}</Item>")
    assert items_of(parsed) == [] and parsed.set_aside[0].what == "nested too deeply"


def test_the_source_of_each_item_is_its_own_even_where_text_looks_like_an_item() -> None:
    odd = "<Item><DeviceID>1</DeviceID><Name><![CDATA[<Item></Item>]]></Name></Item>"
    item = items_of(catalog(odd, "<Item ><DeviceID>2</DeviceID></Item>"))
    assert item[0].name == "<Item></Item>"
    assert item[1].raw.endswith("<DeviceID>2</DeviceID></Item>")
