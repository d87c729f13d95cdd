"""Alarms on their way to the upper platforms that are shown the channel and may have its alarms (报警事件分发)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

import structlog

from catalog import ChannelKey
from gateway.alarms.alarm import Alarm
from gateway.errors import Failure
from gateway.signalling.exchange import Correspondent, Exchange, QuestionRefused
from sip import RemoteError

log = structlog.get_logger("alarm")

MAX_WAITING = 200
"""Alarms that may wait for one upper platform; of more the oldest is left out."""


class SharedChannels(Protocol):
    """What one upper platform is shown."""

    @property
    def published_id_of(self) -> dict[ChannelKey, str]: ...
    def allows(self, action: str) -> bool: ...


class AlarmForwarder:
    """`uppers` are the ids of the upper platforms there are; `correspondent(id)` how one is spoken to, None when it is
    not; `registered(id)` whether it knows us now; `shared(id)` what it is shown."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        uppers: Callable[[], Iterable[str]],
        registered: Callable[[str], bool],
        correspondent: Callable[[str], Correspondent | None],
        shared: Callable[[str], Awaitable[SharedChannels]],
    ) -> None:
        self._exchange = exchange
        self._uppers = uppers
        self._registered = registered
        self._correspondent = correspondent
        self._shared = shared
        self._waiting: dict[str, list[Alarm]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.counters: dict[str, int] = {"sent": 0, "failed": 0, "left_out": 0, "not_shared": 0}

    def take(self, alarm: Alarm) -> None:
        """Have an alarm sent to whoever may have it. One that came from an upper platform does not go back to it."""
        for upper_id in self._uppers():
            if upper_id == alarm.peer_id or not self._registered(upper_id):
                continue
            waiting = self._waiting.setdefault(upper_id, [])
            if len(waiting) >= MAX_WAITING:
                del waiting[0]
                self.counters["left_out"] += 1
            waiting.append(alarm)
            if upper_id not in self._tasks:
                self._tasks[upper_id] = asyncio.create_task(self._send_all(upper_id), name=f"alarms {upper_id}")

    async def stop(self) -> None:
        """Send nothing any more."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_all(self, upper_id: str) -> None:
        try:
            waiting = self._waiting[upper_id]
            while waiting:
                await self._send(upper_id, waiting.pop(0))
        except Exception:  # task boundary: the next alarm begins anew
            log.exception("alarms not sent", upper=upper_id)
        finally:
            self._waiting.pop(upper_id, None)
            self._tasks.pop(upper_id, None)

    async def _send(self, upper_id: str, alarm: Alarm) -> None:
        try:
            shared, to = await self._shared(upper_id), self._correspondent(upper_id)
            published = shared.published_id_of.get(ChannelKey(*alarm.key))
            if to is None or published is None or not shared.allows("alarm"):
                self.counters["not_shared"] += 1
                return
            await self._exchange.tell(to, alarm.message(self._exchange.next_sn(), published, to.edition))
            self.counters["sent"] += 1
        except (Failure, RemoteError, QuestionRefused) as error:
            self.counters["failed"] += 1
            log.warning("alarm not delivered", upper=upper_id, channel=str(alarm.key), problem=str(error))
