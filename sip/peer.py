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

    def is_sender_of(self, other: Peer) -> bool:
        """Whether a message from `other` may belong to an exchange with this peer.

        Over UDP only the very address counts. Over TCP the host does: some peers open a connection for every message,
        and an address that completed a handshake is not made up.
        """
        if self.transport != other.transport or self.host != other.host:
            return False
        return self.reliable or self.port == other.port

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport.lower()}:{host}:{self.port}"
