"""Where each peer lives right now: the live registrations of the peers below us (注册绑定).

Knows addresses and connections, not SIP messages and not the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sip import Peer


@dataclass(frozen=True, slots=True)
class Binding:
    """One live registration: GB/T 28181-2022 9.1, "binding" in the sense of RFC 3261 10.3.

    Times are unix seconds. `source` is where the REGISTER came from; everything for the peer goes there. `call_id` and
    `cseq` are those of the last REGISTER, `replaced_call_id` that of the registration from elsewhere which this one
    took the place of. `own_host` is the address the peer says is its own, empty where it names none.
    """

    peer_id: str
    source: Peer
    contact: str
    registered_at: float
    expires_at: float
    last_seen: float
    gb_version: str | None = None
    user_agent: str | None = None
    call_id: str = ""
    cseq: int = 0
    replaced_call_id: str = ""
    own_host: str = ""


def address_key(peer: Peer) -> tuple[str, str, int]:
    """What identifies a sender: its UDP address, or the one TCP connection it registered on."""
    if peer.connection is not None:
        return (peer.transport, "connection", peer.connection)
    return (peer.transport, peer.host, peer.port)


class Bindings:
    """All live bindings, found by peer id and by source address in constant time."""

    def __init__(self) -> None:
        self._by_peer: dict[str, Binding] = {}
        self._by_address: dict[tuple[str, str, int], set[str]] = {}

    def __len__(self) -> int:
        return len(self._by_peer)

    def __iter__(self) -> Iterator[Binding]:
        return iter(list(self._by_peer.values()))

    def get(self, peer_id: str) -> Binding | None:
        return self._by_peer.get(peer_id)

    def bind(self, binding: Binding) -> Binding | None:
        """Enter or replace the binding of a peer; returns the one that was replaced."""
        old = self.unbind(binding.peer_id)
        self._by_peer[binding.peer_id] = binding
        self._by_address.setdefault(address_key(binding.source), set()).add(binding.peer_id)
        return old

    def unbind(self, peer_id: str) -> Binding | None:
        old = self._by_peer.pop(peer_id, None)
        if old is not None:
            key = address_key(old.source)
            holders = self._by_address.get(key, set())
            holders.discard(peer_id)
            if not holders:
                self._by_address.pop(key, None)
        return old

    def heard(self, peer_id: str, now: float) -> None:
        """Any valid message of the peer proves that it is alive."""
        binding = self._by_peer.get(peer_id)
        if binding is not None:
            self._by_peer[peer_id] = replace(binding, last_seen=now)

    def at(self, source: Peer) -> frozenset[str]:
        """The peers registered from exactly this address or connection."""
        return frozenset(self._by_address.get(address_key(source), ()))
