"""Controls (控制命令, root Control): GB/T 28181-2016 A.2.3, 2022 A.2.3. Declarations only.

One class for each sub-command of DeviceControl, told apart by its marker element.
"""

from __future__ import annotations

from sip.manscdp.declaration import Command, Edition, Kind, Structure, command, element, extension, structure
from sip.manscdp.values import choice

V2022 = Edition.V2022


@command(Kind.CONTROL, "DeviceControl")
class PtzControl(Command):
    """PTZ, lens, preset, cruise, scan and auxiliary control (云台控制, A.2.3.1.2): 16 hex digits of A.3, see `ptz`."""

    ptz_cmd: str = element("PTZCmd", marks=True, about="前端控制码 A.3, 16 hex digits")
    preset_name: str | None = element(
        "PresetName", default=None, within="PTZCmdParams", since=V2022, about="预置位名称"
    )
    cruise_track_name: str | None = element(
        "CruiseTrackName", default=None, within="PTZCmdParams", since=V2022, about="巡航轨迹名称"
    )
    control_priority: int | None = element(
        "ControlPriority", default=None, within="Info", about="控制优先级, higher is stronger"
    )
    extra_info: list[str] = extension(default_factory=list)


@command(Kind.CONTROL, "DeviceControl")
class IFrameControl(Command):
    """Key frame request (强制关键帧); spelled IFameCmd up to 2016, both read."""

    i_frame_cmd: str = element(
        "IFrameCmd",
        default="Send",
        old_name="IFameCmd",
        value=choice("IFrameCmd", "Send"),
        marks=True,
        about="强制关键帧",
    )
    extra_info: list[str] = extension(default_factory=list)


@command(Kind.CONTROL, "DeviceControl")
class TeleBootControl(Command):
    """Remote restart (远程启动)."""

    tele_boot: str = element("TeleBoot", default="Boot", value=choice("TeleBoot", "Boot"), marks=True, about="远程启动")
    extra_info: list[str] = extension(default_factory=list)


@command(Kind.CONTROL, "DeviceControl")
class RecordControl(Command):
    """Start or stop recording (录像控制); answered."""

    record_cmd: str = element(
        "RecordCmd", value=choice("RecordCmd", "Record", "StopRecord"), marks=True, about="录像控制"
    )
    stream_number: int | None = element("StreamNumber", default=None, since=V2022, about="码流编号 0 main")
    extra_info: list[str] = extension(default_factory=list)


@command(Kind.CONTROL, "DeviceControl")
class GuardControl(Command):
    """Arm or disarm (布防/撤防); answered."""

    guard_cmd: str = element(
        "GuardCmd", value=choice("GuardCmd", "SetGuard", "ResetGuard"), marks=True, about="布防/撤防"
    )
    extra_info: list[str] = extension(default_factory=list)


@command(Kind.CONTROL, "DeviceControl")
class AlarmControl(Command):
    """Alarm reset (报警复位); answered. Any value means reset."""

    alarm_cmd: str = element("AlarmCmd", default="ResetAlarm", marks=True, about="报警复位 ResetAlarm")
    alarm_method: str | None = element("AlarmMethod", default=None, within="Info", about="报警方式; 12 [16], 1/2 [22]")
    alarm_type: str | None = element("AlarmType", default=None, within="Info", about="报警类型")
    extra_info: list[str] = extension(default_factory=list)


@structure
class Area(Structure):
    """A box in a playback window, in pixels from its upper left corner."""

    length: int = element("Length", about="播放窗口长度, horizontal")
    width: int = element("Width", about="播放窗口宽度, vertical")
    mid_point_x: int = element("MidPointX", about="拉框中心横坐标")
    mid_point_y: int = element("MidPointY", about="拉框中心纵坐标")
    length_x: int = element("LengthX", about="拉框长度")
    length_y: int = element("LengthY", about="拉框宽度")


@command(Kind.CONTROL, "DeviceControl")
class DragZoomInControl(Command):
    """Zoom in on a box (拉框放大)."""

    area: Area = element("DragZoomIn", marks=True, about="拉框放大")
    extra_info: list[str] = extension(default_factory=list)


@command(Kind.CONTROL, "DeviceControl")
class DragZoomOutControl(Command):
    """Zoom out so that the window fills a box (拉框缩小)."""

    area: Area = element("DragZoomOut", marks=True, about="拉框缩小")
    extra_info: list[str] = extension(default_factory=list)


@structure
class HomePosition(Structure):
    """Home position (看守位)."""

    enabled: int = element("Enabled", about="看守位使能 1 on 0 off")
    reset_time: int | None = element("ResetTime", default=None, about="自动归位时间间隔, seconds")
    preset_index: int | None = element("PresetIndex", default=None, about="调用预置位编号 0-255")


@command(Kind.CONTROL, "DeviceControl")
class HomePositionControl(Command):
    """Sets the home position (看守位控制); answered."""

    home_position: HomePosition = element("HomePosition", marks=True, about="看守位控制")
    extra_info: list[str] = extension(default_factory=list)


@structure
class PrecisePosition(Structure):
    """Absolute PTZ position (PTZ精准控制): degrees and magnification."""

    pan: float | None = element("Pan", default=None, about="水平角 0-360")
    tilt: float | None = element("Tilt", default=None, about="垂直角, positive is down")
    zoom: float | None = element("Zoom", default=None, about="变倍倍数")


@command(Kind.CONTROL, "DeviceControl", since=V2022)
class PtzPreciseControl(Command):
    """Moves to an absolute position (PTZ精准控制)."""

    position: PrecisePosition = element("PTZPreciseCtrl", marks=True, about="PTZ精准控制")
    extra_info: list[str] = extension(default_factory=list)


@structure
class Upgrade(Structure):
    """Firmware to install (设备软件升级)."""

    firmware: str = element("Firmware", about="设备固件版本")
    file_url: str = element("FileURL", about="升级文件的完整路径")
    manufacturer: str = element("Manufacturer", about="设备厂商")
    session_id: str = element("SessionID", about="会话ID, 32 to 128 letters, digits and -")


@command(Kind.CONTROL, "DeviceControl", since=V2022)
class DeviceUpgradeControl(Command):
    """Firmware upgrade (设备软件升级, 2022 9.13); answered, result by DeviceUpgradeResult."""

    upgrade: Upgrade = element("DeviceUpgrade", marks=True, about="设备软件升级")
    extra_info: list[str] = extension(default_factory=list)


@command(Kind.CONTROL, "DeviceControl", since=V2022)
class FormatSdCardControl(Command):
    """Formats a memory card (存储卡格式化); 0 means all."""

    card: int = element("FormatSDCard", marks=True, about="存储卡编号, 0 all")
    extra_info: list[str] = extension(default_factory=list)


@command(Kind.CONTROL, "DeviceControl", since=V2022)
class TargetTrackControl(Command):
    """Target tracking (目标跟踪) of a panoramic camera's dome."""

    target_track: str = element(
        "TargetTrack", value=choice("TargetTrack", "Auto", "Manual", "Stop"), marks=True, about="目标跟踪"
    )
    panorama_id: str | None = element("DeviceID2", default=None, about="全景摄像机通道编码")
    target_area: Area | None = element("TargetArea", default=None, about="目标区域, for Manual")
    extra_info: list[str] = extension(default_factory=list)


@structure
class BasicParam(Structure):
    """Basic parameters (基本参数); position fields only up to 2016."""

    name: str | None = element("Name", default=None, about="设备名称")
    expiration: int | None = element("Expiration", default=None, about="注册过期时间, seconds")
    heart_beat_interval: int | None = element("HeartBeatInterval", default=None, about="心跳间隔时间, seconds")
    heart_beat_count: int | None = element("HeartBeatCount", default=None, about="心跳超时次数")
    position_capability: int | None = element(
        "PositionCapability", default=None, until=Edition.V2016, about="定位功能 0 none 1 GPS 2 BeiDou"
    )
    longitude: float | None = element("Longitude", default=None, until=Edition.V2016, about="经度")
    latitude: float | None = element("Latitude", default=None, until=Edition.V2016, about="纬度")


@structure
class SnapShot(Structure):
    """Picture capture to be done (图像抓拍配置)."""

    snap_num: int = element("SnapNum", about="连拍张数 1-10")
    interval: int | None = element("Interval", default=None, about="抓拍间隔, seconds")
    upload_url: str = element("UploadURL", about="抓拍图像上传路径")
    session_id: str = element("SessionID", about="会话ID, 32 to 128 letters, digits and -")


@command(Kind.CONTROL, "DeviceConfig")
class DeviceConfig(Command):
    """Sets parameters (设备配置); answered. Groups not declared here stay in `extra`."""

    basic_param: BasicParam | None = element("BasicParam", default=None, about="基本参数配置")
    snap_shot_config: SnapShot | None = element("SnapShotConfig", default=None, since=V2022, about="图像抓拍配置")
