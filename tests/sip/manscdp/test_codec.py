"""Whole bodies: the complete examples of the standard's flows, refusals, limits, deviations of the envelope."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import sip.manscdp
from sip import manscdp
from sip.errors import RemoteError
from sip.manscdp import STRICT, Charset, Edition, Extra, Kind, Limits, ManscdpError, Repair, UnwritableError
from sip.manscdp.declaration import REGISTRY, Command
from sip.manscdp.strategy import messages

NVR = "34020000001180000001"
CLASSES = sorted({e.cls for entries in REGISTRY.values() for e in entries}, key=lambda cls: cls.__name__)

KEEPALIVE = (
    '<?xml version="1.0" encoding="GB18030"?>\r\n'
    "<Notify><CmdType>Keepalive</CmdType><SN>43</SN>\r\n"
    "<DeviceID>34020000001180000001</DeviceID><Status>OK</Status>\r\n"
    "<Info><DeviceID>34020000001320000002</DeviceID></Info></Notify>\r\n"
).encode("gb18030")

CATALOG = (
    '<?xml version="1.0" encoding="GB18030"?>\r\n<Response><CmdType>Catalog</CmdType><SN>17430</SN>\r\n'
    '<DeviceID>34020000001180000001</DeviceID><SumNum>3</SumNum><DeviceList Num="2">\r\n'
    "<Item><DeviceID>34020000001320000001</DeviceID><Name>东门枪机</Name><Manufacturer>ExampleCo</Manufacturer>\r\n"
    "<Model>IPC-1</Model><CivilCode>340200</CivilCode><Address>东门1号岗亭</Address><Parental>1</Parental>\r\n"
    "<ParentID>34020000001180000001/34020000002160000002</ParentID><RegisterWay>1</RegisterWay><Secrecy>0</Secrecy>"
    "\r\n<Status>ON</Status><Longitude>118.376451</Longitude><Latitude>31.326319</Latitude>\r\n"
    "<Info><PTZType>4</PTZType><StreamNumberList>0/1</StreamNumberList><DownloadSpeed>1/2/4</DownloadSpeed>\r\n"
    "<GrassrootsCode>000000</GrassrootsCode><PointType>3</PointType></Info></Item>\r\n"
    "<Item><DeviceID>34020000001320000002</DeviceID><Name>大厅半球</Name><Status>OFF</Status></Item>\r\n"
    "</DeviceList></Response>\r\n"
)


def test_the_keepalive_example_has_218_bytes_and_names_its_faulty_channel() -> None:
    assert len(KEEPALIVE) == 218
    parsed = manscdp.loads(KEEPALIVE)
    assert parsed.message == manscdp.Keepalive(sn=43, device_id=NVR, status="OK", faulty=["34020000001320000002"])
    assert (parsed.kind, parsed.cmd_type, parsed.repaired) == (Kind.NOTIFY, "Keepalive", ())


def test_the_catalogue_example_is_understood_without_any_tolerance() -> None:
    parsed = manscdp.loads(CATALOG.encode("gb18030"), repair=STRICT)
    message = parsed.message
    assert isinstance(message, manscdp.CatalogResponse)
    assert (message.sn, message.sum_num, len(message.items)) == (17430, 3, 2)
    camera = message.items[0]
    assert (camera.name, camera.address, camera.parental) == ("东门枪机", "东门1号岗亭", 1)
    assert camera.info == manscdp.ItemInfo(
        ptz_type="4", stream_number_list="0/1", download_speed="1/2/4", grassroots_code="000000", point_type=3
    )
    assert camera.raw.startswith("<Item><DeviceID>34020000001320000001") and camera.raw.endswith("</Info></Item>")
    assert (parsed.charset, parsed.charset_proven, parsed.declared) == (Charset.GB18030, True, "GB18030")


def test_a_query_is_written_exactly() -> None:
    assert manscdp.dumps(manscdp.CatalogQuery(sn=17430, device_id=NVR), charset="GB18030", edition=Edition.V2022) == (
        b'<?xml version="1.0" encoding="GB18030"?>\r\n<Query>\r\n<CmdType>Catalog</CmdType>\r\n<SN>17430</SN>\r\n'
        b"<DeviceID>34020000001180000001</DeviceID>\r\n</Query>\r\n"
    )


def test_by_default_gb2312_is_declared_and_characters_beyond_it_are_gbk_bytes() -> None:
    body = manscdp.dumps(manscdp.DeviceInfoResponse(sn=1, device_id=NVR, device_name="朱镕基"))
    assert body.startswith(b'<?xml version="1.0" encoding="GB2312"?>\r\n')
    assert b"<DeviceName>\xd6\xec\xe9F\xbb\xf9</DeviceName>" in body


def test_an_unknown_charset_label_is_our_fault() -> None:
    with pytest.raises(ValueError, match="BIG5"):
        manscdp.dumps(manscdp.Keepalive(sn=1, device_id=NVR), charset="BIG5")


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("edition", [Edition.V2016, Edition.V2022])
@pytest.mark.parametrize("charset", ["GB2312", "UTF-8"])
def test_every_declared_command_reads_back_as_written(cls: type[Command], edition: Edition, charset: str) -> None:
    @settings(max_examples=12, deadline=None)
    @given(messages(cls, edition))
    def check(message: Command) -> None:
        parsed = manscdp.loads(manscdp.dumps(message, charset=charset, edition=edition), repair=STRICT)
        assert parsed.message == message.for_edition(edition)
        assert parsed.repaired == ()

    check()


def test_the_hanzi_mo_alone_is_read_right() -> None:
    body = manscdp.dumps(manscdp.DeviceInfoResponse(sn=1, device_id=NVR, device_name="模"))
    message = manscdp.loads(body).message
    assert isinstance(message, manscdp.DeviceInfoResponse) and message.device_name == "模"


def test_replaced_bytes_are_counted() -> None:
    parsed = manscdp.loads(KEEPALIVE.replace(b"<Status>OK", b"<Vendor>\xb6\xab\xff\xff</Vendor><Status>OK"))
    assert parsed.replaced == 2


def test_the_path_of_an_error_is_exact() -> None:
    bad = CATALOG.replace("<Status>OFF</Status>", "<Status>MAYBE</Status>").encode("gb18030")
    with pytest.raises(ManscdpError, match="not a Status") as caught:
        manscdp.loads(bad, repair=STRICT)
    assert caught.value.where == "/Response/DeviceList/Item[1]/Status"
    assert caught.value.value == "MAYBE"
    assert isinstance(caught.value, RemoteError) and caught.value.status == 400


def test_a_word_that_is_no_status_costs_only_the_status_and_is_reported_with_its_path() -> None:
    parsed = manscdp.loads(CATALOG.replace("<Status>OFF</Status>", "<Status>MAYBE</Status>").encode())
    assert isinstance(parsed.message, manscdp.CatalogResponse)
    assert parsed.message.items[1].status is None
    assert [error.where for error in parsed.set_aside] == ["/Response/DeviceList/Item[1]/Status"]
    assert parsed.repaired == ("enumeration_junk",) and not parsed.incomplete


def test_an_item_without_id_is_set_aside_and_the_answer_incomplete() -> None:
    bad = CATALOG.replace("<Item><DeviceID>34020000001320000001</DeviceID>", "<Item>")
    parsed = manscdp.loads(bad.encode())
    assert isinstance(parsed.message, manscdp.CatalogResponse)
    assert [item.device_id for item in parsed.message.items] == ["34020000001320000002"]
    assert parsed.message.items[0].raw.startswith("<Item><DeviceID>34020000001320000002")
    assert parsed.set_aside[0].where == "/Response/DeviceList/Item[0]/DeviceID" and parsed.incomplete


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "not XML"),
        (b"hello", "not XML"),
        (b"<Notify>", "well-formed"),
        (b"<Notify><SN>1</SN></Notify>", "missing"),
        (b"<Notify><CmdType> </CmdType></Notify>", "missing"),
        (b"<Report><CmdType>Keepalive</CmdType></Report>", "not Control"),
        (b"<Notify><CmdType>" + b"x" * 65 + b"</CmdType></Notify>", "too long"),
        (b"<Control><CmdType>DeviceControl</CmdType><SN>1</SN><PTZCmd>A50F", "well-formed"),
    ],
)
def test_what_is_no_command_is_refused(body: bytes, what: str) -> None:
    with pytest.raises(ManscdpError, match=what):
        manscdp.loads(body)


@pytest.mark.parametrize(
    "prolog",
    [
        b'<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]>',
        b'<!DOCTYPE x [<!ENTITY xxe SYSTEM "file:///etc/passwd">]>',
        b'<!doctype x SYSTEM "http://127.0.0.1/x.dtd">',
        b'<?xml version="1.0"?>\n<! ENTITY x "y">',
    ],
)
def test_document_types_and_entities_are_refused_outright(prolog: bytes) -> None:
    body = prolog + b"<Notify><CmdType>Keepalive</CmdType><SN>1</SN><DeviceID>&xxe;</DeviceID></Notify>"
    with pytest.raises(ManscdpError, match="entity declarations are refused"):
        manscdp.loads(body)


def test_limits_hold_before_anything_is_built() -> None:
    with pytest.raises(ManscdpError, match="bytes are more than") as caught:
        manscdp.loads(b" " * 1_048_577)
    assert caught.value.status == 413
    with pytest.raises(ManscdpError, match="more than 10 tags"):
        manscdp.loads(KEEPALIVE, limits=Limits(tags=10))
    with pytest.raises(ManscdpError, match="more than 1 Item") as caught:
        manscdp.loads(CATALOG.encode(), limits=Limits(items=1))
    assert caught.value.where == "/Response/DeviceList" and caught.value.status == 413


def test_a_long_broken_body_is_not_repaired() -> None:
    long = KEEPALIVE.replace(b"<Status>OK", b"<Vendor>A & B" + b"x" * 300 + b"</Vendor><Status>OK")
    assert "unescaped_markup" in manscdp.loads(long).repaired
    with pytest.raises(ManscdpError, match="too long to repair") as caught:
        manscdp.loads(long, limits=Limits(repair_characters=300))
    assert caught.value.status == 413


def test_a_crowd_of_unknown_elements_is_refused_even_inside_an_item() -> None:
    with pytest.raises(ManscdpError, match="more than 5 unknown elements") as caught:
        manscdp.loads(CATALOG.replace("<Status>OFF", "<x/>" * 6 + "<Status>OFF").encode(), limits=Limits(unknown=5))
    assert caught.value.status == 413


def test_a_tower_of_elements_is_refused() -> None:
    for depth in (30, 300, 40_000):
        tower = b"<x>" * depth + b"</x>" * depth
        with pytest.raises(ManscdpError):
            manscdp.loads(KEEPALIVE.replace(b"<Status>", tower + b"<Status>"))


def test_a_type_that_is_not_declared_is_kept_whole() -> None:
    body = b"<Notify><CmdType>DoorEvent</CmdType><SN>9</SN><DeviceID>34</DeviceID><Door id='2'>open</Door></Notify>"
    parsed = manscdp.loads(body)
    unknown = parsed.message
    assert isinstance(unknown, manscdp.Unknown)
    assert (unknown.kind, unknown.cmd_type, unknown.sn, unknown.device_id) == (Kind.NOTIFY, "DoorEvent", 9, "34")
    assert unknown.extra == (Extra("Door", "open", (("id", "2"),)),)
    assert (parsed.kind, parsed.cmd_type) == (Kind.NOTIFY, "DoorEvent")
    assert manscdp.loads(manscdp.dumps(unknown)).message == unknown


def test_a_device_control_with_an_undeclared_sub_command_is_unknown() -> None:
    parsed = manscdp.loads(b"<Control><CmdType>DeviceControl</CmdType><SN>1</SN><Wash>On</Wash></Control>")
    assert isinstance(parsed.message, manscdp.Unknown)
    assert parsed.message.cmd_type == "DeviceControl"


def test_only_declared_commands_can_be_written() -> None:
    with pytest.raises(UnwritableError):
        manscdp.dumps(Command(sn=1, device_id="34"))


def test_a_catalogue_notification_under_the_root_response_is_told_by_its_events() -> None:
    body = (
        b"<Response><CmdType>Catalog</CmdType><SN>1</SN><DeviceID>34</DeviceID><SumNum>1</SumNum><DeviceList Num='1'>"
        b"<Item><DeviceID>35</DeviceID><Event>OFF</Event></Item></DeviceList></Response>"
    )
    parsed = manscdp.loads(body)
    assert isinstance(parsed.message, manscdp.CatalogNotify)
    assert parsed.kind is Kind.NOTIFY and parsed.repaired == ("root_swapped",)
    strict = manscdp.loads(body, repair=STRICT).message
    assert isinstance(strict, manscdp.CatalogResponse)


def test_a_notification_under_the_root_response_is_found_by_its_type() -> None:
    body = KEEPALIVE.replace(b"Notify>", b"Response>")
    assert isinstance(manscdp.loads(body).message, manscdp.Keepalive)
    assert isinstance(manscdp.loads(body, repair=STRICT).message, manscdp.Unknown)


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        (b"<CmdType>Keepalive", b"<CmdType> KeepAlive ", "command_spelling"),
        (b"<CmdType>Keepalive", b"<CmdType>Keep alive", None),
        (b"Notify>", b"notify>", "command_spelling"),
        (b"CmdType>", b"cmdtype>", "tag_case"),
        (b"<Notify>", b"<Notify xmlns='http://example.com/gb'>", "namespaces"),
        (b"<SN>43</SN>", b"", "sn_missing"),
        (b"<SN>43</SN>", b"<SN>x</SN>", "sn_missing"),
        (b"<SN>43</SN>", b"<SN></SN>", "sn_missing"),
        (b"<DeviceID>34020000001180000001</DeviceID>", b"", "device_id_missing"),
        (b"</Notify>", b"</Notify>\x00\x00</Notify>", "text_after_root"),
        (b"<Status>OK", b"<Status>O\x01K", "control_characters"),
        (b"<Info>", b"<Info Num=1>", "unquoted_attributes"),
        (b"<Status>OK", b"<Vendor>A&B < C</Vendor><Status>OK", "unescaped_markup"),
        (b"<Info>", b"<gb:Info>", "namespaces"),
    ],
)
def test_deviations_of_the_envelope_pass_under_their_names(old: bytes, new: bytes, name: str | None) -> None:
    body = KEEPALIVE.replace(old, new)
    if new == b"<gb:Info>":
        body = body.replace(b"</Info>", b"</gb:Info>")
    parsed = manscdp.loads(body)
    assert isinstance(parsed.message, manscdp.Keepalive)
    assert parsed.message.status == "OK" and parsed.message.faulty == ["34020000001320000002"]
    assert parsed.message.sn == (0 if name == "sn_missing" else 43)
    if name is not None:
        assert name in parsed.repaired
        with pytest.raises(ManscdpError):
            manscdp.loads(body, repair=Repair(**{name: False}))


def test_byte_order_mark_blank_lines_and_padding_are_passed_over() -> None:
    assert isinstance(manscdp.loads(b"\xef\xbb\xbf\r\n\r\n" + KEEPALIVE + b"\x00\x00").message, manscdp.Keepalive)
    assert isinstance(manscdp.loads(b"\r\n\x00" + KEEPALIVE + b"\r\n\x00").message, manscdp.Keepalive)


def test_a_zero_padded_sequence_number_is_a_number() -> None:
    assert manscdp.loads(KEEPALIVE.replace(b"<SN>43", b"<SN>00043")).message.sn == 43


def test_a_missing_end_of_item_keeps_every_complete_item() -> None:
    body = CATALOG.replace("</Info></Item>", "</Info>").encode("gb18030")
    parsed = manscdp.loads(body)
    assert isinstance(parsed.message, manscdp.CatalogResponse)
    assert [item.name for item in parsed.message.items] == ["东门枪机", "大厅半球"]
    assert parsed.repaired == ("broken_items",) and not parsed.incomplete
    with pytest.raises(ManscdpError):
        manscdp.loads(body, repair=Repair(broken_items=False))


def test_a_doubled_end_of_item_is_passed_over() -> None:
    parsed = manscdp.loads(CATALOG.replace("</Info></Item>", "</Info></Item></Item>").encode())
    assert isinstance(parsed.message, manscdp.CatalogResponse)
    assert len(parsed.message.items) == 2 and parsed.message.sum_num == 3


def test_of_a_catalogue_cut_off_the_complete_items_are_kept_and_it_is_incomplete() -> None:
    whole = CATALOG.encode("gb18030")
    body = whole[: whole.index(b"<Status>OFF")]
    parsed = manscdp.loads(body)
    assert isinstance(parsed.message, manscdp.CatalogResponse)
    assert [item.device_id for item in parsed.message.items] == ["34020000001320000001"]
    assert parsed.repaired == ("truncated",) and parsed.incomplete
    with pytest.raises(ManscdpError):
        manscdp.loads(body, repair=Repair(truncated=False))


def test_of_a_notification_cut_off_the_whole_elements_are_kept() -> None:
    parsed = manscdp.loads(KEEPALIVE[: KEEPALIVE.index(b"<Info>") + 20])
    assert parsed.message == manscdp.Keepalive(sn=43, device_id=NVR)
    assert parsed.incomplete
    with pytest.raises(ManscdpError):
        manscdp.loads(KEEPALIVE[:150], repair=Repair(truncated=False))


def test_damage_without_a_cure_is_refused() -> None:
    with pytest.raises(ManscdpError, match="well-formed"):
        manscdp.loads(b"<Notify><CmdType>Keepalive</CmdType><SN>1</Status></Notify>")
    with pytest.raises(ManscdpError, match="well-formed"):
        manscdp.loads(b"<Response><CmdType>Catalog</CmdType></SN><Item></Item></Response>")


@settings(max_examples=300)
@given(st.binary(max_size=300))
@example(b"<" * 5000)
@example(b"<?xml" + b" " * 5000)
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        manscdp.loads(body)
    except ManscdpError:
        pass


@settings(max_examples=300)
@given(
    st.sampled_from([KEEPALIVE, CATALOG.encode("gb18030"), CATALOG.encode()]),
    st.integers(0, 1200), st.integers(0, 40), st.binary(max_size=6),
)  # fmt: skip
def test_a_damaged_body_is_read_or_refused(body: bytes, start: int, length: int, patch: bytes) -> None:
    try:
        parsed = manscdp.loads(body[:start] + patch + body[start + length :])
    except ManscdpError:
        return
    manscdp.dumps(parsed.message, edition=Edition.V2022)


@given(
    st.lists(
        st.sampled_from(
            [
                "<Notify>",
                "</Notify>",
                "<Response>",
                "</Response>",
                "<CmdType>Catalog</CmdType>",
                "<SN>1</SN>",
                "<x>",
                "<CmdType>Keepalive</CmdType>",
                "<DeviceList>",
                "<Item>",
                "</Item>",
                "</DeviceList>",
                "&",
                "<",
                "<DeviceID>3</DeviceID>",
                "<Info>",
                "</Info>",
            ]
        ),
        max_size=20,
    )
)
def test_any_heap_of_tags_is_read_or_refused(parts: list[str]) -> None:
    try:
        manscdp.loads("".join(parts).encode())
    except ManscdpError:
        pass


def test_the_wire_text_of_the_command_type_stands_nowhere_else() -> None:
    folder = Path(sip.manscdp.__file__).parent
    offenders = [p.name for p in folder.rglob("*.py") if re.search(r"CmdType", p.read_text()) and p.name != "codec.py"]
    assert offenders == []
