"""Confirmed dialogs, stored so that a restarted control process can carry on with the calls that are up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from gateway.store import schema
from gateway.store.repository import Repository


@dataclass(frozen=True, slots=True)
class StoredDialog:
    """One confirmed dialog.

    ``id`` is the caller's choice (unique per dialog); ``dialog`` is ``sip.dialog.Dialog.to_dict()``; ``legs`` names the
    media leases (leg ids, worker, ports, SSRC) that belong to it.
    """

    id: str
    role: Literal["uac", "uas"]
    purpose: str
    peer_id: str
    code: str
    stream_key: str
    dialog: dict[str, Any] = field(default_factory=dict)
    legs: dict[str, Any] = field(default_factory=dict)
    grant_id: str | None = None
    created_at: float = 0.0


class Dialogs(Repository[StoredDialog]):
    """All confirmed dialogs."""

    TABLE = schema.dialogs
    RECORD = StoredDialog

    def of_stream(self, stream_key: str) -> list[StoredDialog]:
        """The dialogs that carry or use one stream."""
        return [dialog for dialog in self.all() if dialog.stream_key == stream_key]
