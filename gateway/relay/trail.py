"""How a request for a stream came to us and is to go on: the platforms it has passed, those it shall pass, and the hops
it may still take. Pure.

Downward the platforms are listed in `Monitor-User-Identity`, each putting its own id in front (GB/T 28181-2022 8.3);
upward they are listed in `X-RoutePath` of the responses to INVITE (GB/T 28181-2022 Annex H).
"""

from __future__ import annotations

from dataclasses import dataclass

from sip import Request

IDENTITY = "Monitor-User-Identity"
PREFERRED_PATH = "X-PreferredPath"
ROUTE_PATH = "X-RoutePath"
MAX_HOPS = 70
MAX_IDENTITY = 2048
"""Characters of a Monitor-User-Identity that is carried on; a longer one has passed more platforms than there are."""


@dataclass(frozen=True, slots=True)
class Trail:
    """`identity`: Monitor-User-Identity as received ("" for a request of our own); `hops`: Max-Forwards left;
    `preferred`: the platforms below us it shall pass, joined by -, as X-PreferredPath says it ("": any)."""

    identity: str = ""
    hops: int = MAX_HOPS
    preferred: str = ""

    @classmethod
    def of(cls, request: Request) -> Trail:
        """The trail of an INVITE from above. Raises ParseError for a Max-Forwards that is no number."""
        return cls((request.headers.get(IDENTITY) or "").strip(), request.max_forwards)

    def passed(self, platform_id: str) -> bool:
        """Whether the request has been at that platform already."""
        return platform_id in self.identity.split("-")

    @property
    def exhausted(self) -> bool:
        """Whether it must not be passed on any further."""
        return self.hops <= 0 or len(self.identity) > MAX_IDENTITY

    def onward(self, own_id: str) -> str:
        """The Monitor-User-Identity to send downward."""
        return f"{own_id}-{self.identity}" if self.identity else own_id

    def preferred_through(self, platform_id: str) -> str:
        """The X-PreferredPath for a request that goes to that platform; "" where the path does not lead there."""
        return self.preferred if self.preferred.split("-")[0] == platform_id else ""


def route_path(own_id: str, below: str = "", lower_id: str = "") -> str:
    """The X-RoutePath of our response: `below` is the one that came from below; without it, a lower platform is named
    by its id, and a device is not (the path lists platforms)."""
    if below:
        return f"{own_id}-{below}"
    return f"{own_id}-{lower_id}" if lower_id[10:13] == "200" else own_id
