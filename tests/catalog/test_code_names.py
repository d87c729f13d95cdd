from __future__ import annotations

import pytest

from catalog.code_names import Edition, industry_name, network_name, type_name


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (118, "网络视频录像机(NVR)"),
        (119, "扩展的前端主设备"),
        (132, "网络摄像机(IPC)"),
        (150, "扩展的前端外围设备"),
        (202, "媒体分发服务器"),
        (250, "扩展的平台设备"),
        (305, "中心行业角色用户"),
        (399, "扩展的中心用户"),
        (401, "终端行业角色用户"),
        (499, "扩展的终端用户"),
        (599, "扩展的平台外接服务器"),
        (700, "扩展类型"),
        (5, "未知类型"),
    ],
)
def test_type_codes_have_the_names_of_the_table(number: int, name: str) -> None:
    assert type_name(number) == name


@pytest.mark.parametrize(
    ("industry", "in_2016", "in_2022"),
    [
        ("00", "社会治安路面接入", "社会治安路面接入"),
        ("11", "教育部门接入", "教育部门接入"),
        ("12", "预留", "民航"),
        ("15", "预留", "预留"),
        ("44", "电力企业接入", "建筑业"),
        ("55", "娱乐企业接入", "教育"),
        ("59", "预留", "国际组织"),
        ("60", "预留", "预留"),
        ("85", "居民自建", "预留"),
        ("95", "其他主体", "自定义"),
        ("x1", "未知行业", "未知行业"),
    ],
)
def test_an_industry_is_named_by_the_edition_of_its_platform(industry: str, in_2016: str, in_2022: str) -> None:
    assert industry_name(industry, Edition.V2016) == in_2016
    assert industry_name(industry, Edition.V2022) == in_2022


def test_a_network_is_named_by_the_edition_of_its_platform() -> None:
    assert network_name("2", Edition.V2016) == "监控报警专网"
    assert network_name("2", Edition.V2022) == "行业专网"
    assert network_name("8", Edition.V2022) == "专线"
    assert network_name("", Edition.V2022) == "未知网络"
