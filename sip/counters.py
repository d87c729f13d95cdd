"""What a stack counts. Plain numbers: read them, never reset them."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Counters:
    """Messages and mishaps since the stack was made."""

    requests_received: int = 0
    responses_received: int = 0
    requests_absorbed: int = 0
    """Repetitions answered from the stored response, or swallowed."""
    requests_merged: int = 0
    retransmissions_sent: int = 0
    keepalives: int = 0
    """Datagrams of nothing but line ends or NULs."""
    malformed: int = 0
    malformed_unanswered: int = 0
    """Malformed beyond the source's rate: dropped without a word."""
    oversize: int = 0
    overloaded: int = 0
    """Requests refused with 503 because a limit was reached."""
    storms: int = 0
    """REGISTER without credentials refused because its source only ever draws challenges."""
    flooded: int = 0
    """Messages dropped unread because their host only ever draws refusals."""
    evicted: int = 0
    """Answered transactions given up before their time because the table was full."""
    stray_responses: int = 0
    stray_acks: int = 0
    foreign_responses: int = 0
    """Responses dropped because they came from another address or connection than the request went to."""
    answers_from_elsewhere: int = 0
    """Responses taken from another address than the request went to, by a peer's tolerance."""
    foreign_requests: int = 0
    """ACK and CANCEL dropped because they came from another address than their INVITE."""
    changed_tags: int = 0
    """Repeated 2xx to INVITE of the same Contact under another To tag."""
    timeouts: int = 0
    transport_failures: int = 0
    late_answers: int = 0
    ack_missing: int = 0
    not_answered: int = 0
    handler_failures: int = 0
    connections_accepted: int = 0
    connections_opened: int = 0
    connections_lost: int = 0
    connections_refused: int = 0
    connections_unproven: int = 0
    """Connections closed because their source held too many that had sent no whole message."""
    connections_slow: int = 0
    """Connections closed because a message, the first or one begun, was not complete in time."""
    socket_errors: int = 0

    def as_dict(self) -> dict[str, int]:
        """Name to number."""
        return asdict(self)
