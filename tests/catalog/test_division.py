from __future__ import annotations

import pytest

from catalog.division import Division, below, division_of, divisions, full_name, nearest, parent_code


def test_every_division_lies_in_one_that_is_in_the_table() -> None:
    orphans = [code for code, found in divisions().items() if found.parent and found.parent not in divisions()]
    assert orphans == []


def test_the_table_has_all_provinces_and_the_whole_country() -> None:
    assert len(below("")) == 34
    assert 2800 < sum(1 for found in divisions().values() if len(found.code) == 6 and found.in_force) < 3000


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("34", "安徽省"),
        ("3402", "芜湖市"),
        ("340200", "芜湖市"),
        ("340202", "镜湖区"),
        ("110105", "朝阳区"),
        ("71", "台湾省"),
        ("81", "香港特别行政区"),
    ],
)
def test_divisions_have_their_official_names(code: str, name: str) -> None:
    found = division_of(code)
    assert found is not None and found.name == name and found.in_force


def test_a_withdrawn_code_keeps_its_name_and_says_until_when() -> None:
    assert divisions()["310108"] == Division("310108", "闸北区", "201511")
    assert not divisions()["310108"].in_force
    assert "310108" not in {found.code for found in below("3101")}


def test_what_is_below_a_city_is_listed_in_order() -> None:
    codes = [found.code for found in below("3402")]
    assert "340202" in codes and codes == sorted(codes) and all(code.startswith("3402") for code in codes)
    assert below("340202") == ()


def test_the_parent_of_a_region_is_its_prefix() -> None:
    assert parent_code("34020201") == "340202"
    assert parent_code("34") is None
    assert divisions()["340202"].parent == "3402"


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("340202", "安徽省芜湖市镜湖区"),
        ("34020201", "安徽省芜湖市镜湖区"),
        ("110105", "北京市朝阳区"),
        ("429004", "湖北省仙桃市"),
        ("659001", "新疆维吾尔自治区石河子市"),
        ("99", ""),
        ("芜湖", ""),
        ("340", ""),
    ],
)
def test_a_full_name_reads_like_an_address(code: str, name: str) -> None:
    assert full_name(code) == name


def test_an_unknown_region_is_found_in_the_nearest_known_one() -> None:
    found = nearest("34029999")
    assert found is not None and found.code == "3402"
    assert nearest("") is None and division_of("340299") is None
