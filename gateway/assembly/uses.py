"""Uses that have to end: their time is over, or the right they began under was withdrawn (授权到期, 撤销)."""

from __future__ import annotations

import time
from collections.abc import Callable

from gateway.compliance.access import Denial
from gateway.compliance.books import Books
from gateway.compliance.grant import Grant
from gateway.errors import Failure, Reason
from gateway.relay.views import Views
from gateway.signalling.live import LiveCalls


class Uses:
    """Ends views and calls by their grant. `clock` gives unix seconds."""

    def __init__(self, views: Views, live: LiveCalls, books: Books, clock: Callable[[], float] = time.time) -> None:
        self._views = views
        self._live = live
        self._books = books
        self._clock = clock

    async def expire(self) -> None:
        """End the views and the calls of upper platforms whose grant is over, and the addresses nobody opened."""
        now = self._clock()
        await self._views.expire(now)
        for grant in self._books.expired(now):
            await self._end(grant, Failure(Reason.EXPIRED))

    async def withdraw(self, grant: Grant, denial: Denial) -> None:
        """End what a right that was withdrawn permitted."""
        await self._end(grant, Failure(Reason.FORBIDDEN, denial.message, detail_zh=denial.message_zh))

    async def _end(self, grant: Grant, failure: Failure) -> None:
        """End the view or the call under a grant, and the grant itself should nothing be left under it."""
        await self._views.close_grant(grant.id, failure.step)
        await self._live.end_grant(grant.id, failure)
        seconds = self._clock() - grant.issued_at
        await self._books.closed(grant.id, seconds=seconds, bytes_sent=0, reason=failure.step)
