"""Catalogue subscriptions of upper platforms: the notifier's side of RFC 6665 and GB/T 28181-2022 9.11.4, Annex N.

A subscription survives a restart of this node. Its first NOTIFY lists what is offline; later ones what has changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog

from gateway.errors import NotFound
from gateway.signalling.exchange import Correspondent
from gateway.signalling.requests import MANSCDP, contact_of
from gateway.signalling.router import FromUpper
from gateway.store.subscriptions import StoredSubscription, Subscriptions
from sip import RemoteError, response_to
from sip.aio import SipStack
from sip.dialog import Dialog
from sip.manscdp import CatalogItem, CatalogNotify, CatalogQuery, Parsed, dumps

log = structlog.get_logger("subscription")

MIN_EXPIRES, DEFAULT_EXPIRES, MAX_EXPIRES = 30, 600, 86_400
ITEMS_PER_NOTIFY_UDP = 2
ITEMS_PER_NOTIFY_TCP = 100
FAILURES_ALLOWED = 3
MAX_SUBSCRIPTIONS = 1000


@dataclass(slots=True)
class Subscription:
    """One live subscription of an upper platform. `expires_at` is unix seconds."""

    id: str
    upper_id: str
    subject: str
    event: str
    dialog: Dialog
    expires_at: float
    sn: int = 0
    failures: int = 0


class CatalogueNotifier:
    """Keeps the subscriptions and sends the NOTIFYs, one at a time for each subscription."""

    def __init__(
        self,
        stack: SipStack,
        store: Subscriptions,
        correspondent: Callable[[str], Correspondent | None],
        initial: Callable[[str], Awaitable[list[CatalogItem]]],
    ) -> None:
        self._stack = stack
        self._store = store
        self._correspondent = correspondent
        self._initial = initial
        self._subscriptions: dict[str, Subscription] = {}
        self._order: dict[str, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def of_upper(self, upper_id: str) -> list[Subscription]:
        now = time.time()
        return [s for s in self._subscriptions.values() if s.upper_id == upper_id and s.expires_at > now]

    def restore(self) -> None:
        """Take up the stored subscriptions that are still valid."""
        now = time.time()
        for stored in self._store.all():
            if stored.direction == "in" and stored.expires_at > now:
                self._subscriptions[stored.id] = Subscription(
                    stored.id,
                    stored.peer_id,
                    stored.subject,
                    stored.event,
                    Dialog.from_dict(stored.dialog),
                    stored.expires_at,
                    int(stored.state.get("sn", 0)),
                )

    async def subscribe(self, request: FromUpper, parsed: Parsed | None) -> None:
        """A SUBSCRIBE: a new one, a refresh, or the end of one (Expires 0)."""
        incoming = request.incoming
        message = incoming.request
        wanted = message.expires if message.expires is not None else DEFAULT_EXPIRES
        known = self._find(request.upper_id, message.call_id)
        if known is None and message.to.tag is not None:
            incoming.respond(481)
            return
        if known is not None and not known.dialog.accepts(message):
            incoming.respond(500, "CSeq Out Of Order")
            return
        if parsed is not None and not isinstance(parsed.message, CatalogQuery):
            incoming.respond(403, "Only The Catalogue Can Be Subscribed To")
            return
        granted = 0 if wanted == 0 else min(max(wanted, MIN_EXPIRES), MAX_EXPIRES)
        subject = parsed.message.device_id if parsed is not None else ""
        if known is None:
            if len(self._subscriptions) >= MAX_SUBSCRIPTIONS:
                incoming.respond(503)
                return
            known = self._begin(request, subject)
        self._accept(request, known, granted)
        known.expires_at = time.time() + granted
        if granted == 0:
            await self._end(known, "timeout")
            return
        await self._remember(known)
        if message.to.tag is None:
            self._spawn(self._send_initial(known), f"first NOTIFY to {known.upper_id}")

    def _begin(self, request: FromUpper, subject: str) -> Subscription:
        incoming = request.incoming
        dialog = Dialog.from_server(incoming.request, response_to(incoming.request, 200, to_tag=incoming.local_tag))
        # The same subject again without the old dialog: the upper platform restarted; the new one replaces the old.
        for old in self.of_upper(request.upper_id):
            if old.subject == subject:
                self._subscriptions.pop(old.id, None)
                self._spawn(self._forget(old.id), f"forget {old.id}")
        event = incoming.request.headers.get("Event") or "Catalog"
        subscription = Subscription(secrets.token_hex(8), request.upper_id, subject, event, dialog, 0)
        self._subscriptions[subscription.id] = subscription
        return subscription

    def _accept(self, request: FromUpper, subscription: Subscription, granted: int) -> None:
        incoming = request.incoming
        local = self._stack.local_address(incoming.source)
        user = subscription.dialog.local_uri.uri.user or ""
        incoming.respond(200, headers=[("Expires", str(granted)), ("Contact", contact_of(user, local))])

    async def notify(self, upper_id: str, items: list[CatalogItem]) -> None:
        """Tell every subscription of an upper platform; the items are under their published ids."""
        for subscription in self.of_upper(upper_id):
            await self._notify(subscription, items)

    async def _send_initial(self, subscription: Subscription) -> None:
        items = await self._initial(subscription.upper_id)
        await self._notify(subscription, items, even_if_empty=True)

    async def _notify(
        self, subscription: Subscription, items: list[CatalogItem], *, even_if_empty: bool = False
    ) -> None:
        upper = self._correspondent(subscription.upper_id)
        if upper is None or (not items and not even_if_empty):
            return
        size = ITEMS_PER_NOTIFY_TCP if upper.peer.transport == "TCP" else ITEMS_PER_NOTIFY_UDP
        async with self._order.setdefault(subscription.id, asyncio.Lock()):
            for start in range(0, max(len(items), 1), size):
                if subscription.id not in self._subscriptions:
                    return
                await self._send(subscription, upper, items[start : start + size])
            await self._remember(subscription)

    async def _send(self, subscription: Subscription, upper: Correspondent, items: list[CatalogItem]) -> None:
        subscription.sn += 1
        message = CatalogNotify(
            sn=subscription.sn, device_id=subscription.subject or upper.own_id, sum_num=len(items), items=items
        )
        remaining = max(0, round(subscription.expires_at - time.time()))
        await self._deliver(
            subscription,
            upper,
            f"active;expires={remaining}",
            dumps(message, charset=upper.charset, edition=upper.edition),
        )

    async def _deliver(self, subscription: Subscription, upper: Correspondent, state: str, body: bytes) -> None:
        local = self._stack.local_address(upper.peer)
        headers = [("Event", subscription.event), ("Subscription-State", state)]
        if body:
            headers.append(("Content-Type", MANSCDP))
        user = subscription.dialog.local_uri.uri.user or upper.own_id
        request = subscription.dialog.request("NOTIFY", contact=contact_of(user, local), headers=headers, body=body)
        try:
            response = await self._stack.ask(request, upper.peer)
        except RemoteError as error:
            subscription.failures += 1
            log.warning("NOTIFY not answered", upper=upper.id, problem=str(error), failures=subscription.failures)
            if subscription.failures >= FAILURES_ALLOWED:
                await self._drop(subscription)
            return
        if response.status == 481:
            await self._drop(subscription)
        elif response.status < 300:
            subscription.failures = 0

    async def _end(self, subscription: Subscription, reason: str) -> None:
        upper = self._correspondent(subscription.upper_id)
        await self._drop(subscription)
        if upper is not None:
            await self._deliver(subscription, upper, f"terminated;reason={reason}", b"")

    async def expire(self) -> None:
        """Drop what was not refreshed."""
        now = time.time()
        for subscription in list(self._subscriptions.values()):
            if subscription.expires_at <= now:
                await self._drop(subscription)

    async def upper_gone(self, upper_id: str) -> None:
        """Our registration there was lost: it will subscribe again when we are back."""
        for subscription in self.of_upper(upper_id):
            await self._drop(subscription)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _find(self, upper_id: str, call_id: str) -> Subscription | None:
        for subscription in self._subscriptions.values():
            if subscription.upper_id == upper_id and subscription.dialog.call_id == call_id:
                return subscription
        return None

    async def _remember(self, subscription: Subscription) -> None:
        if subscription.id not in self._subscriptions:
            return
        await self._store.put(
            StoredSubscription(
                id=subscription.id,
                direction="in",
                peer_id=subscription.upper_id,
                event=subscription.event,
                subject=subscription.subject,
                dialog=subscription.dialog.to_dict(),
                state={"sn": subscription.sn},
                expires_at=subscription.expires_at,
                created_at=time.time(),
            )
        )

    async def _drop(self, subscription: Subscription) -> None:
        self._subscriptions.pop(subscription.id, None)
        self._order.pop(subscription.id, None)
        await self._forget(subscription.id)

    async def _forget(self, subscription_id: str) -> None:
        with contextlib.suppress(NotFound):
            await self._store.delete(subscription_id)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
