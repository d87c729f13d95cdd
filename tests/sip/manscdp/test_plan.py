"""Tables compiled from declarations."""

from __future__ import annotations

import pytest

from sip.manscdp import plan
from sip.manscdp.commands.control import IFrameControl, PtzControl
from sip.manscdp.commands.notify import AlarmNotify
from sip.manscdp.commands.response import CatalogResponse
from sip.manscdp.declaration import Edition
from sip.manscdp.items import CatalogItem, ItemInfo
from sip.manscdp.plan import Shape, edition_slots, plan_of


@pytest.fixture(autouse=True)
def nothing_compiled_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_PLANS", {})


def names(cls: type, edition: Edition) -> list[str]:
    return [name for name, _ in edition_slots(cls, edition)]


def test_a_plan_is_compiled_once() -> None:
    assert plan_of(CatalogItem) is plan_of(CatalogItem)
    assert plan_of(CatalogItem).raw and not plan_of(ItemInfo).raw


def test_the_annotation_decides_how_an_element_is_read() -> None:
    table = plan_of(CatalogItem).table
    shapes = {name: table[name].shape for name in ("Name", "Port", "Status", "Info")}
    assert shapes == {"Name": Shape.TEXT, "Port": Shape.VALUE, "Status": Shape.VALUE, "Info": Shape.GROUP}


def test_a_list_is_found_within_its_wrapper() -> None:
    wrapper = plan_of(CatalogResponse).table["DeviceList"]
    assert wrapper.shape is Shape.WRAPPER and wrapper.table is not None
    assert wrapper.table["Item"].shape is Shape.GROUPS and wrapper.table["Item"].cls is CatalogItem


def test_a_structured_info_and_the_text_only_info_share_a_name() -> None:
    info = plan_of(AlarmNotify).table["Info"]
    assert info.shape is Shape.WRAPPER
    assert info.leaf is not None and info.leaf.attribute == "extra_info"


def test_only_elements_without_default_are_expected() -> None:
    assert [slot.attribute for slot in plan_of(PtzControl).expected] == ["sn", "device_id", "ptz_cmd"]


ITEM_2016 = """
DeviceID Event Name Manufacturer Model Owner CivilCode Block Address Parental ParentID SafetyWay RegisterWay CertNum
Certifiable ErrCode EndTime Secrecy IPAddress Port Password Status Longitude Latitude Info
"""
ITEM_2022 = """
DeviceID Event Name Manufacturer Model CivilCode Block Address Parental ParentID RegisterWay SecurityLevelCode Secrecy
IPAddress Port Password Status Longitude Latitude BusinessGroupID Info
"""
INFO_2016 = """
PTZType PositionType RoomType UseType SupplyLightType DirectionType Resolution BusinessGroupID DownloadSpeed
SVCSpaceSupportMode SVCTimeSupportMode
"""
INFO_2022 = """
PTZType PhotoelectricImagingType CapturePositionType RoomType SupplyLightType DirectionType Resolution StreamNumberList
DownloadSpeed SVCSpaceSupportMode SVCTimeSupportMode SSVCRatioSupportList MobileDeviceType HorizontalFieldAngle
VerticalFieldAngle MaxViewDistance GrassrootsCode PointType PointCommonName MAC FunctionType EncodeType InstallTime
ManagementUnit ContactInfo RecordSaveDays IndustrialClassification
"""


def test_the_item_is_sent_in_the_order_of_each_edition() -> None:
    assert names(CatalogItem, Edition.V2016) == ITEM_2016.split()
    assert names(CatalogItem, Edition.V2022) == ITEM_2022.split()


def test_the_info_is_sent_in_the_order_of_each_edition() -> None:
    assert names(ItemInfo, Edition.V2016) == INFO_2016.split()
    assert names(ItemInfo, Edition.V2022) == INFO_2022.split()


def test_names_follow_the_edition_and_both_are_read() -> None:
    assert names(IFrameControl, Edition.V2016)[2:] == ["IFameCmd", "Info"]
    assert names(IFrameControl, Edition.V2011)[2:] == ["IFameCmd", "Info"]
    assert names(IFrameControl, Edition.V2022)[2:] == ["IFrameCmd", "ExtraInfo"]
    assert {"IFameCmd", "IFrameCmd"} <= set(plan_of(IFrameControl).table)
