"""What a capture of the signalling sees."""

from __future__ import annotations

from dataclasses import dataclass

from sip.peer import Peer


@dataclass(frozen=True, slots=True)
class WireEvent:
    """One message as it crossed the wire."""

    direction: str
    """"<" received, ">" sent."""
    peer: Peer
    local: tuple[str, int]
    data: bytes
    at: float
    """Unix time."""
