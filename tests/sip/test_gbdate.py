"""Dates of time synchronisation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.gbdate import format_date, parse_date

MOMENT = 1_714_975_392.0  # 2024-05-06 14:03:12 in Beijing, 06:03:12 GMT


def test_the_date_is_beijing_time_without_a_zone() -> None:
    assert format_date(MOMENT + 0.345) == "2024-05-06T14:03:12.345"
    assert format_date(MOMENT) == "2024-05-06T14:03:12.000"
    assert format_date(0.0) == "1970-01-01T08:00:00.000"
    assert format_date(MOMENT + 0.9999) == "2024-05-06T14:03:12.999"


@pytest.mark.parametrize(
    ("text", "fraction"),
    [
        ("2024-05-06T14:03:12.345", 0.345),
        ("2024-05-06T14:03:12", 0),
        ("2024-05-06T14:03:12.3", 0.3),
        (" 2024-05-06 14:03:12 ", 0),
        ("2024-5-6T14:3:12", 0),
        ("2024-05-06T06:03:12Z", 0),
        ("2024-05-06T06:03:12.5z", 0.5),
        ("2024-05-06T14:03:12+08:00", 0),
        ("2024-05-06T14:03:12 +0800", 0),
        ("2024-05-05T22:03:12-08:00", 0),
        ("Mon, 06 May 2024 06:03:12 GMT", 0),
        ("06 may 2024 6:03:12 UTC", 0),
    ],
)
def test_all_forms_seen_name_the_same_moment(text: str, fraction: float) -> None:
    assert parse_date(text) == pytest.approx(MOMENT + fraction, abs=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2024-13-06T14:03:12",
        "2024-05-06T24:03:12",
        "0000-05-06T14:03:12",
        "2024-05-06T14:03:12+99:00",
        "2024-05-06",
        "Fri, 01 Jan 2010 16:00:00 EST",
        "Mon, 06 Mai 2024 06:03:12 GMT",
        "Mon, 31 Feb 2024 06:03:12 GMT",
        "２０２４-05-06T14:03:12",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_date(text) is None


@given(st.integers(0, 4_000_000_000_000))
def test_what_is_written_is_read_back_to_the_millisecond(milliseconds: int) -> None:
    assert parse_date(format_date(milliseconds / 1000)) == pytest.approx(milliseconds / 1000, abs=0.0005)


@given(st.text())
def test_any_text_is_a_date_or_none(text: str) -> None:
    assert parse_date(text) is None or isinstance(parse_date(text), float)
