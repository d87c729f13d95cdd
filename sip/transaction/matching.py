"""Which transaction a message belongs to (RFC 3261 17.1.3, 17.2.3, 8.2.2.2, 9.2), and how far a peer may stray."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sip.message import Request, Response

if TYPE_CHECKING:
    from sip.transaction.client import ClientKey
    from sip.transaction.server import InviteServer

ServerKey = tuple[str, str, str, int, str, str]
"""Branch with sent-by (or the whole top Via and the From tag), method, Call-ID, CSeq number, source host, From tag."""


def server_key(request: Request, host: str, method: str | None = None) -> ServerKey:
    """The identity of a request's server transaction.

    Call-ID, CSeq number and the source host are part of it beyond RFC 3261: a true repetition has them all equal,
    while home-made stacks send the same branch in every request, and cheap devices behind different NATs send the same
    private sent-by. A branch without the magic cookie is matched the RFC 2543 way, by the whole top Via and the From
    tag.

    method  the method to look for instead of the request's own ("INVITE" for the ACK of a refusal and for CANCEL)
    """
    via = request.top_via
    number = request.cseq[0]
    call_id = request.call_id
    if via.is_rfc3261:
        return (f"{via.branch} {via.host}:{via.port}", method or request.method, call_id, number, host, "")
    tag = request.from_.tag or ""
    return (str(via), method or request.method, call_id, number, host, tag)


def client_key(response: Response) -> ClientKey:
    """The identity of the client transaction a response belongs to (RFC 3261 17.1.3)."""
    return (response.top_via.branch or "", response.cseq[1])


class InvitesByCall:
    """INVITE server transactions by Call-ID, for messages whose branch says nothing: a merged INVITE, the ACK of a 2xx,
    and the ACK or CANCEL of a peer that invents a new branch for it (GB/T 28181 devices and platforms do)."""

    def __init__(self) -> None:
        self._calls: dict[str, list[InviteServer]] = {}

    def add(self, invite: InviteServer) -> None:
        """Remember an INVITE."""
        self._calls.setdefault(invite.call, []).append(invite)

    def remove(self, invite: InviteServer) -> None:
        """Forget an INVITE; one that is not known is fine."""
        invites = self._calls.get(invite.call)
        if invites is not None and invite in invites:
            invites.remove(invite)
            if not invites:
                del self._calls[invite.call]

    def of_ack(self, ack: Request) -> InviteServer | None:
        """The INVITE an ACK belongs to: same Call-ID and CSeq number, else the only answered one of that call."""
        invites = self._calls.get(ack.call_id, ())
        number = ack.cseq[0]
        for invite in invites:
            if invite.cseq == number:
                return invite
        answered = [invite for invite in invites if not invite.pending]
        return answered[0] if len(answered) == 1 else None

    def of_cancel(self, cancel: Request) -> InviteServer | None:
        """The pending INVITE a CANCEL with a branch of its own means: same Call-ID and CSeq number."""
        number = cancel.cseq[0]
        for invite in self._calls.get(cancel.call_id, ()):
            if invite.pending and invite.cseq == number:
                return invite
        return None

    def merged(self, request: Request) -> bool:
        """Whether this new INVITE is one that came already by another way (RFC 3261 8.2.2.2)."""
        invites = self._calls.get(request.call_id)
        if not invites or request.to.tag is not None:
            return False
        number, tag = request.cseq[0], request.from_.tag
        return any(
            invite.cseq == number and invite.request is not None and invite.request.from_.tag == tag
            for invite in invites
        )

    def __len__(self) -> int:
        return sum(len(invites) for invites in self._calls.values())
