"""Looking over the SIP stack's shoulder: every message is counted, those of traced calls enter their ladder.

Messages are not parsed again for that: it is looked at what begins them, and at two headers.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gateway.telemetry.ladder import Ladder
from gateway.telemetry.metrics import Metrics
from sip.aio import WireEvent

_CALL_ID = re.compile(rb"\n(?:Call-ID|i)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_CSEQ = re.compile(rb"\nCSeq[ \t]*:[ \t]*\d+[ \t]+([A-Za-z]+)", re.IGNORECASE)
METHODS = frozenset(
    ("REGISTER", "MESSAGE", "NOTIFY", "SUBSCRIBE", "INVITE", "ACK", "BYE", "CANCEL", "INFO", "OPTIONS", "UPDATE")
)


class SipWatch:
    """The stack's `on_wire`; `listeners` (a trace file) see every message too."""

    def __init__(self, metrics: Metrics, ladder: Ladder) -> None:
        self._metrics = metrics
        self._ladder = ladder
        self.listeners: list[Callable[[WireEvent], None]] = []

    def on_wire(self, event: WireEvent) -> None:
        """One message in or out."""
        for listener in self.listeners:
            listener(event)
        if event.data.startswith(b"SIP/2.0 "):
            self._count(event)
        if self._ladder.has_calls:
            found = _CALL_ID.search(event.data)
            if found is not None:
                start = event.data.split(b"\n", 1)[0].strip().decode("utf-8", "replace")
                call_id = found[1].strip().decode("utf-8", "replace")
                self._ladder.sip(event.direction, call_id, start, str(event.peer))

    def _count(self, event: WireEvent) -> None:
        status = event.data[8:11].decode("ascii", "replace")
        if not status.isdigit() or status < "200":
            return
        found = _CSEQ.search(event.data)
        method = found[1].decode().upper() if found is not None else ""
        counter = self._metrics.sip_requests if event.direction == ">" else self._metrics.sip_sent
        counter.labels(method if method in METHODS else "other", status).inc()
