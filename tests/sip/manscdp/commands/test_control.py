"""Controls as they stand on the wire."""

from __future__ import annotations

import pytest

from sip.manscdp import Command, Edition, dumps, loads
from sip.manscdp.commands import control

ID = "34020000001320000001"
SESSION = "A3f0c9d2-77b1-4c55-9e0a-5d2f1b6c8e90"
AREA = control.Area(length=1920, width=1080, mid_point_x=960, mid_point_y=540, length_x=200, length_y=100)
AREA_XML = (
    "<Length>1920</Length><Width>1080</Width><MidPointX>960</MidPointX><MidPointY>540</MidPointY>"
    "<LengthX>200</LengthX><LengthY>100</LengthY>"
)

BODIES: list[tuple[str, Command]] = [
    (
        "<PTZCmd>A50F01094030002E</PTZCmd><Info><ControlPriority>5</ControlPriority></Info>",
        control.PtzControl(sn=11, device_id=ID, ptz_cmd="A50F01094030002E", control_priority=5),
    ),
    ("<IFrameCmd>Send</IFrameCmd>", control.IFrameControl(sn=11, device_id=ID)),
    ("<TeleBoot>Boot</TeleBoot>", control.TeleBootControl(sn=11, device_id=ID)),
    (
        "<RecordCmd>Record</RecordCmd><StreamNumber>0</StreamNumber>",
        control.RecordControl(sn=11, device_id=ID, record_cmd="Record", stream_number=0),
    ),
    ("<GuardCmd>SetGuard</GuardCmd>", control.GuardControl(sn=11, device_id=ID, guard_cmd="SetGuard")),
    (
        "<AlarmCmd>ResetAlarm</AlarmCmd><Info><AlarmMethod>1/2</AlarmMethod><AlarmType>6</AlarmType></Info>",
        control.AlarmControl(sn=11, device_id=ID, alarm_method="1/2", alarm_type="6"),
    ),
    (f"<DragZoomIn>{AREA_XML}</DragZoomIn>", control.DragZoomInControl(sn=11, device_id=ID, area=AREA)),
    (f"<DragZoomOut>{AREA_XML}</DragZoomOut>", control.DragZoomOutControl(sn=11, device_id=ID, area=AREA)),
    (
        "<HomePosition><Enabled>1</Enabled><ResetTime>30</ResetTime><PresetIndex>2</PresetIndex></HomePosition>",
        control.HomePositionControl(
            sn=11, device_id=ID, home_position=control.HomePosition(enabled=1, reset_time=30, preset_index=2)
        ),
    ),
    (
        "<PTZPreciseCtrl><Pan>120.5</Pan><Tilt>15.0</Tilt><Zoom>4.0</Zoom></PTZPreciseCtrl>",
        control.PtzPreciseControl(
            sn=11, device_id=ID, position=control.PrecisePosition(pan=120.5, tilt=15.0, zoom=4.0)
        ),
    ),
    (
        "<DeviceUpgrade><Firmware>V2.1.0</Firmware><FileURL>http://192.0.2.10:8080/fw/v2.1.0.bin</FileURL>"
        f"<Manufacturer>ExampleCo</Manufacturer><SessionID>{SESSION}</SessionID></DeviceUpgrade>",
        control.DeviceUpgradeControl(
            sn=11, device_id=ID,
            upgrade=control.Upgrade(
                firmware="V2.1.0", file_url="http://192.0.2.10:8080/fw/v2.1.0.bin", manufacturer="ExampleCo",
                session_id=SESSION,
            ),
        ),
    ),
    ("<FormatSDCard>0</FormatSDCard>", control.FormatSdCardControl(sn=11, device_id=ID, card=0)),
    (
        f"<TargetTrack>Manual</TargetTrack><DeviceID2>35</DeviceID2><TargetArea>{AREA_XML}</TargetArea>",
        control.TargetTrackControl(sn=11, device_id=ID, target_track="Manual", panorama_id="35", target_area=AREA),
    ),
]  # fmt: skip


def control_xml(inner: str) -> bytes:
    return f"<Control><CmdType>DeviceControl</CmdType><SN>11</SN><DeviceID>{ID}</DeviceID>{inner}</Control>".encode()


@pytest.mark.parametrize(("inner", "message"), BODIES)
def test_the_control_is_told_by_its_marker_and_read(inner: str, message: Command) -> None:
    assert loads(control_xml(inner)).message == message


@pytest.mark.parametrize(("inner", "message"), BODIES)
def test_the_control_is_written(inner: str, message: Command) -> None:
    written = dumps(message, edition=Edition.V2022).replace(b"\r\n", b"").partition(b"?>")[2]
    assert written == control_xml(inner)


@pytest.mark.parametrize("spelling", ["IFameCmd", "IFrameCmd", "iframecmd"])
def test_both_spellings_of_the_key_frame_request_are_read(spelling: str) -> None:
    message = loads(control_xml(f"<{spelling}>Send</{spelling}>")).message
    assert message == control.IFrameControl(sn=11, device_id=ID)


@pytest.mark.parametrize("text", ["1", "ResetAlarm", ""])
def test_any_alarm_command_is_a_reset(text: str) -> None:
    assert isinstance(loads(control_xml(f"<AlarmCmd>{text}</AlarmCmd>")).message, control.AlarmControl)


def test_a_snapshot_is_asked_for_by_configuration() -> None:
    config = control.DeviceConfig(
        sn=31, device_id=ID,
        snap_shot_config=control.SnapShot(
            snap_num=1, interval=1, upload_url="http://192.0.2.10:8080/snap/x", session_id=SESSION
        ),
    )  # fmt: skip
    body = (
        f"<Control><CmdType>DeviceConfig</CmdType><SN>31</SN><DeviceID>{ID}</DeviceID><SnapShotConfig>"
        "<SnapNum>1</SnapNum><Interval>1</Interval><UploadURL>http://192.0.2.10:8080/snap/x</UploadURL>"
        f"<SessionID>{SESSION}</SessionID></SnapShotConfig></Control>"
    ).encode()
    assert dumps(config, edition=Edition.V2022).replace(b"\r\n", b"").partition(b"?>")[2] == body
    assert loads(body).message == config


def test_the_position_of_a_device_is_configured_up_to_2016_only() -> None:
    config = control.DeviceConfig(sn=1, device_id=ID, basic_param=control.BasicParam(name="n", position_capability=1))
    assert b"<BasicParam><Name>n</Name><PositionCapability>1</PositionCapability>" in dumps(config)
    assert b"PositionCapability" not in dumps(config, edition=Edition.V2022)
