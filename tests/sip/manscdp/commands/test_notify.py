"""Notifications as they stand on the wire."""

from __future__ import annotations

import pytest

from sip.manscdp import CatalogItem, Command, Edition, dumps, loads
from sip.manscdp.commands import notify

ID = "34020000001320000001"
SESSION = "A3f0c9d2-77b1-4c55-9e0a-5d2f1b6c8e90"

BODIES: list[tuple[str, Command]] = [
    (
        "<CmdType>Keepalive</CmdType><SN>43</SN><DeviceID>{}</DeviceID><Status>OK</Status>"
        "<Info><DeviceID>35</DeviceID><DeviceID>36</DeviceID></Info>",
        notify.Keepalive(sn=43, device_id=ID, faulty=["35", "36"]),
    ),
    (
        '<CmdType>Catalog</CmdType><SN>162</SN><DeviceID>{}</DeviceID><SumNum>1</SumNum><DeviceList Num="1"><Item>'
        "<DeviceID>34020000001320000002</DeviceID><Event>OFF</Event></Item></DeviceList>",
        notify.CatalogNotify(
            sn=162, device_id=ID, sum_num=1, items=[CatalogItem(device_id="34020000001320000002", event="OFF")]
        ),
    ),
    (
        "<CmdType>Alarm</CmdType><SN>305</SN><DeviceID>{}</DeviceID><AlarmPriority>2</AlarmPriority>"
        "<AlarmMethod>5</AlarmMethod><AlarmTime>2024-05-06T14:10:22</AlarmTime>"
        "<AlarmDescription>区域入侵</AlarmDescription><Longitude>118.37</Longitude><Latitude>31.32</Latitude>"
        "<Info><AlarmType>6</AlarmType><AlarmTypeParam><EventType>1</EventType></AlarmTypeParam></Info>",
        notify.AlarmNotify(
            sn=305, device_id=ID, alarm_priority="2", alarm_method="5", alarm_time="2024-05-06T14:10:22",
            alarm_description="区域入侵", longitude=118.37, latitude=31.32, alarm_type="6",
            alarm_type_param=notify.AlarmTypeParam(event_type="1"),
        ),
    ),
    (
        "<CmdType>MediaStatus</CmdType><SN>8</SN><DeviceID>{}</DeviceID><NotifyType>121</NotifyType>",
        notify.MediaStatus(sn=8, device_id=ID),
    ),
    (
        "<CmdType>Broadcast</CmdType><SN>992</SN><SourceID>34020000002000000001</SourceID>"
        "<TargetID>34020000001370000001</TargetID>",
        notify.Broadcast(sn=992, source_id="34020000002000000001", target_id="34020000001370000001"),
    ),
    (
        "<CmdType>MobilePosition</CmdType><SN>8</SN><DeviceID>{}</DeviceID><Time>2024-05-06T14:05:05</Time>"
        '<SumNum>1</SumNum><DeviceList Num="1"><Item><DeviceID>35</DeviceID>'
        "<CaptureTime>2024-05-06T14:05:04</CaptureTime><Longitude>118.37</Longitude><Latitude>31.32</Latitude>"
        "<Speed>36.0</Speed><Direction>90.0</Direction><Altitude>12.0</Altitude><Height>1.5</Height></Item></DeviceList>",
        notify.MobilePosition(
            sn=8, device_id=ID, time="2024-05-06T14:05:05", sum_num=1,
            items=[
                notify.PositionItem(
                    device_id="35", capture_time="2024-05-06T14:05:04", longitude=118.37, latitude=31.32, speed=36.0,
                    direction=90.0, altitude=12.0, height=1.5,
                )
            ],
        ),
    ),
    (
        "<CmdType>PTZPosition</CmdType><SN>9</SN><DeviceID>{}</DeviceID><Pan>120.5</Pan><Tilt>15.0</Tilt><Zoom>4.0</Zoom>",
        notify.PtzPositionNotify(sn=9, device_id=ID, pan=120.5, tilt=15.0, zoom=4.0),
    ),
    (
        f"<CmdType>UploadSnapShotFinished</CmdType><SN>310</SN><DeviceID>{{}}</DeviceID><SessionID>{SESSION}</SessionID>"
        "<SnapShotList><SnapShotFileID>34020000001320000001022024050614153012301</SnapShotFileID></SnapShotList>",
        notify.UploadSnapShotFinished(
            sn=310, device_id=ID, session_id=SESSION, files=["34020000001320000001022024050614153012301"]
        ),
    ),
    (
        "<CmdType>VideoUploadNotify</CmdType><SN>1</SN><DeviceID>{}</DeviceID><Time>2024-05-06T14:05:05</Time>",
        notify.VideoUploadNotify(sn=1, device_id=ID, time="2024-05-06T14:05:05"),
    ),
    (
        f"<CmdType>DeviceUpgradeResult</CmdType><SN>1</SN><DeviceID>{{}}</DeviceID><SessionID>{SESSION}</SessionID>"
        "<UpgradeResult>OK</UpgradeResult><Firmware>V2.1.0</Firmware>",
        notify.DeviceUpgradeResult(sn=1, device_id=ID, session_id=SESSION, upgrade_result="OK", firmware="V2.1.0"),
    ),
]  # fmt: skip


def notify_xml(inner: str) -> bytes:
    return f"<Notify>{inner.format(ID)}</Notify>".encode("gb18030")


@pytest.mark.parametrize(("inner", "message"), BODIES)
def test_the_notification_is_read(inner: str, message: Command) -> None:
    assert loads(notify_xml(inner)).message == message


@pytest.mark.parametrize(("inner", "message"), BODIES)
def test_the_notification_is_written(inner: str, message: Command) -> None:
    written = dumps(message, edition=Edition.V2022).replace(b"\r\n", b"").partition(b"?>")[2]
    assert written == notify_xml(inner)


def test_a_flat_position_of_2016_is_read_and_written() -> None:
    inner = (
        "<CmdType>MobilePosition</CmdType><SN>7</SN><Time>2024-05-06T14:05:00</Time><Longitude>118.37</Longitude>"
        "<Latitude>31.32</Latitude><Speed>36.0</Speed><Direction>90.0</Direction><Altitude>12.0</Altitude>"
    )
    parsed = loads(notify_xml(inner))
    message = parsed.message
    assert isinstance(message, notify.MobilePosition)
    assert (message.device_id, message.longitude, message.altitude) == ("", 118.37, 12.0)
    assert parsed.repaired == ("device_id_missing",)


def test_a_change_notification_without_sum_says_how_many_items_it_has() -> None:
    message = notify.CatalogNotify(sn=1, device_id=ID, items=[CatalogItem(device_id="1", event="DEL")] * 3)
    assert b"<SumNum>3</SumNum>" in dumps(message)
    assert message.sum_num is None


def test_the_status_of_the_2016_example_is_read() -> None:
    inner = "<CmdType>Catalog</CmdType><SN>1</SN><DeviceID>{}</DeviceID><Status>OK</Status><SumNum>0</SumNum>"
    message = loads(notify_xml(inner)).message
    assert isinstance(message, notify.CatalogNotify) and message.status == "OK" and message.items == []


def test_an_alarm_type_beside_info_counts_when_info_has_none() -> None:
    inner = "<CmdType>Alarm</CmdType><SN>1</SN><DeviceID>{}</DeviceID><AlarmType>2</AlarmType><V/>"
    message = loads(notify_xml(inner)).message
    assert isinstance(message, notify.AlarmNotify)
    assert message.alarm_type == "2" and [kept.name for kept in message.extra] == ["V"]
    assert message.alarm_priority == "4"
