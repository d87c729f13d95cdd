"""Queries (查询命令, root Query): GB/T 28181-2016 A.2.4, 2022 A.2.4. Declarations only."""

from __future__ import annotations

from sip.manscdp.declaration import Command, Edition, Kind, command, element
from sip.manscdp.values import TIME

V2022 = Edition.V2022


@command(Kind.QUERY, "Catalog")
class CatalogQuery(Command):
    """Device catalogue query or subscription (设备目录查询, 9.5): what was added between the two times, or all."""

    start_time: str | None = element("StartTime", default=None, value=TIME, about="增加设备的起始时间")
    end_time: str | None = element("EndTime", default=None, value=TIME, about="增加设备的终止时间")


@command(Kind.QUERY, "DeviceInfo")
class DeviceInfoQuery(Command):
    """Device information query (设备信息查询)."""


@command(Kind.QUERY, "DeviceStatus")
class DeviceStatusQuery(Command):
    """Device status query (设备状态查询)."""


@command(Kind.QUERY, "RecordInfo")
class RecordInfoQuery(Command):
    """Recording search (文件目录检索, 9.7). Times are Beijing local time without a zone."""

    start_time: str = element("StartTime", value=TIME, about="录像起始时间")
    end_time: str = element("EndTime", value=TIME, about="录像终止时间")
    file_path: str | None = element("FilePath", default=None, about="文件路径名")
    address: str | None = element("Address", default=None, about="录像地址, partial match")
    secrecy: int | None = element("Secrecy", default=0, about="保密属性 0 not secret 1 secret")
    type: str | None = element("Type", default="all", about="录像产生类型 time, alarm, manual, all")
    recorder_id: str | None = element("RecorderID", default=None, about="录像触发者")
    indistinct_query: str | None = element(
        "IndistinctQuery", default="0", about="录像模糊查询属性 0 by place 1 everywhere"
    )
    stream_number: int | None = element("StreamNumber", default=None, since=V2022, about="码流编号 0 main")
    alarm_method: str | None = element("AlarmMethod", default=None, since=V2022, about="报警方式")
    alarm_type: str | None = element("AlarmType", default=None, since=V2022, about="报警类型")


@command(Kind.QUERY, "Alarm")
class AlarmQuery(Command):
    """Alarm subscription (报警查询/订阅, 9.4)."""

    start_alarm_priority: str | None = element("StartAlarmPriority", default=None, about="报警起始级别 0 all, 1-4")
    end_alarm_priority: str | None = element("EndAlarmPriority", default=None, about="报警终止级别")
    alarm_method: str | None = element("AlarmMethod", default=None, about="报警方式; 12 [16], 1/2 [22]")
    alarm_type: str | None = element("AlarmType", default=None, about="报警类型")
    start_alarm_time: str | None = element(
        "StartAlarmTime", default=None, value=TIME, aliases=("StartTime",), about="起始时间"
    )
    end_alarm_time: str | None = element(
        "EndAlarmTime", default=None, value=TIME, aliases=("EndTime",), about="终止时间"
    )


@command(Kind.QUERY, "ConfigDownload")
class ConfigDownloadQuery(Command):
    """Device configuration query (设备配置查询)."""

    config_type: str = element("ConfigType", about="BasicParam, VideoParamOpt ..., joined by /")


@command(Kind.QUERY, "PresetQuery")
class PresetQuery(Command):
    """Preset query (设备预置位查询)."""


@command(Kind.QUERY, "MobilePosition")
class MobilePositionQuery(Command):
    """Mobile position subscription (移动设备位置数据订阅, 9.11)."""

    interval: int | None = element("Interval", default=None, about="上报时间间隔, seconds, 5 when absent")


@command(Kind.QUERY, "HomePositionQuery", since=V2022)
class HomePositionQuery(Command):
    """Home position query (看守位信息查询)."""


@command(Kind.QUERY, "CruiseTrackListQuery", since=V2022)
class CruiseTrackListQuery(Command):
    """List of cruise tracks (巡航轨迹列表查询)."""


@command(Kind.QUERY, "CruiseTrackQuery", since=V2022)
class CruiseTrackQuery(Command):
    """One cruise track (巡航轨迹查询)."""

    number: int = element("Number", about="轨迹编号, 0 first")


@command(Kind.QUERY, "PTZPosition", since=V2022)
class PtzPositionQuery(Command):
    """Precise PTZ state query or subscription (PTZ精准状态查询)."""


@command(Kind.QUERY, "SDCardStatus", aliases=("StorageCardStatusQuery",), since=V2022)
class SdCardStatusQuery(Command):
    """Memory card state query (存储卡状态查询)."""
