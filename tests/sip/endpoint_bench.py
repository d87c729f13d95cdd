"""An endpoint without sockets: bytes in, bytes out, under a hand-turned clock."""

from __future__ import annotations

import re
from typing import Any

from sip.endpoint import Endpoint
from sip.message import Request, parse_message, response_to
from sip.peer import Peer
from sip.transaction.events import (
    RequestReceived,
)

LOCAL = ("192.0.2.10", 5060)
DEVICE = Peer("UDP", "198.51.100.20", 40001)
KEEPALIVE = (
    b"MESSAGE sip:34020000002000000001@3402000000 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bKk1\r\n"
    b"From: <sip:34020000001180000001@3402000000>;tag=k1\r\n"
    b"To: <sip:34020000002000000001@3402000000>\r\n"
    b"Call-ID: keep-1@10.0.0.5\r\n"
    b"CSeq: 20 MESSAGE\r\n"
    b"Max-Forwards: 70\r\n"
    b"Content-Length: 0\r\n\r\n"
)
INVITE = (
    b"INVITE sip:34020000001320000001@192.0.2.10 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 198.51.100.20:40001;rport;branch=z9hG4bKi1\r\n"
    b"From: <sip:34020000001180000001@3402000000>;tag=i1\r\n"
    b"To: <sip:34020000001320000001@3402000000>\r\n"
    b"Call-ID: call-1\r\n"
    b"CSeq: 3 INVITE\r\n"
    b"Contact: <sip:34020000001180000001@198.51.100.20:40001>\r\n"
    b"Content-Length: 0\r\n\r\n"
)


class Bench:
    """An endpoint with its clock and everything that came out of it."""

    def __init__(self, **settings: Any) -> None:
        tokens = iter(range(1, 100_000))
        self.endpoint = Endpoint(user_agent="node/1", token=lambda: f"t{next(tokens)}", **settings)
        self.now = 0.0
        self.sent: list[tuple[float, Peer, bytes]] = []
        self.events: list[Any] = []

    def receive(self, data: bytes, source: Peer = DEVICE) -> list[bytes]:
        self.endpoint.receive(data, source, LOCAL, self.now)
        return self.drain()

    def drain(self) -> list[bytes]:
        while (event := self.endpoint.next_event()) is not None:
            self.events.append(event)
        fresh = self.endpoint.to_send()
        self.sent += [(self.now, outgoing.peer, outgoing.data) for outgoing in fresh]
        return [outgoing.data for outgoing in fresh]

    def run(self, until: float) -> None:
        while (deadline := self.endpoint.deadline()) is not None and deadline <= until:
            self.now = deadline
            self.endpoint.expire(deadline)
            self.drain()
        self.now = until

    def answer(self, status: int, **more: Any) -> list[bytes]:
        received = [event for event in self.events if isinstance(event, RequestReceived)][-1]
        transaction = received.transaction
        response = response_to(received.request, status, to_tag=transaction.local_tag, **more)
        self.endpoint.respond(transaction, response, self.now)
        return self.drain()

    def ask(self, method: str = "MESSAGE", to: Peer = DEVICE) -> Any:
        transaction = self.endpoint.request(our(method), to, LOCAL, LOCAL, self.now)
        self.drain()
        return transaction

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def starting(self, text: str) -> list[bytes]:
        return [data for _, _, data in self.sent if data.startswith(text.encode())]


def acknowledging(bench: Bench) -> bytes:
    """The ACK of the 200 that was sent, with the INVITE's branch: whoever got the 200 knows the tag in it."""
    tag = re.search(rb"\r\nTo: [^\r]*;tag=([^;\r]+)", bench.starting("SIP/2.0 200 ")[-1])
    assert tag is not None
    to = b"To: <sip:34020000001320000001@3402000000>"
    return INVITE.replace(b"INVITE", b"ACK").replace(to, to + b";tag=" + tag[1])


def our(method: str) -> Request:
    data = (
        f"{method} sip:34020000001320000001@198.51.100.20:40001 SIP/2.0\r\n"
        "From: <sip:34020000002000000001@3402000000>;tag=us\r\nTo: <sip:34020000001320000001@3402000000>\r\n"
        f"Call-ID: ours-1\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    )
    message = parse_message(data.encode())
    assert isinstance(message, Request)
    return message


def reply(sent: bytes, status: int, *, tag: str = "dev", contact: str = "<sip:cam@198.51.100.20:40001>") -> bytes:
    """The far end's answer, made from the bytes of our request alone."""
    lines = sent.split(b"\r\n")
    kept = [line for line in lines if line.split(b":")[0] in (b"Via", b"From", b"To", b"Call-ID", b"CSeq")]
    kept = [line + f";tag={tag}".encode() if line.startswith(b"To") and tag and status > 100 else line for line in kept]
    status_line = f"SIP/2.0 {status} Whatever".encode()
    return b"\r\n".join([status_line, *kept, b"Contact: " + contact.encode(), b"Content-Length: 0", b"", b""])
