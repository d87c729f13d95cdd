"""The simple types of Annex A and the spellings met in the field."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sip.manscdp.values import (
    EVENT,
    FLAG,
    ID,
    INTEGER,
    LATITUDE,
    LONGITUDE,
    NUMBER,
    ONLINE,
    RESULT,
    STATUS,
    TEXT,
    TIME,
    ValueType,
    choice,
)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (TEXT, "东门", "东门"),
        (ID, "34020000001320000001", "34020000001320000001"),
        (TIME, "2024-05-06T14:03:12", "2024-05-06T14:03:12"),
        (INTEGER, "-12", -12),
        (INTEGER, "00043", 43),
        (NUMBER, "118.376451", 118.376451),
        (NUMBER, ".5", 0.5),
        (NUMBER, "1e2", 100.0),
        (STATUS, "OFF", "OFF"),
        (FLAG, "1", 1),
        (LONGITUDE, "-180", -180.0),
    ],
)
def test_regular_texts_are_read(kind: ValueType, text: str, value: Any) -> None:
    assert kind.read(text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (INTEGER, ""),
        (INTEGER, "1_0"),
        (INTEGER, "１"),
        (INTEGER, "9" * 30),
        (NUMBER, "nan"),
        (NUMBER, "1e999"),
        (NUMBER, "1,5"),
        (STATUS, "on"),
        (FLAG, "65535"),
        (LONGITUDE, "180.1"),
        (LATITUDE, "-91"),
    ],
)
def test_irregular_texts_are_not_read(kind: ValueType, text: str) -> None:
    with pytest.raises(ValueError):
        kind.read(text)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        *((STATUS, text, "ON") for text in ("on", "ONLINE", "OK", "1", "true", "", "O N", "Normal")),
        *((STATUS, text, "OFF") for text in ("off", "OFFLINE", "ERROR", "0", "false")),
        (STATUS, "MAYBE", None),
        *((RESULT, text, "OK") for text in ("ok", "SUCCESS", "1", "true", "")),
        *((RESULT, text, "ERROR") for text in ("Error", "fail", "0")),
        (ONLINE, "on", "ONLINE"),
        (ONLINE, "offline", "OFFLINE"),
        (EVENT, "add", "ADD"),
        (EVENT, "Delete", "DEL"),
        *((FLAG, text, 1) for text in ("65535", "true", "2", "-1", "yes")),
        *((FLAG, text, 0) for text in ("", "false", "null", "00")),
        (FLAG, "x", None),
    ],
)
def test_the_meaning_of_irregular_spellings(kind: ValueType, text: str, value: Any) -> None:
    assert kind.tolerated is not None
    assert kind.tolerated(text) == value


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (TEXT, "a", "a"),
        (INTEGER, 12, "12"),
        (INTEGER, True, "1"),
        (NUMBER, 36.0, "36.0"),
        (NUMBER, 36, "36"),
        (NUMBER, 0.00000025, "0.00000025"),
        (STATUS, "ON", "ON"),
        (FLAG, True, "1"),
        (choice("colour", "red"), "red", "red"),
    ],
)
def test_values_are_written(kind: ValueType, value: Any, text: str) -> None:
    assert kind.write(value) == text


@pytest.mark.parametrize(
    ("kind", "value"),
    [(TEXT, 1), (INTEGER, "1"), (NUMBER, math.nan), (NUMBER, math.inf), (NUMBER, "1"), (STATUS, "MAYBE"), (FLAG, 2)],
)
def test_a_value_of_another_type_is_not_written(kind: ValueType, value: Any) -> None:
    with pytest.raises(ValueError):
        kind.write(value)
