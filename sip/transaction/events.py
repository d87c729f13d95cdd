"""What the transactions report to whoever drives the endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sip.errors import ParseError
    from sip.message import Request, Response
    from sip.peer import Peer
    from sip.transaction.client import ClientTransaction, InviteClient
    from sip.transaction.server import InviteServer, ServerTransaction


@dataclass(slots=True)
class RequestReceived:
    """A request for the application, delivered once however often it was sent."""

    transaction: ServerTransaction
    request: Request


@dataclass(slots=True)
class Cancelled:
    """The peer took its INVITE back; CANCEL and INVITE are already answered (200 and 487)."""

    transaction: InviteServer


@dataclass(slots=True)
class AckReceived:
    """The ACK for our 2xx to an INVITE."""

    transaction: InviteServer
    ack: Request


@dataclass(slots=True)
class AckMissing:
    """A final answer to INVITE was repeated for 64*T1 and never acknowledged."""

    transaction: InviteServer
    waited_s: float


@dataclass(slots=True)
class NotAnswered:
    """Our application left a request without a final answer; the stack answered 500."""

    transaction: ServerTransaction


@dataclass(slots=True)
class ResponseReceived:
    """A response to our request: provisional ones as they come, the final one once (a 2xx to INVITE until its ACK)."""

    transaction: ClientTransaction
    response: Response


@dataclass(slots=True)
class TimedOut:
    """No final answer in time (timers B, C and F)."""

    transaction: ClientTransaction
    waited_s: float


@dataclass(slots=True)
class SendingFailed:
    """The transport could not deliver a message of this transaction."""

    transaction: ClientTransaction | ServerTransaction
    reason: str


@dataclass(slots=True)
class LateAnswer:
    """A 2xx to an INVITE that was given up or answered elsewhere; it was acknowledged and ended with BYE."""

    transaction: InviteClient
    response: Response


@dataclass(slots=True)
class MalformedReceived:
    """Something that is no SIP message, or one without a readable identity. Reported within the source's rate only."""

    source: Peer
    error: ParseError
    answered: bool


@dataclass(slots=True)
class ForeignReceived:
    """A message that named an exchange of ours but came from another address than the other side of it; it changed
    nothing. Reported within the source's rate only."""

    source: Peer
    what: str
    """The method, or the status of a response."""
    call_id: str
    expected: Peer


@dataclass(slots=True)
class AnsweredFromElsewhere:
    """An answer was taken, by tolerance, from another address than was asked. Told once per peer and other address."""

    source: Peer
    expected: Peer
    call_id: str


Event = (
    RequestReceived
    | Cancelled
    | AckReceived
    | AckMissing
    | NotAnswered
    | ResponseReceived
    | TimedOut
    | SendingFailed
    | LateAnswer
    | MalformedReceived
    | ForeignReceived
    | AnsweredFromElsewhere
)
