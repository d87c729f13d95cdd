"""Chinese names of the segments of a code, for display only.

The industry table was renumbered between the editions (40-59), and so was the network table, so a name needs the
edition of the platform the code came from. No decision may rest on these names.
"""

from __future__ import annotations

from enum import StrEnum


class Edition(StrEnum):
    """The edition of GB/T 28181 by which a code was given."""

    V2016 = "2016"
    V2022 = "2022"


_INDUSTRY_SHARED = (
    "社会治安路面接入",
    "社会治安社区接入",
    "社会治安内部接入",
    "社会治安其他接入",
    "交通路面接入",
    "交通卡口接入",
    "交通内部接入",
    "交通其他接入",
    "城市管理接入",
    "卫生环保接入",
    "商检海关接入",
    "教育部门接入",
)

_INDUSTRY_2016_FROM_40 = (
    "农、林、牧、渔业接入",
    "采矿企业接入",
    "制造企业接入",
    "冶金企业接入",
    "电力企业接入",
    "燃气企业接入",
    "建筑企业接入",
    "物流企业接入",
    "邮政企业接入",
    "信息企业接入",
    "住宿和餐饮业接入",
    "金融企业接入",
    "房地产业接入",
    "商务服务业接入",
    "水利企业接入",
    "娱乐企业接入",
)

_INDUSTRY_2022_FROM_40 = (
    "农、林、牧、渔业",
    "采矿业",
    "制造业",
    "电力、热力、燃气及水生产和供应业",
    "建筑业",
    "批发和零售业",
    "交通运输、仓储和邮政业",
    "住宿和餐饮业",
    "信息传输、软件和信息技术服务业",
    "金融业",
    "房地产业",
    "租赁和商务服务业",
    "科学研究和技术服务业",
    "水利、环境和公共设施管理业",
    "居民服务、修理和其他服务业",
    "教育",
    "卫生和社会工作",
    "文化、体育和娱乐业",
    "公共管理、社会保障和社会组织",
    "国际组织",
)

_INDUSTRY_2022_FROM_12 = ("民航", "铁路", "航运")

_NETWORK_2016 = (
    "监控报警专网",
    "监控报警专网",
    "监控报警专网",
    "监控报警专网",
    "监控报警专网",
    "公安信息网",
    "政务网",
    "Internet网",
    "社会资源接入网",
    "预留",
)

_NETWORK_2022 = (
    "公安视频传输网",
    "公安视频传输网",
    "行业专网",
    "政法信息网",
    "公安移动信息网",
    "公安信息网",
    "电子政务外网",
    "互联网等公共网络",
    "专线",
    "预留",
)

_TYPE_NAMES: dict[int, str] = {
    111: "DVR",
    112: "视频服务器",
    113: "编码器",
    114: "解码器",
    115: "视频切换矩阵",
    116: "音频切换矩阵",
    117: "报警控制器",
    118: "网络视频录像机(NVR)",
    120: "在线视频图像信息采集系统",
    121: "视频卡口",
    122: "多目设备",
    123: "停车场出入口控制设备",
    124: "人员出入口控制设备",
    125: "安检设备",
    130: "混合硬盘录像机(HVR)",
    131: "摄像机",
    132: "网络摄像机(IPC)",
    133: "显示器",
    134: "报警输入设备",
    135: "报警输出设备",
    136: "语音输入设备",
    137: "语音输出设备",
    138: "移动传输设备",
    139: "其他外围设备",
    140: "报警输出设备(继电器或触发器)",
    141: "道闸",
    142: "智能门",
    143: "凭证识别单元",
    200: "中心信令控制服务器",
    201: "Web应用服务器",
    202: "媒体分发服务器",
    203: "代理服务器",
    204: "安全服务器",
    205: "报警服务器",
    206: "数据库服务器",
    207: "GIS服务器",
    208: "管理服务器",
    209: "接入网关",
    210: "媒体存储服务器",
    211: "信令安全路由网关",
    215: "业务分组",
    216: "虚拟组织",
    300: "中心用户",
    400: "终端用户",
    500: "视频图像信息综合应用平台",
    501: "视频图像信息运维管理平台",
    502: "视频图像分析系统",
    503: "视频图像信息数据库",
    505: "视频图像分析设备",
}

_TYPE_RANGES: tuple[tuple[int, int, str], ...] = (
    (111, 130, "扩展的前端主设备"),
    (131, 199, "扩展的前端外围设备"),
    (200, 299, "扩展的平台设备"),
    (301, 343, "中心行业角色用户"),
    (344, 399, "扩展的中心用户"),
    (401, 443, "终端行业角色用户"),
    (444, 499, "扩展的终端用户"),
    (500, 599, "扩展的平台外接服务器"),
    (600, 999, "扩展类型"),
)


def type_name(type_code: int) -> str:
    """The name of a type code (类型编码, digits 11-13); "未知类型" below 111."""
    if name := _TYPE_NAMES.get(type_code):
        return name
    for first, last, name in _TYPE_RANGES:
        if first <= type_code <= last:
            return name
    return "未知类型"


def industry_name(industry: str, edition: Edition) -> str:
    """The name of an industry code (行业编码, digits 9-10) in that edition; "预留" where the table has no entry."""
    if len(industry) != 2 or not (industry.isascii() and industry.isdigit()):
        return "未知行业"
    number = int(industry)
    if number < len(_INDUSTRY_SHARED):
        return _INDUSTRY_SHARED[number]
    if number >= 90:
        return "其他主体" if edition is Edition.V2016 else "自定义"
    return _industry_of_edition(number, edition)


def _industry_of_edition(number: int, edition: Edition) -> str:
    table: tuple[str, ...]
    if edition is Edition.V2016:
        table, first = _INDUSTRY_2016_FROM_40, 40
        if 80 <= number <= 89:
            return "居民自建"
    elif number < 40:
        table, first = _INDUSTRY_2022_FROM_12, 12
    else:
        table, first = _INDUSTRY_2022_FROM_40, 40
    return table[number - first] if first <= number < first + len(table) else "预留"


def network_name(network: str, edition: Edition) -> str:
    """The name of a network id (网络标识, digit 14) in that edition."""
    if len(network) != 1 or not (network.isascii() and network.isdigit()):
        return "未知网络"
    return (_NETWORK_2016 if edition is Edition.V2016 else _NETWORK_2022)[int(network)]
