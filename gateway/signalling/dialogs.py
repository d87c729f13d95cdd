"""Requests inside a live call's dialog: BYE ends it, INFO is not for live streams."""

from __future__ import annotations

from gateway.signalling.live import LiveCalls
from gateway.signalling.trust import Sender
from sip.aio import Incoming


class InDialogRequests:
    """Matches in-dialog requests to calls of exactly their sender; a BYE from anybody else finds nothing."""

    def __init__(self, live: LiveCalls) -> None:
        self._live = live

    async def bye(self, incoming: Incoming, sender: Sender) -> bool:
        call = self._live.find(incoming.request, lower_id=sender.lower_id, upper_id=sender.upper_id)
        if call is None:
            return False
        incoming.respond(200)
        await self._live.bye(call)
        return True

    async def info(self, incoming: Incoming, sender: Sender) -> bool:
        call = self._live.find(incoming.request, lower_id=sender.lower_id, upper_id=sender.upper_id)
        if call is None:
            return False
        # MANSRTSP steers recordings; a live stream can be neither paused nor wound.
        incoming.respond(488, "Live Stream")
        return True
