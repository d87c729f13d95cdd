"""Signalling: the RFC part's front door. `sip.manscdp` and `sip.aio` have their own."""

from __future__ import annotations

from sip.address import NameAddr
from sip.errors import LocalError, ParseError, RemoteError, SipError, TransactionTimeout, TransportFailed
from sip.headers import Headers
from sip.message import Message, Request, Response, parse_message, response_to
from sip.reasons import REASONS
from sip.tolerance import LENIENT, STRICT, Tolerance
from sip.uri import Uri
from sip.via import Via

__all__ = [
    "LENIENT",
    "REASONS",
    "STRICT",
    "Headers",
    "LocalError",
    "Message",
    "NameAddr",
    "ParseError",
    "RemoteError",
    "Request",
    "Response",
    "SipError",
    "Tolerance",
    "TransactionTimeout",
    "TransportFailed",
    "Uri",
    "Via",
    "parse_message",
    "response_to",
]
