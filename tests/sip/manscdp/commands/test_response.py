"""Answers as they stand on the wire."""

from __future__ import annotations

import pytest

from sip.manscdp import BasicParam, CatalogItem, Command, Edition, HomePosition, SnapShot, dumps, loads
from sip.manscdp.commands import response

ID = "34020000001320000001"
HEAD = "<CmdType>{}</CmdType><SN>12</SN><DeviceID>" + ID + "</DeviceID>"

BODIES: list[tuple[str, str, Command]] = [
    (
        "Catalog",
        '<SumNum>3</SumNum><DeviceList Num="1"><Item><DeviceID>34020000001370000001</DeviceID><Name>东门喇叭</Name>'
        "</Item></DeviceList><ExtraInfo>x</ExtraInfo>",
        response.CatalogResponse(
            sn=12, device_id=ID, sum_num=3, items=[CatalogItem(device_id="34020000001370000001", name="东门喇叭")],
            extra_info=["x"],
        ),
    ),
    (
        "DeviceInfo",
        "<DeviceName>NVR</DeviceName><Result>OK</Result><Manufacturer>ExampleCo</Manufacturer><Model>M</Model>"
        "<Firmware>V1</Firmware><Channel>16</Channel>",
        response.DeviceInfoResponse(
            sn=12, device_id=ID, device_name="NVR", manufacturer="ExampleCo", model="M", firmware="V1", channel=16
        ),
    ),
    (
        "DeviceStatus",
        "<Result>OK</Result><Online>ONLINE</Online><Status>OK</Status><Encode>ON</Encode><Record>OFF</Record>"
        '<DeviceTime>2024-05-06T14:03:12</DeviceTime><Alarmstatus Num="1"><Item><DeviceID>35</DeviceID>'
        "<DutyStatus>ONDUTY</DutyStatus></Item></Alarmstatus>",
        response.DeviceStatusResponse(
            sn=12, device_id=ID, encode="ON", record="OFF", device_time="2024-05-06T14:03:12",
            alarm_status=[response.AlarmStatusItem(device_id="35", duty_status="ONDUTY")],
        ),
    ),
    (
        "RecordInfo",
        '<Name>东门枪机</Name><SumNum>1</SumNum><RecordList Num="1"><Item><DeviceID>35</DeviceID><Name>东门枪机</Name>'
        "<FilePath>/rec/0001</FilePath><StartTime>2024-05-06T08:00:00</StartTime><EndTime>2024-05-06T08:30:00</EndTime>"
        "<Secrecy>0</Secrecy><Type>time</Type><FileSize>471859200</FileSize></Item></RecordList>",
        response.RecordInfoResponse(
            sn=12, device_id=ID, name="东门枪机", sum_num=1,
            items=[
                response.RecordItem(
                    device_id="35", name="东门枪机", file_path="/rec/0001", start_time="2024-05-06T08:00:00",
                    end_time="2024-05-06T08:30:00", type="time", file_size="471859200",
                )
            ],
        ),
    ),
    (
        "RecordInfo",
        "<Name>c</Name><SumNum>0</SumNum>",
        response.RecordInfoResponse(sn=12, device_id=ID, name="c", sum_num=0),
    ),
    ("DeviceControl", "<Result>OK</Result>", response.DeviceControlResponse(sn=12, device_id=ID)),
    ("DeviceConfig", "<Result>ERROR</Result>", response.DeviceConfigResponse(sn=12, device_id=ID, result="ERROR")),
    ("Alarm", "<Result>OK</Result>", response.AlarmResponse(sn=12, device_id=ID)),
    ("Broadcast", "<Result>OK</Result>", response.BroadcastResponse(sn=12, device_id=ID)),
    (
        "ConfigDownload",
        "<Result>OK</Result><BasicParam><Name>NVR-1</Name><Expiration>3600</Expiration>"
        "<HeartBeatInterval>60</HeartBeatInterval><HeartBeatCount>3</HeartBeatCount></BasicParam>",
        response.ConfigDownloadResponse(
            sn=12, device_id=ID,
            basic_param=BasicParam(name="NVR-1", expiration=3600, heart_beat_interval=60, heart_beat_count=3),
        ),
    ),
    (
        "PresetQuery",
        '<SumNum>1</SumNum><PresetList Num="1"><Item><PresetID>001</PresetID><PresetName>门</PresetName></Item>'
        "</PresetList>",
        response.PresetResponse(
            sn=12, device_id=ID, sum_num=1, presets=[response.Preset(preset_id="001", preset_name="门")]
        ),
    ),
    (
        "HomePositionQuery",
        "<HomePosition><Enabled>0</Enabled></HomePosition>",
        response.HomePositionResponse(sn=12, device_id=ID, home_position=HomePosition(enabled=0)),
    ),
    (
        "CruiseTrackListQuery",
        '<SumNum>1</SumNum><CruiseTrackList Num="1"><CruiseTrack><Number>0</Number><Name>a</Name></CruiseTrack>'
        "</CruiseTrackList>",
        response.CruiseTrackListResponse(
            sn=12, device_id=ID, sum_num=1, tracks=[response.CruiseTrack(number=0, name="a")]
        ),
    ),
    (
        "CruiseTrackQuery",
        '<Number>0</Number><SumNum>1</SumNum><CruisePointList Num="1"><CruisePoint><PresetIndex>1</PresetIndex>'
        "<StayTime>15</StayTime><Speed>7</Speed></CruisePoint></CruisePointList>",
        response.CruiseTrackResponse(
            sn=12, device_id=ID, number=0, sum_num=1,
            points=[response.CruisePoint(preset_index=1, stay_time=15, speed=7)],
        ),
    ),
    (
        "PTZPosition",
        "<Pan>1.5</Pan><Zoom>2.0</Zoom>",
        response.PtzPositionResponse(sn=12, device_id=ID, pan=1.5, zoom=2.0),
    ),
    (
        "SDCardStatus",
        '<SumNum>1</SumNum><SDCardStatusInfo Num="1"><Item><ID>1</ID><HddName>a</HddName><Status>ok</Status>'
        "<Capacity>100</Capacity><FreeSpace>50</FreeSpace></Item></SDCardStatusInfo>",
        response.SdCardStatusResponse(
            sn=12, device_id=ID, sum_num=1,
            cards=[response.SdCard(id=1, hdd_name="a", status="ok", capacity=100, free_space=50)],
        ),
    ),
]  # fmt: skip


def response_xml(cmd_type: str, inner: str) -> bytes:
    return f"<Response>{HEAD.format(cmd_type)}{inner}</Response>".encode("gb18030")


@pytest.mark.parametrize(("cmd_type", "inner", "message"), BODIES)
def test_the_answer_is_read(cmd_type: str, inner: str, message: Command) -> None:
    assert loads(response_xml(cmd_type, inner)).message == message


@pytest.mark.parametrize(("cmd_type", "inner", "message"), BODIES)
def test_the_answer_is_written(cmd_type: str, inner: str, message: Command) -> None:
    written = dumps(message, edition=Edition.V2022).replace(b"\r\n", b"").partition(b"?>")[2]
    assert written == response_xml(cmd_type, inner)


def test_an_answer_without_result_is_taken_as_ok() -> None:
    message = loads(response_xml("DeviceInfo", "<MaxCamera>4</MaxCamera>")).message
    assert isinstance(message, response.DeviceInfoResponse)
    assert message.result == "OK" and message.extra[0].name == "MaxCamera"


@pytest.mark.parametrize("name", ["SnapShot", "SnapShotConfig"])
def test_the_snapshot_settings_are_read_under_both_names(name: str) -> None:
    inner = f"<Result>OK</Result><{name}><SnapNum>1</SnapNum><UploadURL>u</UploadURL><SessionID>s</SessionID></{name}>"
    message = loads(response_xml("ConfigDownload", inner)).message
    assert isinstance(message, response.ConfigDownloadResponse)
    assert message.snap_shot == SnapShot(snap_num=1, upload_url="u", session_id="s")


def test_groups_of_a_configuration_not_declared_here_are_kept() -> None:
    message = loads(
        response_xml("ConfigDownload", "<Result>OK</Result><OSDConfig><Length>1</Length></OSDConfig>")
    ).message
    assert message.extra[0].name == "OSDConfig" and message.extra[0].children[0].text == "1"
