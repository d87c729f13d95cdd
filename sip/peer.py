"""Where a message came from or goes to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """The far end of a hop. `host` is an IP address in text form, never a name."""

    transport: str
    """"UDP" or "TCP"."""
    host: str
    port: int
    connection: int | None = None
    """Number of the live TCP connection it came on; None means open or reuse one to host:port."""

    @property
    def reliable(self) -> bool:
        """Whether the transport itself repeats lost data (RFC 3261 17: no retransmission timers then)."""
        return self.transport != "UDP"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport.lower()}:{host}:{self.port}"
