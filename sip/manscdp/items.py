"""The catalogue item (目录项) and its camera details, GB/T 28181 A.2.1, in the sending order of the schemas."""

from __future__ import annotations

from dataclasses import field, replace

from sip.manscdp.declaration import Edition, Structure, element, structure
from sip.manscdp.values import EVENT, FLAG, LATITUDE, LONGITUDE, STATUS

V2016, V2022 = Edition.V2016, Edition.V2022


@structure
class ItemInfo(Structure):
    """Camera details (`Info` of a catalogue item). Lists inside a text are joined by "/"."""

    ptz_type: str | None = element(
        "PTZType", default=None, about="摄像机结构类型 1 dome 2 half-dome 3 fixed 4 remote, 5-7 [22]"
    )
    position_type: int | None = element("PositionType", default=None, until=V2016, about="位置类型 1-10")
    photoelectric_imaging_type: str | None = element(
        "PhotoelectricImagingType",
        default=None,
        since=V2022,
        about="光电成像类型 1 visible 2 thermal 3 radar 4 X-ray 5 depth 9 other",
    )
    capture_position_type: str | None = element(
        "CapturePositionType", default=None, since=V2022, about="采集部位类型, 7 digits, Annex O"
    )
    room_type: int | None = element("RoomType", default=None, about="1 outdoor 室外 2 indoor 室内")
    use_type: int | None = element(
        "UseType", default=None, until=V2016, about="用途 1 public security 2 traffic 3 key point"
    )
    supply_light_type: int | None = element(
        "SupplyLightType", default=None, about="补光 1 none 2 infrared 3 white, 4 laser 9 other [22]"
    )
    direction_type: int | None = element(
        "DirectionType", default=None, about="监视方位 1 E 2 W 3 S 4 N 5 SE 6 NE 7 SW 8 NW"
    )
    resolution: str | None = element("Resolution", default=None, about="分辨率, codes of the SDP f line")
    business_group_id: str | None = element(
        "BusinessGroupID", default=None, until=V2016, about="业务分组; one level up in 2022"
    )
    stream_number_list: str | None = element("StreamNumberList", default=None, since=V2022, about="码流编号列表 0/1/2")
    download_speed: str | None = element("DownloadSpeed", default=None, about="下载倍速 1/2/4")
    svc_space_support_mode: int | None = element("SVCSpaceSupportMode", default=None, about="空域编码能力 0-3")
    svc_time_support_mode: int | None = element("SVCTimeSupportMode", default=None, about="时域编码能力 0-3")
    ssvc_ratio_support_list: str | None = element(
        "SSVCRatioSupportList", default=None, since=V2022, about="4:3/2:1/4:1/6:1/8:1"
    )
    mobile_device_type: int | None = element(
        "MobileDeviceType", default=None, since=V2022, about="移动采集设备类型 1-5, 9"
    )
    horizontal_field_angle: float | None = element(
        "HorizontalFieldAngle", default=None, since=V2022, about="水平视场角, degrees"
    )
    vertical_field_angle: float | None = element(
        "VerticalFieldAngle", default=None, since=V2022, about="竖直视场角, degrees"
    )
    max_view_distance: float | None = element(
        "MaxViewDistance", default=None, since=V2022, about="最大可视距离, metres"
    )
    grassroots_code: str | None = element(
        "GrassrootsCode", default=None, since=V2022, about="基层组织编码 E.3, 000000 unused"
    )
    point_type: int | None = element("PointType", default=None, since=V2022, about="监控点位类型 1-3 class, 9 other")
    point_common_name: str | None = element("PointCommonName", default=None, since=V2022, about="点位俗称")
    mac: str | None = element("MAC", default=None, since=V2022, about="MAC address XX-XX-XX-XX-XX-XX")
    function_type: str | None = element(
        "FunctionType", default=None, since=V2022, about="功能类型 01 face 02 person 03-05, 99"
    )
    encode_type: str | None = element(
        "EncodeType", default=None, since=V2022, about="视频编码格式, codes of the SDP f line"
    )
    install_time: str | None = element("InstallTime", default=None, since=V2022, about="安装时间")
    management_unit: str | None = element("ManagementUnit", default=None, since=V2022, about="管理单位")
    contact_info: str | None = element("ContactInfo", default=None, since=V2022, about="联系方式, joined by /")
    record_save_days: int | None = element("RecordSaveDays", default=None, since=V2022, about="录像保存天数")
    industrial_classification: str | None = element(
        "IndustrialClassification", default=None, since=V2022, about="国民经济行业分类代码 GB/T 4754"
    )


@structure
class CatalogItem(Structure):
    """One object of a catalogue: region, system, business group, virtual organisation, device or channel.

    None means the peer did not state it. `raw` is the item's XML text as received. `business_group_id` is read
    from either place (Info up to 2016, the item itself since 2022) and written to the place of the edition.
    """

    device_id: str = element("DeviceID", about="设备/区域/系统编码")
    event: str | None = element("Event", default=None, value=EVENT, about="目录变化事件, change notifications only")
    name: str | None = element("Name", default=None, about="名称")
    manufacturer: str | None = element("Manufacturer", default=None, about="设备厂商")
    model: str | None = element("Model", default=None, about="设备型号")
    owner: str | None = element("Owner", default=None, until=V2016, about="设备归属")
    civil_code: str | None = element("CivilCode", default=None, about="行政区划代码 2/4/6/8 digits")
    block: str | None = element("Block", default=None, about="警区")
    address: str | None = element("Address", default=None, about="安装地址")
    parental: int | None = element("Parental", default=None, value=FLAG, about="是否有子设备 1 yes 0 no")
    parent_id: str | None = element("ParentID", default=None, about="父节点编码, several joined by /")
    safety_way: int | None = element(
        "SafetyWay", default=None, until=V2016, about="信令安全模式 0 none 2 S/MIME 3 4 digest"
    )
    register_way: int | None = element(
        "RegisterWay", default=None, about="注册方式 1 RFC 3261 2 password 3 certificate 4 [22]"
    )
    cert_num: str | None = element("CertNum", default=None, until=V2016, about="证书序列号")
    certifiable: int | None = element("Certifiable", default=None, until=V2016, about="证书有效标识 0/1")
    err_code: int | None = element("ErrCode", default=None, until=V2016, about="无效原因码")
    end_time: str | None = element("EndTime", default=None, until=V2016, about="证书终止有效期")
    security_level_code: str | None = element(
        "SecurityLevelCode", default=None, since=V2022, about="GB 35114 class A/B/C"
    )
    secrecy: int | None = element("Secrecy", default=None, about="保密属性 0 not secret 1 secret")
    ip_address: str | None = element("IPAddress", default=None, about="设备IP地址")
    port: int | None = element("Port", default=None, about="设备端口")
    password: str | None = element("Password", default=None, about="设备口令; never forwarded upward")
    status: str | None = element("Status", default=None, value=STATUS, about="设备状态")
    longitude: float | None = element("Longitude", default=None, value=LONGITUDE, about="经度 WGS-84")
    latitude: float | None = element("Latitude", default=None, value=LATITUDE, about="纬度 WGS-84")
    business_group_id: str | None = element("BusinessGroupID", default=None, since=V2022, about="虚拟组织所属业务分组")
    info: ItemInfo | None = element("Info", default=None, about="摄像机扩展信息")
    raw: str = field(default="", compare=False, repr=False)

    def after_reading(self) -> None:
        if self.business_group_id is None and self.info is not None:
            self.business_group_id = self.info.business_group_id

    def for_edition(self, edition: Edition) -> CatalogItem:
        if edition >= V2022 or self.business_group_id is None:
            return self
        info = self.info if self.info is not None else ItemInfo()
        if info.business_group_id == self.business_group_id:
            return self
        return replace(self, info=replace(info, business_group_id=self.business_group_id))
