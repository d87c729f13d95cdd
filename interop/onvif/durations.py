"""Times as XML Schema writes them: durations (PT60S) and date-times in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_DURATION = re.compile(
    r"(-)?P(?:([0-9]{1,6})D)?(?:T(?:([0-9]{1,6})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,9}(?:\.[0-9]{1,9})?)S)?)?"
)


def seconds(text: str) -> float:
    """A duration of days, hours, minutes and seconds in seconds. Raises ValueError (years and months too)."""
    found = _DURATION.fullmatch(text.strip())
    if found is None or not any(found.groups()[1:]) or text.strip().endswith("T"):
        raise ValueError(f"not a duration: {text!r}")
    sign, days, hours, minutes, rest = found.groups()
    total = int(days or 0) * 86400 + int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(rest or 0)
    return -total if sign else total


def duration(value: float) -> str:
    """Seconds as a duration."""
    return f"PT{value:g}S"


def timestamp(text: str) -> float:
    """A date-time as seconds since 1970; without a zone it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text.strip())
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def date_time(value: float) -> str:
    """Seconds since 1970 as a date-time in UTC, with milliseconds."""
    moment = datetime.fromtimestamp(value, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
