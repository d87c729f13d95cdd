"""Writing: escaping, order, lists, editions, refusals."""

from __future__ import annotations

import pytest

from sip.manscdp import (
    CatalogItem,
    CatalogNotify,
    CatalogResponse,
    Edition,
    Extra,
    IFrameControl,
    Keepalive,
    MobilePosition,
    PresetResponse,
    PtzControl,
    UnwritableError,
    UploadSnapShotFinished,
    writer,
)
from sip.manscdp.items import ItemInfo
from sip.manscdp.writer import elements, escape


@pytest.fixture(autouse=True)
def nothing_compiled_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_COMPILED", {})


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("东门", "东门"),
        ("A&B <C> \"'", "A&amp;B &lt;C&gt; \"'"),
        ("a\x00b\x1fc\ud800d\uffff", "abcd"),
        ("a\r\nb\tc", "a&#13;\nb\tc"),
    ],
)
def test_text_is_escaped_and_what_xml_cannot_carry_is_left_out(text: str, escaped: str) -> None:
    assert escape(text) == escaped


def test_a_list_carries_its_number_and_is_left_out_when_empty() -> None:
    message = CatalogResponse(
        sn=1, device_id="34", sum_num=2, items=[CatalogItem(device_id="1"), CatalogItem(device_id="2")]
    )
    assert elements(message, Edition.V2022)[-1] == (
        '<DeviceList Num="2">\r\n<Item><DeviceID>1</DeviceID></Item>\r\n'
        "<Item><DeviceID>2</DeviceID></Item>\r\n</DeviceList>"
    )
    assert elements(CatalogResponse(sn=1, device_id="34", sum_num=0), Edition.V2022) == [
        "<SN>1</SN>", "<DeviceID>34</DeviceID>", "<SumNum>0</SumNum>",
    ]  # fmt: skip


def test_a_list_that_must_be_there_is_there_empty() -> None:
    assert elements(PresetResponse(sn=1, device_id="34", sum_num=0), Edition.V2022)[-1] == (
        '<PresetList Num="0">\r\n</PresetList>'
    )
    finished = UploadSnapShotFinished(sn=1, device_id="34", session_id="s", files=["a", "b"])
    assert elements(finished, Edition.V2022)[-1] == (
        "<SnapShotList><SnapShotFileID>a</SnapShotFileID><SnapShotFileID>b</SnapShotFileID></SnapShotList>"
    )


def test_elements_in_one_wrapper_share_it() -> None:
    control = PtzControl(
        sn=1, device_id="34", ptz_cmd="A50F0100000000B5", preset_name="门", cruise_track_name="c", control_priority=5,
        extra_info=["x"],
    )  # fmt: skip
    assert elements(control, Edition.V2022)[2:] == [
        "<PTZCmd>A50F0100000000B5</PTZCmd>",
        "<PTZCmdParams><PresetName>门</PresetName><CruiseTrackName>c</CruiseTrackName></PTZCmdParams>",
        "<Info><ControlPriority>5</ControlPriority></Info>",
        "<ExtraInfo>x</ExtraInfo>",
    ]
    assert elements(control, Edition.V2016)[2:] == [
        "<PTZCmd>A50F0100000000B5</PTZCmd>",
        "<Info><ControlPriority>5</ControlPriority></Info>",
        "<Info>x</Info>",
    ]


def test_the_key_frame_request_is_spelled_by_edition() -> None:
    assert elements(IFrameControl(sn=1, device_id="34"), Edition.V2016)[2] == "<IFameCmd>Send</IFameCmd>"
    assert elements(IFrameControl(sn=1, device_id="34"), Edition.V2022)[2] == "<IFrameCmd>Send</IFrameCmd>"


def test_a_change_notification_counts_its_own_items() -> None:
    notify = CatalogNotify(sn=1, device_id="34", items=[CatalogItem(device_id="1", event="OFF")])
    assert "<SumNum>1</SumNum>" in elements(notify, Edition.V2022)


def test_positions_are_flat_up_to_2016_and_a_list_since() -> None:
    assert elements(MobilePosition(sn=1, device_id="34", longitude=118.37, latitude=31.32), Edition.V2016)[2:] == [
        "<Longitude>118.37</Longitude>",
        "<Latitude>31.32</Latitude>",
    ]


def test_kept_elements_are_written_last_with_their_attributes() -> None:
    item = Keepalive(sn=1, device_id="34", extra=(Extra("V", "a&b", (("q", 'x"<'),), (Extra("W"),)),))
    assert elements(item, Edition.V2016)[-1] == '<V q="x&quot;&lt;">a&amp;b<W></W></V>'


def test_a_group_of_one_element_is_written() -> None:
    assert elements(CatalogItem(device_id="1", info=ItemInfo(ptz_type="1")), Edition.V2022)[-1] == (
        "<Info><PTZType>1</PTZType></Info>"
    )


@pytest.mark.parametrize(
    "message",
    [
        Keepalive(sn=1, device_id="34", status="MAYBE"),
        Keepalive(sn="1", device_id="34"),  # type: ignore[arg-type]
        Keepalive(sn=1, device_id=34),  # type: ignore[arg-type]
        Keepalive(sn=1, device_id="34", faulty=[3]),  # type: ignore[list-item]
    ],
)
def test_a_value_of_another_type_is_never_written(message: Keepalive) -> None:
    with pytest.raises(UnwritableError, match="Keepalive"):
        elements(message, Edition.V2016)
