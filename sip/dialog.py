"""The dialog of RFC 3261 section 12: what two user agents remember of each other between requests. Storable as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sip.address import NameAddr
from sip.errors import LocalError
from sip.grammar import split_list
from sip.headers import Headers
from sip.message import Request, Response
from sip.uri import Uri


@dataclass(slots=True)
class Dialog:
    """One dialog, seen from our side.

    remote_tag      "" when the peer gave none (tolerance `missing_to_tag`: some devices answer 200 without a To tag)
    remote_target   where requests are addressed to: the peer's Contact; GB/T 28181 peers are nevertheless reached at
                    the address their registration came from, so this is the Request-URI only
    route_set       Record-Route values in the order requests carry them as Route
    remote_cseq     highest CSeq number of the peer so far; None before its first request
    """

    call_id: str
    local_tag: str
    remote_tag: str
    local_uri: NameAddr
    remote_uri: NameAddr
    remote_target: Uri
    route_set: tuple[str, ...] = ()
    local_cseq: int = 0
    remote_cseq: int | None = None
    secure: bool = False

    @staticmethod
    def from_client(request: Request, response: Response) -> Dialog:
        """The dialog a 2xx (or tagged 1xx) to our request made (RFC 3261 12.1.2). The tag is the one of this response:
        provisional ones may have carried another."""
        local, remote = request.from_, response.to
        contact = response.contact
        return Dialog(
            call_id=request.call_id,
            local_tag=local.tag or "",
            remote_tag=remote.tag or "",
            local_uri=local.with_tag(None),
            remote_uri=remote.with_tag(None),
            remote_target=request.uri if contact is None or contact.is_star else contact.uri,
            route_set=_routes(response)[::-1],
            local_cseq=request.cseq[0],
        )

    @staticmethod
    def from_server(request: Request, response: Response) -> Dialog:
        """The dialog our 2xx (or tagged 1xx) to a peer's request made (RFC 3261 12.1.1). Without a Contact in the
        request its From address is the target."""
        local, remote = response.to, request.from_
        if local.tag is None:
            raise LocalError("a response that makes a dialog needs a To tag")
        contact = request.contact
        return Dialog(
            call_id=request.call_id,
            local_tag=local.tag,
            remote_tag=remote.tag or "",
            local_uri=local.with_tag(None),
            remote_uri=remote.with_tag(None),
            remote_target=remote.uri if contact is None or contact.is_star else contact.uri,
            route_set=_routes(request),
            remote_cseq=request.cseq[0],
        )

    @property
    def id(self) -> tuple[str, str, str]:
        """Call-ID, local tag, remote tag (RFC 3261 12)."""
        return (self.call_id, self.local_tag, self.remote_tag)

    def request(
        self,
        method: str,
        *,
        contact: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        cseq: int | None = None,
    ) -> Request:
        """A request within the dialog (RFC 3261 12.2.1.1), without Via.

        contact  our Contact value with its brackets, or None for none
        cseq     number to use instead of the next one: the INVITE's own, for its ACK
        """
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        target, routes = self._target_and_routes()
        found = Headers([("Route", route) for route in routes])
        found.add("From", _tagged(self.local_uri, self.local_tag))
        found.add("To", _tagged(self.remote_uri, self.remote_tag))
        found.add("Call-ID", self.call_id)
        found.add("CSeq", f"{cseq} {method}")
        if contact is not None:
            found.add("Contact", contact)
        found.add("Max-Forwards", "70")
        for name, value in headers:
            found.add(name, value)
        return Request(method, target, found, body)

    def _target_and_routes(self) -> tuple[Uri, list[str]]:
        routes = list(self.route_set)
        if not routes:
            return self.remote_target, []
        first = NameAddr.parse(routes[0], where="Route").uri
        if "lr" in first.params:
            return self.remote_target, routes
        return first, [*routes[1:], f"<{self.remote_target}>"]  # a strict router, RFC 3261 12.2.1.1

    def accepts(self, request: Request, *, repeated_subscribe: bool = True) -> bool:
        """Whether the CSeq of a new request of the peer is in order; if so it is remembered (RFC 3261 12.2.2).

        False asks for a 500. ACK and CANCEL carry the INVITE's number and are always in order.

        repeated_subscribe  tolerance: a SUBSCRIBE may repeat or lower its number as long as it is a new transaction.
                            The cancel example of GB/T 28181-2016 J.22.11 uses the refresh's CSeq again.
        """
        if request.method in ("ACK", "CANCEL"):
            return True
        number = request.cseq[0]
        if self.remote_cseq is None or number > self.remote_cseq:
            self.remote_cseq = number
            return True
        return repeated_subscribe and request.method == "SUBSCRIBE"

    def matches(self, request: Request, *, swapped_tags: bool = True) -> bool:
        """Whether a request of the peer belongs here: Call-ID and both tags.

        swapped_tags  tolerance: tags may stand the wrong way round, and a tag that one side never gave may be missing.
                      The examples of GB/T 28181-2016 Annex J print BYE and MediaStatus both ways.
        """
        if request.call_id != self.call_id:
            return False
        ours, theirs = request.to.tag or "", request.from_.tag or ""
        if (ours, theirs) == (self.local_tag, self.remote_tag):
            return True
        if not swapped_tags:
            return False
        return (theirs, ours) == (self.local_tag, self.remote_tag) or (not self.remote_tag and ours == self.local_tag)

    def refresh_target(self, message: Request | Response) -> None:
        """A target refresh (re-INVITE, SUBSCRIBE, NOTIFY and their 2xx) moves the remote target (RFC 3261 12.2)."""
        contact = message.contact
        if contact is not None and not contact.is_star:
            self.remote_target = contact.uri

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "call_id": self.call_id,
            "local_tag": self.local_tag,
            "remote_tag": self.remote_tag,
            "local_uri": str(self.local_uri),
            "remote_uri": str(self.remote_uri),
            "remote_target": str(self.remote_target),
            "route_set": list(self.route_set),
            "local_cseq": self.local_cseq,
            "remote_cseq": self.remote_cseq,
            "secure": self.secure,
        }

    @staticmethod
    def from_dict(stored: Mapping[str, Any]) -> Dialog:
        """What `to_dict` gave."""
        return Dialog(
            call_id=stored["call_id"],
            local_tag=stored["local_tag"],
            remote_tag=stored["remote_tag"],
            local_uri=NameAddr.parse(stored["local_uri"]),
            remote_uri=NameAddr.parse(stored["remote_uri"]),
            remote_target=Uri.parse(stored["remote_target"]),
            route_set=tuple(stored["route_set"]),
            local_cseq=stored["local_cseq"],
            remote_cseq=stored["remote_cseq"],
            secure=stored.get("secure", False),
        )


def _routes(message: Request | Response) -> tuple[str, ...]:
    values = message.headers.get_all("Record-Route")
    return tuple(route for value in values for route in split_list(value, "Record-Route"))


def _tagged(address: NameAddr, tag: str) -> str:
    return str(address.with_tag(tag)) if tag else str(address)
