"""Administrative divisions (行政区划) of the first three levels: names, parents, what is below.

The table holds the divisions in force and the codes withdrawn since 2002, which installed cameras still carry; its
sources are in `catalog/data/SOURCES.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_GROUPING_NAMES = frozenset({"市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"})
"""Names of codes that only group counties without a city of their own; they are no part of an address."""


@dataclass(frozen=True, slots=True)
class Division:
    """One division."""

    code: str
    """2 digits for a province (省级), 4 for a city (市级), 6 for a county (区县级)."""
    name: str
    until: str = ""
    """The last month (YYYYMM) a withdrawn code was listed; empty while it is in force."""

    @property
    def in_force(self) -> bool:
        """Whether the code has not been withdrawn."""
        return not self.until

    @property
    def parent(self) -> str | None:
        """The code of the division around it; None for a province."""
        return parent_code(self.code)


def parent_code(code: str) -> str | None:
    """The region around a region: its code without the last two digits; None for a province."""
    return code[:-2] if len(code) > 2 else None


@cache
def divisions() -> Mapping[str, Division]:
    """The whole table by code, in the order of the codes."""
    text = files("catalog.data").joinpath("divisions.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.splitlines())
    return MappingProxyType({code: Division(code, name, until) for code, name, until in rows})


@cache
def _below() -> Mapping[str, tuple[Division, ...]]:
    below: dict[str, list[Division]] = {}
    for division in divisions().values():
        if division.in_force:
            below.setdefault(division.parent or "", []).append(division)
    return MappingProxyType({code: tuple(found) for code, found in below.items()})


def division_of(code: str) -> Division | None:
    """The division with exactly this code of 2, 4 or 6 digits; trailing `00` pairs do not count."""
    return divisions().get(_trimmed(code))


def nearest(code: str) -> Division | None:
    """The smallest known division that contains the region with this code, itself included: `34020101` to 340201."""
    code = _trimmed(code)
    while code:
        if found := divisions().get(code):
            return found
        code = code[:-2]
    return None


def below(code: str) -> tuple[Division, ...]:
    """The divisions in force directly inside a division; `""` gives the provinces."""
    return _below().get(_trimmed(code), ())


def full_name(code: str) -> str:
    """The names from province down, as in an address: `340202` to 安徽省芜湖市镜湖区; "" for an unknown code."""
    found = nearest(code)
    if found is None:
        return ""
    path = (divisions().get(found.code[:length]) for length in range(2, len(found.code) + 1, 2))
    return "".join(part.name for part in path if part is not None and part.name not in _GROUPING_NAMES)


def _trimmed(code: str) -> str:
    code = code.strip()
    if not (code.isascii() and code.isdigit()) or len(code) % 2:
        return ""
    while code.endswith("00"):
        code = code[:-2]
    return code
