"""Signalling: the RFC part's front door. `sip.manscdp` and `sip.aio` have their own."""

from __future__ import annotations

from sip.address import NameAddr
from sip.dialog import Dialog
from sip.digest import Challenge, Credentials, NonceTable
from sip.errors import (
    AckTimeout,
    LocalError,
    ParseError,
    RemoteError,
    SipError,
    TransactionTimeout,
    TransportFailed,
)
from sip.framing import StreamFramer
from sip.gbdate import format_date, parse_date
from sip.headers import Headers
from sip.limits import Limits
from sip.message import Message, Request, Response, parse_message, response_to
from sip.peer import Peer
from sip.reasons import REASONS
from sip.timings import Timings
from sip.tolerance import LENIENT, STRICT, Tolerance
from sip.uri import Uri
from sip.validation import Rejection, discard_reason, refusal, validate_request
from sip.via import Via

__all__ = [
    "LENIENT",
    "REASONS",
    "STRICT",
    "AckTimeout",
    "Challenge",
    "Credentials",
    "Dialog",
    "Headers",
    "Limits",
    "LocalError",
    "Message",
    "NameAddr",
    "NonceTable",
    "ParseError",
    "Peer",
    "Rejection",
    "RemoteError",
    "Request",
    "Response",
    "SipError",
    "StreamFramer",
    "Timings",
    "Tolerance",
    "TransactionTimeout",
    "TransportFailed",
    "Uri",
    "Via",
    "discard_reason",
    "format_date",
    "parse_date",
    "parse_message",
    "refusal",
    "response_to",
    "validate_request",
]
