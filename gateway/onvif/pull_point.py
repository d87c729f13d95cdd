"""One camera's events: a subscription that is pulled, renewed, and made anew when it is lost (ONVIF Core 9.2).

none --subscribe--> open --pull, renew--> open --refused, lost--> none, after a pause that grows
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import structlog
from lxml import etree

from gateway.errors import Failure, Reason
from gateway.onvif.client import OnvifClient
from gateway.onvif.event_topics import Notification, notifications

log = structlog.get_logger("onvif")

TERM_S = 120.0
PULL_S = 20.0
LIMIT = 64
PAUSE_S, LONGEST_PAUSE_S = 5.0, 300.0
MAX_REFERENCES = 8
LEAVE_S = 2.0
"""A camera that does not answer does not keep the node from stopping; the subscription ends by itself."""
LEAST_PULL_S = 0.5
"""A camera that answers at once with nothing is not asked more often than that."""


class PullPoint:
    """Tells `told` of every message of one camera, asked by its present `client()`, and `began` of every new
    subscription. `pause(s)` waits between attempts,
    `clock` is any clock in seconds that never goes back."""

    def __init__(
        self,
        client: Callable[[], OnvifClient],
        told: Callable[[Notification], None],
        *,
        began: Callable[[], None] = lambda: None,
        clock: Callable[[], float],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._current = client
        self._told = told
        self._began = began
        self._clock = clock
        self._pause = pause
        self._address = ""
        self._headers: tuple[bytes, ...] = ()
        self._renew_at = 0.0
        self._subscriber: OnvifClient | None = None

    @property
    def _client(self) -> OnvifClient:
        return self._current()

    async def run(self) -> None:
        """Follow the camera until cancelled, or until it turns out to have no events."""
        wait_s = PAUSE_S
        try:
            while True:
                try:
                    await self._subscribe()
                    while True:
                        await self._pull()
                        wait_s = PAUSE_S
                except Failure as failure:
                    camera = self._subscriber.url if self._subscriber is not None else ""
                    log.info("no events", camera=camera, step=failure.step, problem=failure.detail)
                    if failure.reason is Reason.ONVIF_UNSUPPORTED and not self._address:
                        return
                    await self._leave(failure)
                await self._pause(wait_s)
                wait_s = min(wait_s * 2, LONGEST_PAUSE_S)
        finally:
            await self._unsubscribe()

    async def _subscribe(self) -> None:
        client = self._subscriber = self._client
        found = await client.envelope("events", "CreatePullPointSubscription", InitialTerminationTime=_period(TERM_S))
        address = next((one.text or "" for one in found.iter("{*}Address")), "")
        self._address = client.here(address.strip())
        parameters = next(found.iter("{*}ReferenceParameters"), None)
        elements = list(parameters)[:MAX_REFERENCES] if parameters is not None else []
        self._headers = tuple(etree.tostring(element) for element in elements)
        self._renew_at = self._clock() + TERM_S / 2
        self._began()

    async def _pull(self) -> None:
        began = self._clock()
        if began >= self._renew_at:
            await self._ask("subscription", "Renew", TerminationTime=_period(TERM_S))
            self._renew_at = began + TERM_S / 2
        found = await self._ask(
            "pull_point", "PullMessages", longer_s=PULL_S, Timeout=timedelta(seconds=PULL_S), MessageLimit=LIMIT
        )
        for notification in notifications(found):
            self._told(notification)
        if self._clock() - began < LEAST_PULL_S:
            await self._pause(LEAST_PULL_S)

    async def _leave(self, failure: Failure) -> None:
        """The subscription is of no use any more; cameras hold but a few at a time."""
        if failure.reason is Reason.ONVIF_UNREACHABLE:
            self._address = ""
        await self._unsubscribe()

    async def _unsubscribe(self) -> None:
        """Asked by whoever subscribed: a camera that was changed meanwhile is another one, with another login."""
        address, headers, self._address = self._address, self._headers, ""
        if address and self._subscriber is not None:
            with contextlib.suppress(Failure, TimeoutError):
                async with asyncio.timeout(LEAVE_S):
                    await self._subscriber.envelope("subscription", "Unsubscribe", at=address, headers=headers)

    async def _ask(self, service: Any, operation: str, **params: Any) -> Any:
        return await self._client.envelope(service, operation, at=self._address, headers=self._headers, **params)


def _period(seconds: float) -> str:
    return f"PT{seconds:.0f}S"
