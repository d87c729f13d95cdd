"""Alarms that peers below tell of: entered, and answered as received (GB/T 28181-2022 9.4)."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from gateway.alarms.alarm import Alarm
from gateway.alarms.book import AlarmBook
from gateway.signalling.exchange import Correspondent, Exchange, QuestionRefused
from sip import RemoteError
from sip.manscdp import AlarmNotify, AlarmResponse

log = structlog.get_logger("alarm")


class AlarmDesk:
    """`correspondent(peer_id)` is how a peer below is spoken to; `clock` gives unix seconds."""

    def __init__(
        self,
        book: AlarmBook,
        exchange: Exchange,
        correspondent: Callable[[str], Correspondent | None],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._book = book
        self._exchange = exchange
        self._correspondent = correspondent
        self._clock = clock

    async def take(self, peer_id: str, message: AlarmNotify) -> None:
        """An alarm of a peer below; the 200 is out already."""
        self._book.raise_(Alarm.told(peer_id, message, self._clock()))
        to = self._correspondent(peer_id)
        if to is None:
            return
        try:
            await self._exchange.tell(to, AlarmResponse(sn=message.sn, device_id=message.device_id))
        except (RemoteError, QuestionRefused) as error:
            log.info("alarm not answered", peer=peer_id, problem=str(error))
