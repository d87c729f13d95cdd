"""Notifications (通知命令, root Notify): GB/T 28181-2016 A.2.5, 2022 A.2.5. Declarations only."""

from __future__ import annotations

from dataclasses import replace

from sip.manscdp.declaration import Command, Edition, Kind, Structure, command, element, extension, listed, structure
from sip.manscdp.items import CatalogItem
from sip.manscdp.values import ID, LATITUDE, LONGITUDE, RESULT, TIME

V2016, V2022 = Edition.V2016, Edition.V2022


@command(Kind.NOTIFY, "Keepalive")
class Keepalive(Command):
    """Keepalive (状态信息报送, 9.6) with the ids of faulty sub-devices."""

    status: str = element("Status", default="OK", value=RESULT, about="是否正常工作")
    faulty: list[str] = listed("DeviceID", default_factory=list, within="Info", value=ID, about="故障设备编码")


@command(Kind.NOTIFY, "Catalog", told_by="Event")
class CatalogNotify(Command):
    """Catalogue change (目录变化通知, 2016 Annex P, 2022 Annex N). SumNum is the number of items of this message."""

    status: str | None = element("Status", default=None, value=RESULT, until=V2016, about="2016 example only")
    sum_num: int | None = element("SumNum", default=None, about="通知项数")
    items: list[CatalogItem] = listed("Item", default_factory=list, within="DeviceList", counted=True, about="目录项")

    def for_edition(self, edition: Edition) -> CatalogNotify:
        return self if self.sum_num is not None else replace(self, sum_num=len(self.items))


@structure
class AlarmTypeParam(Structure):
    """Parameters of an alarm type (报警类型扩展参数)."""

    event_type: str | None = element("EventType", default=None, about="入侵检测 1 enter area 2 leave area")


@command(Kind.NOTIFY, "Alarm")
class AlarmNotify(Command):
    """Alarm (报警通知, 9.4)."""

    alarm_priority: str = element("AlarmPriority", default="4", about="报警级别 1 highest to 4")
    alarm_method: str = element("AlarmMethod", default="", about="报警方式 1-7")
    alarm_time: str = element("AlarmTime", default="", value=TIME, about="报警时间")
    alarm_description: str | None = element("AlarmDescription", default=None, about="报警内容描述")
    longitude: float | None = element("Longitude", default=None, value=LONGITUDE, about="经度")
    latitude: float | None = element("Latitude", default=None, value=LATITUDE, about="纬度")
    alarm_type: str | None = element("AlarmType", default=None, within="Info", about="报警类型")
    alarm_type_param: AlarmTypeParam | None = element(
        "AlarmTypeParam", default=None, within="Info", about="报警类型扩展参数"
    )
    extra_info: list[str] = extension(default_factory=list)

    def after_reading(self) -> None:
        """Takes an AlarmType that stands beside Info, as some devices write it."""
        beside = next((kept for kept in self.extra if kept.name == "AlarmType"), None)
        if self.alarm_type is None and beside is not None:
            self.alarm_type = beside.text
            self.extra = tuple(kept for kept in self.extra if kept is not beside)


@command(Kind.NOTIFY, "MediaStatus")
class MediaStatus(Command):
    """End of a recording (媒体通知): notify type 121."""

    notify_type: str = element("NotifyType", default="121", about="通知事件类型 121 历史媒体文件发送结束")


@command(Kind.NOTIFY, "Broadcast")
class Broadcast(Command):
    """Voice broadcast request (语音广播通知, 9.12.1); has no DeviceID."""

    device_id: str = element("DeviceID", default="")
    source_id: str = element("SourceID", about="语音输入设备/中心用户编码")
    target_id: str = element("TargetID", about="语音输出设备编码")


@structure
class PositionItem(Structure):
    """One position (移动设备位置, 2022)."""

    device_id: str = element("DeviceID", about="目标设备编码")
    capture_time: str | None = element("CaptureTime", default=None, value=TIME, about="位置采集时间")
    longitude: float | None = element("Longitude", default=None, value=LONGITUDE, about="经度")
    latitude: float | None = element("Latitude", default=None, value=LATITUDE, about="纬度")
    speed: float | None = element("Speed", default=None, about="速度 km/h")
    direction: float | None = element("Direction", default=None, about="方向, degrees clockwise from north")
    altitude: float | None = element("Altitude", default=None, about="海拔高度, metres")
    height: float | None = element("Height", default=None, about="地面高度, metres")


@command(Kind.NOTIFY, "MobilePosition")
class MobilePosition(Command):
    """Position (移动设备位置通知): flat up to 2016, a list since 2022. Both are read whatever the edition."""

    time: str | None = element("Time", default=None, value=TIME, about="产生通知时间")
    longitude: float | None = element("Longitude", default=None, value=LONGITUDE, until=V2016, about="经度")
    latitude: float | None = element("Latitude", default=None, value=LATITUDE, until=V2016, about="纬度")
    speed: float | None = element("Speed", default=None, until=V2016, about="速度 km/h")
    direction: float | None = element(
        "Direction", default=None, until=V2016, about="方向, degrees clockwise from north"
    )
    altitude: float | None = element("Altitude", default=None, until=V2016, about="海拔高度, metres")
    sum_num: int | None = element("SumNum", default=None, since=V2022, about="位置总数")
    items: list[PositionItem] = listed(
        "Item", default_factory=list, within="DeviceList", counted=True, since=V2022, about="位置列表"
    )


@command(Kind.NOTIFY, "PTZPosition", since=V2022)
class PtzPositionNotify(Command):
    """Precise PTZ state (PTZ精准状态变化, 2022 9.11.2.3)."""

    pan: float | None = element("Pan", default=None, about="水平角, degrees")
    tilt: float | None = element("Tilt", default=None, about="垂直角, degrees")
    zoom: float | None = element("Zoom", default=None, about="变倍倍数")
    horizontal_field_angle: float | None = element("HorizontalFieldAngle", default=None, about="水平视场角, degrees")
    vertical_field_angle: float | None = element("VerticalFieldAngle", default=None, about="竖直视场角, degrees")
    max_view_distance: float | None = element("MaxViewDistance", default=None, about="最大可视距离, metres")


@command(Kind.NOTIFY, "UploadSnapShotFinished", since=V2022)
class UploadSnapShotFinished(Command):
    """Captured pictures have been uploaded (图像抓拍传输完成通知)."""

    session_id: str = element("SessionID", about="会话ID")
    files: list[str] = listed(
        "SnapShotFileID",
        default_factory=list,
        within="SnapShotList",
        keep_wrapper=True,
        about="图像唯一标识, 41 digits",
    )


@command(Kind.NOTIFY, "VideoUploadNotify", since=V2022)
class VideoUploadNotify(Command):
    """A mobile device wants to send live video (设备实时视音频回传通知)."""

    time: str | None = element("Time", default=None, value=TIME, about="通知时间")
    longitude: float | None = element("Longitude", default=None, value=LONGITUDE, about="经度")
    latitude: float | None = element("Latitude", default=None, value=LATITUDE, about="纬度")


@command(Kind.NOTIFY, "DeviceUpgradeResult", since=V2022)
class DeviceUpgradeResult(Command):
    """Result of a firmware upgrade (设备软件升级结果通知)."""

    session_id: str = element("SessionID", about="会话ID")
    upgrade_result: str = element("UpgradeResult", value=RESULT, about="升级结果")
    firmware: str | None = element("Firmware", default=None, about="设备固件版本")
    upgrade_failed_reason: str | None = element(
        "UpgradeFailedReason", default=None, about="01 timeout 02 damaged 03 system 99 other"
    )
