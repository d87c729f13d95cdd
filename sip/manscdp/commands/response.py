"""Answers (应答命令, root Response): GB/T 28181-2016 A.2.6, 2022 A.2.6. Declarations only.

`Result` is mandatory in the schemas and left out by some devices: not required when read, always written.
"""

from __future__ import annotations

from sip.manscdp.commands.control import BasicParam, HomePosition, SnapShot
from sip.manscdp.declaration import Command, Edition, Kind, Structure, command, element, extension, listed, structure
from sip.manscdp.items import CatalogItem
from sip.manscdp.values import ONLINE, RESULT, STATUS, TIME, choice

V2022 = Edition.V2022


@command(Kind.RESPONSE, "Catalog")
class CatalogResponse(Command):
    """One part of a catalogue (设备目录查询应答). sum_num: items of the whole answer (None: not stated)."""

    sum_num: int | None = element("SumNum", default=None, about="查询结果总数")
    items: list[CatalogItem] = listed("Item", default_factory=list, within="DeviceList", counted=True, about="目录项")
    extra_info: list[str] = extension(default_factory=list)


@command(Kind.RESPONSE, "DeviceInfo")
class DeviceInfoResponse(Command):
    """Device information (设备信息查询应答)."""

    device_name: str | None = element("DeviceName", default=None, about="目标设备/区域/系统的名称")
    result: str = element("Result", default="OK", value=RESULT, about="查询结果")
    manufacturer: str | None = element("Manufacturer", default=None, about="设备生产商")
    model: str | None = element("Model", default=None, about="设备型号")
    firmware: str | None = element("Firmware", default=None, about="设备固件版本")
    channel: int | None = element("Channel", default=None, about="视频输入通道数")
    extra_info: list[str] = extension(default_factory=list)


@structure
class AlarmStatusItem(Structure):
    """State of one alarm input (报警设备状态)."""

    device_id: str = element("DeviceID", about="报警设备编码")
    duty_status: str | None = element(
        "DutyStatus", default=None, value=choice("DutyStatus", "ONDUTY", "OFFDUTY", "ALARM"), about="报警设备状态"
    )


@command(Kind.RESPONSE, "DeviceStatus")
class DeviceStatusResponse(Command):
    """Device status (设备状态查询应答)."""

    result: str = element("Result", default="OK", value=RESULT, about="查询结果标志")
    online: str = element("Online", default="ONLINE", value=ONLINE, about="是否在线")
    status: str = element("Status", default="OK", value=RESULT, about="是否正常工作")
    reason: str | None = element("Reason", default=None, about="不正常工作原因")
    encode: str | None = element("Encode", default=None, value=STATUS, about="是否编码")
    record: str | None = element("Record", default=None, value=STATUS, about="是否录像")
    device_time: str | None = element("DeviceTime", default=None, value=TIME, about="设备时间和日期")
    alarm_status: list[AlarmStatusItem] = listed(
        "Item", default_factory=list, within="Alarmstatus", counted=True, about="报警设备状态列表"
    )
    extra_info: list[str] = extension(default_factory=list)


@structure
class RecordItem(Structure):
    """One recording (录像文件). Times are Beijing local time; an item without them is of no use."""

    device_id: str = element("DeviceID", default="", about="目标设备编码")
    name: str | None = element("Name", default=None, about="设备/区域名称")
    file_path: str | None = element("FilePath", default=None, about="文件路径名")
    address: str | None = element("Address", default=None, about="录像地址")
    start_time: str | None = element("StartTime", default=None, value=TIME, about="录像开始时间")
    end_time: str | None = element("EndTime", default=None, value=TIME, about="录像结束时间")
    secrecy: int | None = element("Secrecy", default=0, about="保密属性")
    type: str | None = element("Type", default=None, about="录像产生类型 time, alarm, manual")
    recorder_id: str | None = element("RecorderID", default=None, about="录像触发者")
    file_size: str | None = element("FileSize", default=None, about="录像文件大小, bytes")
    record_location: str | None = element("RecordLocation", default=None, since=V2022, about="存储位置")
    stream_number: int | None = element("StreamNumber", default=None, since=V2022, about="码流编号")


@command(Kind.RESPONSE, "RecordInfo")
class RecordInfoResponse(Command):
    """One part of a recording list (文件目录检索应答)."""

    name: str | None = element("Name", default=None, about="设备/区域名称")
    sum_num: int | None = element("SumNum", default=None, about="查询结果总数")
    items: list[RecordItem] = listed("Item", default_factory=list, within="RecordList", counted=True, about="录像项")
    extra_info: list[str] = extension(default_factory=list)


@command(Kind.RESPONSE, "DeviceControl")
class DeviceControlResponse(Command):
    """Result of a device control (设备控制应答)."""

    result: str = element("Result", default="OK", value=RESULT, about="执行结果标志")


@command(Kind.RESPONSE, "DeviceConfig")
class DeviceConfigResponse(Command):
    """Result of a configuration (设备配置应答)."""

    result: str = element("Result", default="OK", value=RESULT, about="配置结果标志")


@command(Kind.RESPONSE, "Alarm")
class AlarmResponse(Command):
    """Alarm received (报警通知应答)."""

    result: str = element("Result", default="OK", value=RESULT, about="执行结果标志")


@command(Kind.RESPONSE, "Broadcast")
class BroadcastResponse(Command):
    """Voice broadcast accepted or not (语音广播应答)."""

    result: str = element("Result", default="OK", value=RESULT, about="执行结果标志")


@command(Kind.RESPONSE, "ConfigDownload")
class ConfigDownloadResponse(Command):
    """Parameters read (设备配置查询应答). Groups not declared here stay in `extra`."""

    result: str = element("Result", default="OK", value=RESULT, about="查询结果")
    basic_param: BasicParam | None = element("BasicParam", default=None, about="基本参数")
    snap_shot: SnapShot | None = element(
        "SnapShot", default=None, since=V2022, aliases=("SnapShotConfig",), about="图像抓拍"
    )


@structure
class Preset(Structure):
    """One preset (预置位)."""

    preset_id: str = element("PresetID", about="预置位编码")
    preset_name: str | None = element("PresetName", default=None, about="预置位名称")


@command(Kind.RESPONSE, "PresetQuery")
class PresetResponse(Command):
    """Presets (设备预置位查询应答)."""

    sum_num: int | None = element("SumNum", default=None, since=V2022, about="预置位总数")
    presets: list[Preset] = listed(
        "Item", default_factory=list, within="PresetList", counted=True, keep_wrapper=True, about="预置位列表"
    )


@command(Kind.RESPONSE, "HomePositionQuery", since=V2022)
class HomePositionResponse(Command):
    """Home position (看守位信息查询应答)."""

    home_position: HomePosition | None = element("HomePosition", default=None, about="看守位信息")


@structure
class CruiseTrack(Structure):
    """One cruise track (巡航轨迹)."""

    number: int = element("Number", about="轨迹编号")
    name: str | None = element("Name", default=None, about="轨迹名称")


@command(Kind.RESPONSE, "CruiseTrackListQuery", since=V2022)
class CruiseTrackListResponse(Command):
    """Cruise tracks (巡航轨迹列表查询应答)."""

    sum_num: int | None = element("SumNum", default=None, about="轨迹总数")
    tracks: list[CruiseTrack] = listed(
        "CruiseTrack", default_factory=list, within="CruiseTrackList", counted=True, about="轨迹列表"
    )


@structure
class CruisePoint(Structure):
    """One point of a cruise track (巡航点)."""

    preset_index: int = element("PresetIndex", about="预置位编号")
    stay_time: int | None = element("StayTime", default=None, about="停留时间, seconds")
    speed: int | None = element("Speed", default=None, about="速度 1-15")


@command(Kind.RESPONSE, "CruiseTrackQuery", since=V2022)
class CruiseTrackResponse(Command):
    """One cruise track (巡航轨迹查询应答)."""

    number: int | None = element("Number", default=None, about="轨迹编号")
    name: str | None = element("Name", default=None, about="轨迹名称")
    sum_num: int | None = element("SumNum", default=None, about="轨迹点总数")
    points: list[CruisePoint] = listed(
        "CruisePoint", default_factory=list, within="CruisePointList", counted=True, about="轨迹点"
    )


@command(Kind.RESPONSE, "PTZPosition", since=V2022)
class PtzPositionResponse(Command):
    """Precise PTZ state (PTZ精准状态查询应答)."""

    pan: float | None = element("Pan", default=None, about="水平角, degrees")
    tilt: float | None = element("Tilt", default=None, about="垂直角, degrees")
    zoom: float | None = element("Zoom", default=None, about="变倍倍数")
    horizontal_field_angle: float | None = element("HorizontalFieldAngle", default=None, about="水平视场角, degrees")
    vertical_field_angle: float | None = element("VerticalFieldAngle", default=None, about="竖直视场角, degrees")
    max_view_distance: float | None = element("MaxViewDistance", default=None, about="最大可视距离, metres")


@structure
class SdCard(Structure):
    """State of one memory card (存储卡状态)."""

    id: int = element("ID", about="存储卡编号")
    hdd_name: str | None = element("HddName", default=None, about="存储卡名称")
    status: str | None = element(
        "Status", default=None,
        value=choice("card Status", "ok", "formatting", "unformatted", "idle", "error"), about="存储卡状态",
    )  # fmt: skip
    format_progress: int | None = element("FormatProgress", default=None, about="格式化进度 0-100")
    capacity: int | None = element("Capacity", default=None, about="容量 MB")
    free_space: int | None = element("FreeSpace", default=None, about="剩余容量 MB")


@command(Kind.RESPONSE, "SDCardStatus", aliases=("StorageCardStatusQuery",), since=V2022)
class SdCardStatusResponse(Command):
    """Memory cards (存储卡状态查询应答)."""

    sum_num: int | None = element("SumNum", default=None, about="存储卡总数")
    cards: list[SdCard] = listed(
        "Item", default_factory=list, within="SDCardStatusInfo", counted=True, about="存储卡列表"
    )
