"""Building the requests this node originates: addresses, tags and Call-IDs in one place (GB/T 28181-2022 6.1.2)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from sip import Headers, NameAddr, Request, Uri
from sip.aio import Peer

MANSCDP = "Application/MANSCDP+xml"
SDP = "application/sdp"


@dataclass(frozen=True, slots=True)
class Party:
    """One end of a conversation: its 20-digit id and its SIP domain (the first 10 digits unless configured)."""

    id: str
    domain: str = ""

    @property
    def address(self) -> NameAddr:
        return NameAddr(Uri("sip", self.id, self.domain or self.id[:10]))


def contact_of(party_id: str, local: tuple[str, int]) -> str:
    """The Contact header of `party_id` at our address `local`."""
    host, port = local
    return f"<sip:{party_id}@{host}:{port}>"


def request_to(
    method: str,
    *,
    me: Party,
    target: Party,
    peer: Peer,
    local: tuple[str, int],
    body: bytes = b"",
    content_type: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    to: Party | None = None,
    uri: Uri | None = None,
    call_id: str | None = None,
    from_tag: str | None = None,
    cseq: int = 1,
) -> Request:
    """A request outside any dialog from `me` to `target`, to be sent to `peer`.

    The Request-URI names the target at the peer's address unless `uri` says otherwise; `to` differs from the target
    only in REGISTER.
    """
    fields = [
        ("From", str(me.address.with_tag(from_tag or secrets.token_hex(5)))),
        ("To", str((to or target).address)),
        ("Call-ID", call_id or f"{secrets.token_hex(10)}@{local[0]}"),
        ("CSeq", f"{cseq} {method}"),
        ("Max-Forwards", "70"),
        *headers,
    ]
    if content_type is not None:
        fields.append(("Content-Type", content_type))
    request_uri = uri or Uri("sip", target.id, peer.host, peer.port)
    return Request(method, request_uri, Headers(fields), body)
