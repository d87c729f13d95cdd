"""Views: what operators are watching, each under a grant."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.store import schema
from gateway.store.repository import Repository


@dataclass(frozen=True, slots=True)
class View:
    """One view of one channel; the stream token itself is never stored, only its SHA-256 (hex)."""

    id: str
    grant_id: str
    actor_kind: str
    actor_id: str
    action: str
    peer_id: str
    code: str
    token_sha256: str = field(repr=False)
    created_at: float
    expires_at: float
    ended_at: float | None = None
    end_reason: str = ""


class Views(Repository[View]):
    """All views that are up, and those that ended until they are deleted."""

    TABLE = schema.views
    RECORD = View

    def live(self) -> list[View]:
        """The views that have not ended."""
        return [view for view in self.all() if view.ended_at is None]
