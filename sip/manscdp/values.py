"""Value types of MANSCDP elements: how one element's text becomes a Python value and back.

Knows the simple types of GB/T 28181 Annex A (deviceIDType, statusType, resultType ...) and the spellings
met in the field; knows no element names and no XML.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}\Z")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,2})?\Z")


@dataclass(frozen=True, slots=True)
class ValueType:
    """One simple type. `read` raises ValueError on a text that is not of the type.

    `tolerated` gives the value meant by an irregular text (None: no idea) and is used only while the
    tolerance named `tolerance` is on. `junk` names the tolerance under which any other text of an optional
    element counts as not given. `sample` says how to make up values: ("text",), ("integer", low, high),
    ("number", low, high), ("time",), ("one of", ...).
    """

    name: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]
    sample: tuple[Any, ...]
    tolerated: Callable[[str], Any] | None = None
    tolerance: str = ""
    junk: str = "number_junk"


def _read_text(text: str) -> str:
    return text


def _write_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"needs text, not {type(value).__name__}")
    return value


def _read_integer(text: str) -> int:
    if _INTEGER.match(text) is None:
        raise ValueError("not a whole number")
    return int(text)


def _write_integer(value: Any) -> str:
    if not isinstance(value, int):
        raise ValueError(f"needs a whole number, not {type(value).__name__}")
    return str(int(value))


def _read_number(text: str) -> float:
    if _NUMBER.match(text) is None:
        raise ValueError("not a number")
    return float(text)


def _write_number(value: Any) -> str:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("needs a finite number")
    text = repr(value)
    return text if "e" not in text else f"{value:.12f}".rstrip("0").rstrip(".")


TEXT = ValueType("text", _read_text, _write_text, ("text",))
ID = ValueType("id", _read_text, _write_text, ("digits",))
TIME = ValueType("dateTime", _read_text, _write_text, ("time",))
INTEGER = ValueType("integer", _read_integer, _write_integer, ("integer", 0, 2**31 - 1))
NUMBER = ValueType("double", _read_number, _write_number, ("number", -1000, 1000))


def choice(
    name: str,
    *values: str,
    spellings: Mapping[str, str] | None = None,
    tolerance: str = "enumeration_spelling",
) -> ValueType:
    """A text that is one of `values`. Irregular case is tolerated, and so is each (lower-case) key of `spellings`."""
    allowed = frozenset(values)
    known = {value.lower(): value for value in values} | dict(spellings or {})

    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"not a {name}")
        return text

    def write(value: Any) -> str:
        if value not in allowed:
            raise ValueError(f"not a {name}")
        return str(value)

    return ValueType(
        name, read, write, ("one of", *values), lambda text: known.get("".join(text.split()).lower()), tolerance,
        "enumeration_junk",
    )  # fmt: skip


def numbers(name: str, low: float, high: float, junk: str) -> ValueType:
    """A number within low..high; anything else counts as not given while the tolerance `junk` is on."""

    def read(text: str) -> float:
        value = _read_number(text)
        if not low <= value <= high:
            raise ValueError(f"not a {name} ({low:g} to {high:g})")
        return value

    return ValueType(name, read, _write_number, ("number", low, high), junk=junk)


def _read_flag(text: str) -> int:
    if text not in ("0", "1"):
        raise ValueError("neither 0 nor 1")
    return int(text)


def _tolerated_flag(text: str) -> int | None:
    lowered = text.lower()
    if lowered in ("true", "yes"):
        return 1
    if lowered in ("", "false", "no", "null"):
        return 0
    return int(int(text) != 0) if _INTEGER.match(text) else None


def _write_flag(value: Any) -> str:
    if value not in (0, 1):
        raise ValueError("neither 0 nor 1")
    return str(int(value))


# statusType, resultType and the two state types of DeviceStatus (A.2.1). The extra spellings are seen from devices.
STATUS = choice(
    "Status", "ON", "OFF",
    spellings={"online": "ON", "ok": "ON", "1": "ON", "true": "ON", "": "ON", "normal": "ON",
               "offline": "OFF", "error": "OFF", "0": "OFF", "false": "OFF"},
    tolerance="status_spelling",
)  # fmt: skip
RESULT = choice(
    "Result", "OK", "ERROR",
    spellings={"success": "OK", "true": "OK", "1": "OK", "on": "OK", "online": "OK", "": "OK",
               "fail": "ERROR", "failed": "ERROR", "false": "ERROR", "0": "ERROR", "off": "ERROR", "offline": "ERROR"},
    tolerance="status_spelling",
)  # fmt: skip
ONLINE = choice(
    "Online state", "ONLINE", "OFFLINE",
    spellings={"on": "ONLINE", "ok": "ONLINE", "1": "ONLINE", "true": "ONLINE",
               "off": "OFFLINE", "error": "OFFLINE", "0": "OFFLINE", "false": "OFFLINE"},
    tolerance="status_spelling",
)  # fmt: skip
EVENT = choice("Event", "ON", "OFF", "VLOST", "DEFECT", "ADD", "DEL", "UPDATE", spellings={"delete": "DEL"})
FLAG = ValueType("flag", _read_flag, _write_flag, ("one of", 0, 1), _tolerated_flag, "parental_spelling")
LONGITUDE = numbers("longitude", -180, 180, "coordinate_junk")
LATITUDE = numbers("latitude", -90, 90, "coordinate_junk")
