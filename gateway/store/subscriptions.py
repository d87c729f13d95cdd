"""Event subscriptions (RFC 6665) in both directions, stored so that a restart loses none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from gateway.store import schema
from gateway.store.repository import Repository


@dataclass(frozen=True, slots=True)
class StoredSubscription:
    """One subscription: ``direction`` "in" means an upper subscribed here, "out" that this node subscribed below.

    ``subject`` is the code subscribed to, ``dialog`` is ``sip.dialog.Dialog.to_dict()`` and ``state`` whatever the
    owner needs to carry on.
    """

    id: str
    direction: Literal["in", "out"]
    peer_id: str
    event: str
    subject: str
    dialog: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    expires_at: float = 0.0
    created_at: float = 0.0


class Subscriptions(Repository[StoredSubscription]):
    """All subscriptions."""

    TABLE = schema.subscriptions
    RECORD = StoredSubscription

    def of_peer(self, peer_id: str, direction: Literal["in", "out"]) -> list[StoredSubscription]:
        """The subscriptions with one peer in one direction."""
        return [item for item in self.all() if item.peer_id == peer_id and item.direction == direction]
