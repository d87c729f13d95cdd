"""The camera's clock."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.onvif.clock import camera_time, clock_words
from gateway.onvif.wsdl import load
from tests.gateway.onvif.soap import DATE_AND_TIME


async def test_the_time_is_read_from_the_answer_as_utc() -> None:
    assert camera_time((await load()).answer("device", "GetSystemDateAndTime", DATE_AND_TIME)) == 1284623445.0


def moment(**changed: Any) -> dict[str, Any]:
    values = {"Year": 2026, "Month": 1, "Day": 1, "Hour": 0, "Minute": 0, "Second": 0} | changed
    day = {name: values[name] for name in ("Year", "Month", "Day")}
    return {"UTCDateTime": {"Date": day, "Time": {name: values[name] for name in ("Hour", "Minute", "Second")}}}


def test_a_leap_second_and_midnight_as_24_hours_are_times_too() -> None:
    start = camera_time(moment())
    assert start is not None
    assert camera_time(moment(Second=60)) == start + 59
    assert camera_time(moment(Hour=24)) == start + 86400


@pytest.mark.parametrize(
    "answer", [None, {}, {"UTCDateTime": None}, moment(Month=13), moment(Year=0), moment(Day="x"), moment(Hour=None)]
)
def test_a_camera_that_does_not_know_the_time_has_none(answer: Any) -> None:
    assert camera_time(answer) is None


def test_only_a_large_offset_is_worth_words() -> None:
    assert clock_words(None) == clock_words(4.9) == clock_words(-5.0) == ("", "")
    english, chinese = clock_words(-63072000.4)
    assert english == "Its clock is -63072000 s off." and "-63072000 秒" in chinese


@pytest.mark.parametrize(
    ("part", "name", "value"), [("Time", "Hour", 10**12), ("Date", "Year", 9999), ("Time", "Minute", -1)]
)
def test_a_clock_that_shows_no_time_of_ours_is_not_used(part: str, name: str, value: int) -> None:
    moment = {"Time": {"Hour": 7, "Minute": 5, "Second": 4}, "Date": {"Year": 2024, "Month": 5, "Day": 6}}
    assert camera_time({"UTCDateTime": moment}) is not None
    moment[part][name] = value
    assert camera_time({"UTCDateTime": moment}) is None
