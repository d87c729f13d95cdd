"""Who sent this? The trust rule: only REGISTER proves who someone is, nothing else is taken on trust.

A request other than REGISTER counts as sent by a lower peer only when it comes from the address or connection of that
peer's live registration, and as sent by an upper platform (上级平台) only from an address configured for it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.signalling.bindings import Bindings
from sip import Peer


@dataclass(frozen=True, slots=True)
class UpperAddress:
    """The addresses one upper platform may send from: its own `host:port`, and any further `host` or `host:port`.

    Of a platform reached over TCP the host is enough: whoever opens a connection does so from any port.
    """

    upper_id: str
    transport: str
    host: str
    port: int
    also: tuple[str, ...] = ()

    def matches(self, source: Peer) -> bool:
        own = (source.transport, source.host) == (self.transport, self.host)
        if own and (source.transport == "TCP" or source.port == self.port):
            return True
        return any(entry in (source.host, f"{source.host}:{source.port}") for entry in self.also)


@dataclass(frozen=True, slots=True)
class Sender:
    """The roles a source address may act in. Two platforms that register with each other have both."""

    lower_id: str | None = None
    upper_id: str | None = None

    @property
    def stranger(self) -> bool:
        return self.lower_id is None and self.upper_id is None


def identify(source: Peer, claimed: str, bindings: Bindings, uppers: Iterable[UpperAddress]) -> Sender:
    """The sender of a request from `source` whose From user part is `claimed`.

    The From header only chooses among the peers that live at that address; it never makes a stranger a peer.
    """
    lowers = bindings.at(source)
    lower = claimed if claimed in lowers else (next(iter(lowers)) if len(lowers) == 1 else None)
    matching = [upper.upper_id for upper in uppers if upper.matches(source)]
    upper_id = claimed if claimed in matching else (matching[0] if len(matching) == 1 else None)
    return Sender(lower, upper_id)
