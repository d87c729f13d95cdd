"""One alarm: read from a peer below, written above, shown."""

from __future__ import annotations

import re

import pytest

from gateway.alarms.alarm import Alarm, time_of
from sip.manscdp import AlarmNotify, Edition, dumps, loads

PEER, CHANNEL, PUBLISHED = "34020000001110000001", "34020000001320000001", "34010000001320000009"
BODY = f"""<?xml version="1.0" encoding="GB2312"?>
<Notify><CmdType>Alarm</CmdType><SN>7</SN><DeviceID>{CHANNEL}</DeviceID><AlarmPriority>1</AlarmPriority>
<AlarmMethod>5</AlarmMethod><AlarmTime>2026-01-02T03:04:05</AlarmTime><AlarmDescription>gate</AlarmDescription>
<Info><AlarmType>2</AlarmType></Info></Notify>"""


def told(body: str = BODY) -> Alarm:
    message = loads(body.encode()).message
    assert isinstance(message, AlarmNotify)
    return Alarm.told(PEER, message, 1000.0)


def test_an_alarm_of_a_peer_below_is_taken_as_it_was_told() -> None:
    alarm = told()
    assert alarm == Alarm(1000.0, PEER, CHANNEL, "5", "2", "1", "2026-01-02T03:04:05", "gate")
    assert alarm.key == (PEER, CHANNEL) and alarm.same == (PEER, CHANNEL, "2026-01-02T03:04:05", "5", "2")


def test_what_an_alarm_leaves_out_is_empty_and_long_texts_are_cut() -> None:
    bare = re.sub(r"<Alarm(Priority|Method|Time)>[^<]*</Alarm\1>|<Info>.*</Info>", "", BODY)
    alarm = told(bare.replace("gate", "x" * 900))
    assert (alarm.priority, alarm.method, alarm.type, alarm.time) == ("4", "", "", "")
    assert len(alarm.description) == 256
    told_on = alarm.message(1, PUBLISHED)
    assert (told_on.alarm_method, told_on.alarm_time) == ("7", time_of(1000.0))


def test_it_is_told_above_under_the_published_code() -> None:
    body = dumps(told().message(9, PUBLISHED), charset="GB18030", edition=Edition.V2022).decode("gb18030")
    assert PUBLISHED in body and CHANNEL not in body and "<SN>9</SN>" in body
    assert "<AlarmMethod>5</AlarmMethod>" in body and "<AlarmType>2</AlarmType>" in body
    untyped = Alarm(0.0, PEER, CHANNEL, "2", time="2026-01-02T03:04:05")
    assert b"Info" not in dumps(untyped.message(1, PUBLISHED), charset="GB18030", edition=Edition.V2022)


def test_it_is_shown_with_its_device_and_channel() -> None:
    shown = told().to_json()
    assert (shown["device_id"], shown["code"], shown["at"]) == (PEER, CHANNEL, 1000.0)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*", time_of(0.0))


@pytest.mark.parametrize(("edition", "kind"), [(Edition.V2022, "13"), (Edition.V2016, "11")])
def test_occlusion_is_an_abnormality_for_who_does_not_know_the_word(edition: Edition, kind: str) -> None:
    alarm = Alarm(0.0, PEER, CHANNEL, "5", "13", time="2026-01-02T03:04:05")
    assert alarm.message(1, PUBLISHED, edition).alarm_type == kind
    assert Alarm(0.0, PEER, CHANNEL, "5", "2").message(1, PUBLISHED, edition).alarm_type == "2"
