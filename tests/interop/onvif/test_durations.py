"""Durations and date-times of XML Schema."""

from __future__ import annotations

import pytest

from interop.onvif.durations import date_time, duration, seconds, timestamp


@pytest.mark.parametrize(
    ("text", "value"),
    [("PT60S", 60.0), ("PT1M", 60.0), ("P1DT2H3M4.5S", 93784.5), ("-PT5S", -5.0), ("PT0S", 0.0), (" PT1H ", 3600.0)],
)
def test_a_duration_in_seconds(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "P", "PT", "60", "P1Y", "P1DT", "PTS", "PT1S1M", "PTxS"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        seconds(text)


def test_seconds_are_written_as_a_duration() -> None:
    assert [duration(value) for value in (5.0, 0.1, 60)] == ["PT5S", "PT0.1S", "PT60S"]


def test_a_date_time_is_utc_unless_it_says_otherwise() -> None:
    assert timestamp("1970-01-02T00:00:00Z") == timestamp("1970-01-02T08:00:00+08:00") == 86400.0
    assert timestamp("1970-01-02T00:00:00") == 86400.0
    assert date_time(86400.25) == "1970-01-02T00:00:00.250Z"
    with pytest.raises(ValueError, match="Invalid isoformat"):
        timestamp("yesterday")
