"""Catalogue subscriptions of upper platforms: the notifier's side of RFC 6665 and GB/T 28181-2022 9.11.4, Annex N.

A subscription survives a restart of this node. Its first NOTIFY lists what is offline; later ones what has changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from gateway.errors import NotFound
from gateway.signalling.exchange import MAX_DATAGRAM, STAMPED_HEADERS, Correspondent
from gateway.signalling.outbox import WORTH_TRYING_AGAIN, packed
from gateway.signalling.requests import MANSCDP, contact_of
from gateway.signalling.router import FromUpper
from gateway.store.subscriptions import StoredSubscription, Subscriptions
from sip import RemoteError, Request, response_to
from sip.aio import SipStack
from sip.dialog import Dialog
from sip.manscdp import CatalogItem, CatalogNotify, CatalogQuery, Parsed, dumps

log = structlog.get_logger("subscription")

MIN_EXPIRES, DEFAULT_EXPIRES, MAX_EXPIRES = 30, 600, 86_400
ITEMS_PER_NOTIFY_UDP = 20
ITEMS_PER_NOTIFY_TCP = 100
FAILURES_ALLOWED = 3
MAX_SUBSCRIPTIONS = 1000
CSEQ_GAP = 100_000
"""Added to CSeq after a restart: NOTIFYs sent since the dialog was last stored have used some (RFC 3261 12.2.1.1 allows
gaps, not repetitions)."""

GONE = frozenset({404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604})
"""Answers to a NOTIFY that end the subscription at once (RFC 6665 4.2.2)."""

Scope = Callable[[str, str], Awaitable[frozenset[str] | None]]


async def _everything(upper_id: str, subject: str) -> frozenset[str] | None:
    return None


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
    known: frozenset[str] = frozenset()
    """The ids it is about, where it is not about everything."""
    introduced: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the first NOTIFY is out; changes wait for it."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    saving: asyncio.Lock = field(default_factory=asyncio.Lock)


class CatalogueNotifier:
    """Keeps the subscriptions and sends the NOTIFYs, one at a time for each subscription.

    `initial(upper_id)` are the items of the first NOTIFY; `scope(upper_id, subject)` the ids a subject is about (None:
    all).
    """

    def __init__(
        self,
        stack: SipStack,
        store: Subscriptions,
        correspondent: Callable[[str], Correspondent | None],
        initial: Callable[[str], Awaitable[list[CatalogItem]]],
        *,
        scope: Scope = _everything,
        answer_s: float = 8.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stack = stack
        self._store = store
        self._correspondent = correspondent
        self._initial = initial
        self._scope = scope
        self._answer_s = answer_s
        self._clock = clock
        self._subscriptions: dict[str, Subscription] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def of_upper(self, upper_id: str) -> list[Subscription]:
        now = self._clock()
        return [s for s in self._subscriptions.values() if s.upper_id == upper_id and s.expires_at > now]

    def restore(self) -> None:
        """Take up the stored subscriptions that are still valid."""
        now = self._clock()
        for stored in self._store.all():
            if stored.direction == "in" and stored.expires_at > now:
                dialog = Dialog.from_dict(stored.dialog)
                dialog.local_cseq += CSEQ_GAP
                subscription = self._subscriptions[stored.id] = Subscription(
                    stored.id,
                    stored.peer_id,
                    stored.subject,
                    stored.event,
                    dialog,
                    stored.expires_at,
                    int(stored.state.get("sn", 0)),
                )
                subscription.introduced.set()

    async def subscribe(self, request: FromUpper, parsed: Parsed | None) -> None:
        """A SUBSCRIBE: a new one, a refresh, or the end of one (Expires 0)."""
        incoming = request.incoming
        message = incoming.request
        wanted = message.expires if message.expires is not None else DEFAULT_EXPIRES
        known = self._find(request.upper_id, message)
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
        known.dialog.refresh_target(message)
        self._accept(request, known, granted)
        known.expires_at = self._clock() + granted
        if granted == 0:
            await self._end(known, "timeout")
            return
        await self._remember(known)
        if message.to.tag is None:
            self._spawn(self._send_initial(known), f"first NOTIFY to {known.upper_id}")

    def _begin(self, request: FromUpper, subject: str) -> Subscription:
        incoming = request.incoming
        dialog = Dialog.from_server(incoming.request, response_to(incoming.request, 200, to_tag=incoming.local_tag))
        # The same subject again without the old dialog: the upper platform restarted, or subscribes anew instead of
        # refreshing; the new one replaces the old.
        for old in self.of_upper(request.upper_id):
            if old.subject == subject or old.dialog.call_id == dialog.call_id:
                self._subscriptions.pop(old.id, None)
                self._spawn(self._drop(old), f"forget {old.id}")
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
        await asyncio.gather(*(self._tell(subscription, items) for subscription in self.of_upper(upper_id)))

    async def _tell(self, subscription: Subscription, items: list[CatalogItem]) -> None:
        await subscription.introduced.wait()
        async with subscription.turn:
            codes = await self._scope(subscription.upper_id, subscription.subject)
            if codes is not None:
                about = codes | subscription.known  # what was in it, for those that are gone from it
                items = [item for item in items if item.device_id in about]
                subscription.known = codes
            if items:
                await self._send_all(subscription, items)

    async def _send_initial(self, subscription: Subscription) -> None:
        try:
            items = await self._initial(subscription.upper_id)
            codes = await self._scope(subscription.upper_id, subscription.subject)
            if codes is not None:
                items = [item for item in items if item.device_id in codes]
                subscription.known = codes
            await self._send_all(subscription, items)
        finally:
            subscription.introduced.set()

    async def _send_all(self, subscription: Subscription, items: list[CatalogItem]) -> None:
        upper = self._correspondent(subscription.upper_id)
        if upper is None:
            return
        reliable = upper.peer.transport == "TCP"
        parts = packed(
            items,
            lambda part: self._body(subscription, upper, part),
            most=ITEMS_PER_NOTIFY_TCP if reliable else ITEMS_PER_NOTIFY_UDP,
            body_bytes=None if reliable else self._room(subscription, upper),
        )
        bodies = (body for _, body in parts) if items else iter([self._body(subscription, upper, ())])
        for body in bodies:
            while not await self._deliver(subscription, upper, self._active(subscription), body):
                if subscription.id not in self._subscriptions:
                    return
        await self._remember(subscription)

    def _body(self, subscription: Subscription, upper: Correspondent, items: Sequence[CatalogItem]) -> bytes:
        subscription.sn += 1
        message = CatalogNotify(
            sn=subscription.sn,
            device_id=subscription.subject or upper.own_id,
            sum_num=len(items),
            items=list(items),
        )
        return dumps(message, charset=upper.charset, edition=upper.edition)

    def _active(self, subscription: Subscription) -> str:
        return f"active;expires={max(0, round(subscription.expires_at - self._clock()))}"

    def _room(self, subscription: Subscription, upper: Correspondent) -> int:
        """What a body may take so that the datagram stays within 1300 bytes (RFC 3261 18.1.1)."""
        empty = self._request(subscription, upper, self._active(subscription), b"", cseq=subscription.dialog.local_cseq)
        return MAX_DATAGRAM - STAMPED_HEADERS - len(empty.to_bytes())

    def _request(
        self, subscription: Subscription, upper: Correspondent, state: str, body: bytes, cseq: int | None = None
    ) -> Request:
        local = self._stack.local_address(upper.peer)
        headers = [("Event", subscription.event), ("Subscription-State", state), ("Content-Type", MANSCDP)]
        user = subscription.dialog.local_uri.uri.user or upper.own_id
        contact = contact_of(user, local)
        fields = headers if body else headers[:2]
        return subscription.dialog.request("NOTIFY", contact=contact, headers=fields, body=body, cseq=cseq)

    async def _deliver(self, subscription: Subscription, upper: Correspondent, state: str, body: bytes) -> bool:
        """Send one NOTIFY; False when it should be sent again. A subscription whose NOTIFYs fail is dropped."""
        problem = ""
        try:
            request = self._request(subscription, upper, state, body)
            response = await self._stack.ask(request, upper.peer, timeout_s=self._answer_s)
        except RemoteError as error:
            problem = str(error)
        else:
            if response.status < 300:
                subscription.failures = 0
                return True
            problem = f"answered {response.status} {response.reason}"
            if response.status in GONE:
                subscription.failures = FAILURES_ALLOWED
            elif response.status not in WORTH_TRYING_AGAIN:
                # The peer's opinion of this one message: sending it again would not change it.
                log.warning("NOTIFY refused", upper=upper.id, problem=problem)
                return True
        subscription.failures += 1
        log.warning("NOTIFY not accepted", upper=upper.id, problem=problem, failures=subscription.failures)
        if subscription.failures >= FAILURES_ALLOWED:
            await self._drop(subscription)
        return False

    async def _end(self, subscription: Subscription, reason: str) -> None:
        upper = self._correspondent(subscription.upper_id)
        await self._drop(subscription)
        if upper is not None:
            await self._deliver(subscription, upper, f"terminated;reason={reason}", b"")

    async def expire(self) -> None:
        """Drop what was not refreshed."""
        now = self._clock()
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

    def _find(self, upper_id: str, message: Request) -> Subscription | None:
        """The subscription a request in a dialog belongs to."""
        for subscription in self._subscriptions.values():
            if subscription.upper_id == upper_id and subscription.dialog.matches(message):
                return subscription
        return None

    async def _remember(self, subscription: Subscription) -> None:
        async with subscription.saving:
            if subscription.id in self._subscriptions:
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
                        created_at=self._clock(),
                    )
                )

    async def _drop(self, subscription: Subscription) -> None:
        self._subscriptions.pop(subscription.id, None)
        async with subscription.saving:
            with contextlib.suppress(NotFound):
                await self._store.delete(subscription.id)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        async def run() -> None:
            try:
                await work
            except Exception:  # task boundary
                log.exception("subscription work failed", work=name)

        task = asyncio.get_running_loop().create_task(run(), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
