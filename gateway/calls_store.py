"""Call records in the dialog table of the database."""

from __future__ import annotations

import contextlib
from typing import Any

from gateway.errors import NotFound
from gateway.signalling.calls import CallRecord
from gateway.store.dialogs import Dialogs, StoredDialog

PURPOSE = "live"


class StoredCalls:
    """The call store of `gateway.signalling.calls`, on the dialogs repository."""

    def __init__(self, dialogs: Dialogs) -> None:
        self._dialogs = dialogs

    async def save_call(self, record: CallRecord) -> None:
        kept: dict[str, Any] = record.to_dict()
        dialog = kept.pop("dialog")
        await self._dialogs.put(
            StoredDialog(
                id=record.id,
                role="uac" if record.side == "lower" else "uas",
                purpose=PURPOSE,
                peer_id=record.peer_id,
                code=record.code,
                stream_key=str(record.key),
                dialog=dialog,
                legs=kept,
                grant_id=record.grant_id or None,
                created_at=record.started_at,
            )
        )

    async def forget_call(self, call_id: str) -> None:
        with contextlib.suppress(NotFound):
            await self._dialogs.delete(call_id)

    async def calls(self) -> list[CallRecord]:
        return [
            CallRecord.from_dict({**stored.legs, "dialog": stored.dialog})
            for stored in self._dialogs.all()
            if stored.purpose == PURPOSE
        ]
