"""Queries as they stand on the wire."""

from __future__ import annotations

import pytest

from sip.manscdp import Command, Edition, dumps, loads
from sip.manscdp.commands import query

ID = "34020000001180000001"

BODIES: list[tuple[str, Command]] = [
    ("<CmdType>Catalog</CmdType><SN>501</SN><DeviceID>{}</DeviceID>", query.CatalogQuery(sn=501, device_id=ID)),
    (
        "<CmdType>Catalog</CmdType><SN>1</SN><DeviceID>{}</DeviceID><StartTime>2024-05-06T00:00:00</StartTime>"
        "<EndTime>2024-05-07T00:00:00</EndTime>",
        query.CatalogQuery(sn=1, device_id=ID, start_time="2024-05-06T00:00:00", end_time="2024-05-07T00:00:00"),
    ),
    ("<CmdType>DeviceInfo</CmdType><SN>2</SN><DeviceID>{}</DeviceID>", query.DeviceInfoQuery(sn=2, device_id=ID)),
    ("<CmdType>DeviceStatus</CmdType><SN>3</SN><DeviceID>{}</DeviceID>", query.DeviceStatusQuery(sn=3, device_id=ID)),
    (
        "<CmdType>RecordInfo</CmdType><SN>88</SN><DeviceID>{}</DeviceID><StartTime>2024-05-06T00:00:00</StartTime>"
        "<EndTime>2024-05-06T23:59:59</EndTime><Secrecy>0</Secrecy><Type>all</Type><IndistinctQuery>0</IndistinctQuery>",
        query.RecordInfoQuery(sn=88, device_id=ID, start_time="2024-05-06T00:00:00", end_time="2024-05-06T23:59:59"),
    ),
    (
        "<CmdType>Alarm</CmdType><SN>701</SN><DeviceID>{}</DeviceID><StartAlarmPriority>1</StartAlarmPriority>"
        "<EndAlarmPriority>4</EndAlarmPriority><AlarmMethod>0</AlarmMethod>",
        query.AlarmQuery(sn=701, device_id=ID, start_alarm_priority="1", end_alarm_priority="4", alarm_method="0"),
    ),
    (
        "<CmdType>ConfigDownload</CmdType><SN>33</SN><DeviceID>{}</DeviceID><ConfigType>BasicParam</ConfigType>",
        query.ConfigDownloadQuery(sn=33, device_id=ID, config_type="BasicParam"),
    ),
    ("<CmdType>PresetQuery</CmdType><SN>4</SN><DeviceID>{}</DeviceID>", query.PresetQuery(sn=4, device_id=ID)),
    (
        "<CmdType>MobilePosition</CmdType><SN>601</SN><DeviceID>{}</DeviceID><Interval>5</Interval>",
        query.MobilePositionQuery(sn=601, device_id=ID, interval=5),
    ),
    (
        "<CmdType>HomePositionQuery</CmdType><SN>5</SN><DeviceID>{}</DeviceID>",
        query.HomePositionQuery(sn=5, device_id=ID),
    ),
    (
        "<CmdType>CruiseTrackQuery</CmdType><SN>6</SN><DeviceID>{}</DeviceID><Number>0</Number>",
        query.CruiseTrackQuery(sn=6, device_id=ID, number=0),
    ),
    ("<CmdType>PTZPosition</CmdType><SN>7</SN><DeviceID>{}</DeviceID>", query.PtzPositionQuery(sn=7, device_id=ID)),
    ("<CmdType>SDCardStatus</CmdType><SN>8</SN><DeviceID>{}</DeviceID>", query.SdCardStatusQuery(sn=8, device_id=ID)),
]  # fmt: skip


def query_xml(inner: str) -> bytes:
    return f"<Query>{inner.format(ID)}</Query>".encode()


@pytest.mark.parametrize(("inner", "message"), BODIES)
def test_the_query_is_read(inner: str, message: Command) -> None:
    assert loads(query_xml(inner)).message == message


@pytest.mark.parametrize(("inner", "message"), BODIES)
def test_the_query_is_written(inner: str, message: Command) -> None:
    written = dumps(message, edition=Edition.V2022).replace(b"\r\n", b"").partition(b"?>")[2]
    assert written == query_xml(inner)


def test_the_alarm_times_are_read_under_both_names() -> None:
    times = "<StartTime>a</StartTime><EndAlarmTime>b</EndAlarmTime>"
    message = loads(query_xml("<CmdType>Alarm</CmdType><SN>1</SN><DeviceID>{}</DeviceID>" + times)).message
    assert isinstance(message, query.AlarmQuery)
    assert (message.start_alarm_time, message.end_alarm_time) == ("a", "b")


def test_the_card_query_is_known_under_its_vendor_name() -> None:
    parsed = loads(query_xml("<CmdType>StorageCardStatusQuery</CmdType><SN>8</SN><DeviceID>{}</DeviceID>"))
    assert isinstance(parsed.message, query.SdCardStatusQuery) and parsed.repaired == ()


def test_what_is_new_in_2022_is_not_asked_of_older_peers() -> None:
    asked = query.RecordInfoQuery(sn=1, device_id=ID, start_time="a", end_time="b", stream_number=1, alarm_type="2")
    assert b"StreamNumber" not in dumps(asked, edition=Edition.V2016)
    assert b"<StreamNumber>1</StreamNumber>" in dumps(asked, edition=Edition.V2022)
