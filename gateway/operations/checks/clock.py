"""Is the clock right? Recordings, the ledger and registrations are only worth something with the time of day."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from gateway.operations.checks.finding import Finding, ok, warning

TIME_ERROR = 5
STA_UNSYNC = 0x0040
TIMESYNCD = Path("/run/systemd/timesync/synchronized")
SUBJECT = "clock"
BEIJING_S = 8 * 3600
_CHANGE = "run chrony or systemd-timesyncd against a time server of your network"


class _Timex(ctypes.Structure):
    """``struct timex`` of adjtimex(2), as far as it is read; the rest is room."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("room", ctypes.c_byte * 256),
    )


def kernel_clock() -> tuple[int, int] | None:
    """State and status of the kernel's clock (adjtimex(2)), nothing changed; None when it does not say."""
    timex = _Timex()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    return None if state < 0 else (state, timex.status)


def check_clock(read: Callable[[], tuple[int, int] | None] = kernel_clock, mark: Path = TIMESYNCD) -> list[Finding]:
    """Whether the clock is held to a time server, and which zone the machine has."""
    return [_synchronised(read, mark), _zone(time.localtime())]


def _synchronised(read: Callable[[], tuple[int, int] | None], mark: Path) -> Finding:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if mark.exists():
        return ok(SUBJECT, f"held to a time server by systemd-timesyncd; it is {now}")
    clock = read()
    if clock is None:
        return warning(SUBJECT, f"whether it is held to a time server is unknown here; it is {now}", _CHANGE)
    state, status = clock
    if state == TIME_ERROR or status & STA_UNSYNC:
        return warning(SUBJECT, f"not held to a time server; it is {now}", _CHANGE)
    return ok(SUBJECT, f"held to a time server; it is {now}")


def _zone(local: time.struct_time) -> Finding:
    hours = local.tm_gmtoff / 3600
    text = f"{local.tm_zone} (UTC{hours:+g})"
    if local.tm_gmtoff == BEIJING_S:
        return ok("time zone", text)
    return ok("time zone", f"{text}; peers are told Beijing time whatever it is")
