"""Where the answer to a request of ours may come from.

It comes from the address, or on the connection, the request went to: RFC 3581 4 and RFC 3261 18.2.2 have it sent back
the way the request came. RFC 3261 17.1.3 matches by branch and method alone, but whoever has seen a request could then
answer it from anywhere.

Tolerance `answer_from_elsewhere`, switched per peer by a policy, off unless one is given: an upper platform with two
network cards takes the request on one and answers from the other. Its answer must show that it was made from our
request: the branch (64 random bits), the sent-by, the CSeq, the Call-ID and the From tag. A stranger who has not read
the request knows none of them; one who has read it can end that one transaction, no more: what follows goes to the
address that was asked, and the other address gains no standing by it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from sip.errors import ParseError
from sip.message import Request, Response
from sip.peer import Peer

AnswerPolicy = Callable[[Peer, Peer], bool]
"""(whom we asked, who answers) -> whether the tolerance `answer_from_elsewhere` is on for the one we asked."""

_REMEMBERED = 4096


def nowhere_else(asked: Peer, source: Peer) -> bool:
    """The policy without the tolerance: answers come from the address asked."""
    return False


class AnswerSources:
    """One endpoint's rule for the source of answers, and which departures from it were told already."""

    def __init__(self, policy: AnswerPolicy = nowhere_else) -> None:
        self._policy = policy
        self._told: OrderedDict[tuple[str, int, str], None] = OrderedDict()

    @staticmethod
    def is_address_asked(asked: Peer, source: Peer) -> bool:
        """Whether `source` is the address, or the connection, the request went to."""
        if asked.connection is not None:
            return asked.connection == source.connection
        return (asked.transport, asked.host, asked.port) == (source.transport, source.host, source.port)

    def may_answer_for(self, asked: Peer, source: Peer, request: Request, response: Response) -> bool:
        """Whether a response from another address is an answer by tolerance. Over UDP only: on a stream the answer
        comes on the connection of the request."""
        if asked.reliable or source.reliable or not self._policy(asked, source):
            return False
        return is_made_from(request, response)

    def is_news(self, asked: Peer, source: Peer) -> bool:
        """Whether this address answers for that peer for the first time, as far as is remembered."""
        pair = (asked.host, asked.port, source.host)
        news = pair not in self._told
        self._told[pair] = None
        self._told.move_to_end(pair)
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return news


def is_made_from(request: Request, response: Response) -> bool:
    """Whether a response carries all that a server copies from a request (RFC 3261 8.2.6.2), and one Via: ours."""
    try:
        (hop,) = response.vias
        own = request.top_via
        return (
            (hop.transport, hop.host.lower(), hop.port, hop.branch)
            == (own.transport, own.host.lower(), own.port, own.branch)
            and response.cseq == request.cseq
            and response.call_id == request.call_id
            and response.from_.tag == request.from_.tag
        )
    except (ParseError, ValueError):
        return False
