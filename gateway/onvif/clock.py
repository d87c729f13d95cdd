"""The camera's clock (GetSystemDateAndTime, ONVIF Core 8.2): a login bears the camera's time, not ours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

LARGE_S = 5.0
"""An offset worth telling: ONVIF cameras refuse logins that are a few seconds old."""


YEARS = range(1970, 2200)
"""A clock that shows another year shows nothing: no login can be made of it."""


def camera_time(answer: Any) -> float | None:
    """Unix seconds of the camera's UTC; None when it does not say. Local time is not used: its zone is free text."""
    try:
        moment = answer["UTCDateTime"]
        day, time = moment["Date"], moment["Time"]
        # 60 is a leap second, and some cameras count to 24:00.
        hour, minute, second = int(time["Hour"]), int(time["Minute"]), min(int(time["Second"]), 59)
        if not (0 <= hour <= 24 and 0 <= minute <= 59 and second >= 0 and int(day["Year"]) in YEARS):
            return None
        start = datetime(int(day["Year"]), int(day["Month"]), int(day["Day"]), tzinfo=UTC).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return start + hour * 3600 + minute * 60 + second


def clock_words(offset_s: float | None) -> tuple[str, str]:
    """What is to be said of an offset, in English and Chinese; empty when it is small or unknown."""
    if offset_s is None or abs(offset_s) <= LARGE_S:
        return "", ""
    return f"Its clock is {offset_s:+.0f} s off.", f"其时钟偏差 {offset_s:+.0f} 秒。"
