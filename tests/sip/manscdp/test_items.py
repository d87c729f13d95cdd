"""The catalogue item: order, places and values by edition."""

from __future__ import annotations

from sip.manscdp import CatalogItem, CatalogResponse, Edition, ItemInfo, dumps, loads

GROUP = "34020000002150000001"


def written(item: CatalogItem, edition: Edition) -> str:
    body = dumps(CatalogResponse(sn=1, device_id="34", sum_num=1, items=[item]), charset="UTF-8", edition=edition)
    return body.decode().partition("<Item>")[2].partition("</Item>")[0]


def read(inner: str) -> CatalogItem:
    body = f"<Response><CmdType>Catalog</CmdType><SN>1</SN><DeviceID>34</DeviceID><SumNum>1</SumNum><DeviceList Num='1'><Item>{inner}</Item></DeviceList></Response>"  # noqa: E501
    message = loads(body.encode()).message
    assert isinstance(message, CatalogResponse)
    return message.items[0]


CAMERA = CatalogItem(
    device_id="34020000001320000001", name="东门", manufacturer="ExampleCo", model="IPC-1", owner="Owner",
    civil_code="340200", block="b", address="东门", parental=0, parent_id="34020000001180000001", safety_way=0,
    register_way=1, cert_num="c", certifiable=1, err_code=0, end_time="2030-01-01T00:00:00", security_level_code="A",
    secrecy=0, ip_address="192.0.2.1", port=5060, password="p", status="ON", longitude=118.5, latitude=31.25,
    business_group_id=GROUP, info=ItemInfo(ptz_type="3", position_type=1, use_type=2, stream_number_list="0/1"),
)  # fmt: skip


def test_a_full_item_in_the_2016_order() -> None:
    assert written(CAMERA, Edition.V2016) == (
        "<DeviceID>34020000001320000001</DeviceID><Name>东门</Name><Manufacturer>ExampleCo</Manufacturer>"
        "<Model>IPC-1</Model><Owner>Owner</Owner><CivilCode>340200</CivilCode><Block>b</Block><Address>东门</Address>"
        "<Parental>0</Parental><ParentID>34020000001180000001</ParentID><SafetyWay>0</SafetyWay>"
        "<RegisterWay>1</RegisterWay><CertNum>c</CertNum><Certifiable>1</Certifiable><ErrCode>0</ErrCode>"
        "<EndTime>2030-01-01T00:00:00</EndTime><Secrecy>0</Secrecy><IPAddress>192.0.2.1</IPAddress><Port>5060</Port>"
        "<Password>p</Password><Status>ON</Status><Longitude>118.5</Longitude><Latitude>31.25</Latitude>"
        "<Info><PTZType>3</PTZType><PositionType>1</PositionType><UseType>2</UseType>"
        "<BusinessGroupID>34020000002150000001</BusinessGroupID></Info>"
    )


def test_a_full_item_in_the_2022_order() -> None:
    assert written(CAMERA, Edition.V2022) == (
        "<DeviceID>34020000001320000001</DeviceID><Name>东门</Name><Manufacturer>ExampleCo</Manufacturer>"
        "<Model>IPC-1</Model><CivilCode>340200</CivilCode><Block>b</Block><Address>东门</Address>"
        "<Parental>0</Parental><ParentID>34020000001180000001</ParentID><RegisterWay>1</RegisterWay>"
        "<SecurityLevelCode>A</SecurityLevelCode><Secrecy>0</Secrecy><IPAddress>192.0.2.1</IPAddress>"
        "<Port>5060</Port><Password>p</Password><Status>ON</Status><Longitude>118.5</Longitude>"
        "<Latitude>31.25</Latitude><BusinessGroupID>34020000002150000001</BusinessGroupID>"
        "<Info><PTZType>3</PTZType><StreamNumberList>0/1</StreamNumberList></Info>"
    )


def test_the_business_group_is_read_from_either_place() -> None:
    assert read(f"<DeviceID>1</DeviceID><BusinessGroupID>{GROUP}</BusinessGroupID>").business_group_id == GROUP
    old = read(f"<DeviceID>1</DeviceID><Info><BusinessGroupID>{GROUP}</BusinessGroupID></Info>")
    assert old.business_group_id == GROUP


def test_a_virtual_organisation_without_info_gets_one_for_its_group_in_2016() -> None:
    item = CatalogItem(device_id="34020000002160000001", name="n", business_group_id=GROUP)
    assert written(item, Edition.V2016).endswith(f"<Info><BusinessGroupID>{GROUP}</BusinessGroupID></Info>")
    assert item.info is None
    assert item.for_edition(Edition.V2022) is item
    settled = CatalogItem(device_id="1", business_group_id=GROUP, info=ItemInfo(business_group_id=GROUP))
    assert settled.for_edition(Edition.V2016) is settled


def test_an_event_follows_the_id() -> None:
    item = CatalogItem(device_id="1", event="ADD", name="n")
    assert written(item, Edition.V2022) == "<DeviceID>1</DeviceID><Event>ADD</Event><Name>n</Name>"


def test_odd_values_of_devices_are_read_as_meant() -> None:
    item = read(
        "<DeviceID> 1 </DeviceID><CivilCode>3402000000x</CivilCode><Parental>65535</Parental><Status>online</Status>"
        "<Longitude>abc</Longitude><Latitude>123</Latitude><Port></Port><Secrecy>no</Secrecy>"
    )
    assert (item.device_id, item.civil_code, item.parental, item.status) == ("1", "3402000000x", 1, "ON")
    assert item.longitude is None and item.latitude is None and item.port is None and item.secrecy is None


def test_the_raw_text_keeps_what_has_no_meaning_here() -> None:
    item = read("<DeviceID>1</DeviceID><Parental>true</Parental><Vendor a='b'>x</Vendor>")
    assert item.raw == "<Item><DeviceID>1</DeviceID><Parental>true</Parental><Vendor a='b'>x</Vendor></Item>"
    assert [kept.name for kept in item.extra] == ["Vendor"]
    assert written(item, Edition.V2022).endswith('<Vendor a="b">x</Vendor>')
