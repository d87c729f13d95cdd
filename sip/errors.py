"""Whose fault it was: the peer's (answered, counted, survived) or ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sip.headers import Headers

_SHOWN = 200  # characters of a peer's text kept in an error, so that a log line stays a line


class SipError(Exception):
    """Root of everything this package raises."""


class LocalError(SipError):
    """Our own mistake: a value that must never be written, a call in the wrong order."""


class RemoteError(SipError):
    """The peer's fault.

    where   the part of the message, e.g. "Via" or "start line"
    what    what is wrong with it, in words
    value   the offending text, cut to 200 characters
    status  the SIP status to answer a request with
    """

    def __init__(self, where: str, what: str, value: str = "", status: int = 400) -> None:
        super().__init__(where, what, value, status)
        self.where = where
        self.what = what
        self.value = value[:_SHOWN]
        self.status = status

    def __str__(self) -> str:
        shown = f": {self.value!r}" if self.value else ""
        return f"{self.where}: {self.what}{shown}"


class ParseError(RemoteError):
    """Bytes or text that are not what the grammar asks for.

    headers   what could still be read of a request's headers, so that the request can be refused politely
              (see sip.validation.refusal); None when there is nobody to answer.
    """

    headers: Headers | None = None


class TransactionTimeout(RemoteError):
    """No final answer in time (RFC 3261 timers B, C and F, or the caller's own limit).

    peer         who was asked
    method       of the request
    call_id      of the request
    waited_s     seconds since it was first sent
    provisional  whether at least a provisional answer came
    """

    def __init__(
        self,
        where: str,
        what: str = "no answer in time",
        value: str = "",
        status: int = 408,
        *,
        peer: str = "",
        method: str = "",
        call_id: str = "",
        waited_s: float = 0.0,
        provisional: bool = False,
    ) -> None:
        super().__init__(where, what, value, status)
        self.peer = peer
        self.method = method
        self.call_id = call_id
        self.waited_s = waited_s
        self.provisional = provisional


class AckTimeout(TransactionTimeout):
    """The ACK for our 2xx to an INVITE did not come (RFC 3261 13.3.1.4)."""


class TransportFailed(RemoteError):
    """The message could not be handed to the peer (RFC 3261 8.1.3.1: treated as 503).

    peer, method, call_id as in TransactionTimeout
    """

    def __init__(
        self,
        where: str,
        what: str = "not reachable",
        value: str = "",
        status: int = 503,
        *,
        peer: str = "",
        method: str = "",
        call_id: str = "",
    ) -> None:
        super().__init__(where, what, value, status)
        self.peer = peer
        self.method = method
        self.call_id = call_id
