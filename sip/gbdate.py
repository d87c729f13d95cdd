"""The Date header of time synchronisation (校时, GB/T 28181-2022 9.10): Beijing time without a zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[T ][ ]?(\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d{1,9}))?\s?(Z|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE | re.ASCII,
)
_RFC_1123 = re.compile(
    r"(?:[A-Za-z]{3},[ ]*)?(\d{1,2}) ([A-Za-z]{3}) (\d{4}) (\d{1,2}):(\d{2}):(\d{2}) (?:GMT|UTC)",
    re.IGNORECASE | re.ASCII,
)


def format_date(unix_seconds: float) -> str:
    """`2024-05-06T14:03:12.345`: Beijing time with milliseconds, rounded down."""
    milliseconds = int(unix_seconds * 1000 + 1e-3)
    moment = datetime.fromtimestamp(milliseconds // 1000, BEIJING)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}"


def parse_date(text: str) -> float | None:
    """Unix seconds from the standard's form (any number of decimals, optional zone) or from RFC 1123; None otherwise.

    Without a zone the time is Beijing time.
    """
    text = text.strip()
    found = _ISO.fullmatch(text)
    if found is not None:
        year, month, day, hour, minute, second = (int(found[n]) for n in range(1, 7))
        fraction = float(f"0.{found[7]}") if found[7] else 0.0
        whole = _seconds(year, month, day, hour, minute, second, _zone(found[8]))
        return None if whole is None else whole + fraction
    found = _RFC_1123.fullmatch(text)
    if found is None or found[2].lower() not in _MONTHS:
        return None
    month = _MONTHS.index(found[2].lower()) + 1
    return _seconds(int(found[3]), month, int(found[1]), int(found[4]), int(found[5]), int(found[6]), UTC)


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return BEIJING
    if text in "Zz":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    if offset >= timedelta(hours=24):
        return None
    return timezone(-offset if text[0] == "-" else offset)


def _seconds(
    year: int, month: int, day: int, hour: int, minute: int, second: int, zone: timezone | None
) -> float | None:
    if zone is None:
        return None
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=zone).timestamp()
    except (ValueError, OverflowError):
        return None
