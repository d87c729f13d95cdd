"""Who is told of catalogue changes (GB/T 28181-2022 9.11): the dialogs that SUBSCRIBE made, until they run out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from interop.device.outbox import MANSCDP, Outbox
from sip import Dialog, RemoteError, response_to
from sip.aio import Incoming, Peer, SipStack
from sip.manscdp import CatalogItem, CatalogNotify

MAX_SUBSCRIPTIONS = 32
DEFAULT_EXPIRES_S = 600


@dataclass(slots=True)
class _Subscription:
    dialog: Dialog
    peer: Peer
    event: str
    until: float


class Subscribers:
    """The catalogue subscriptions of one device; at most `MAX_SUBSCRIPTIONS`, one more is answered 503."""

    def __init__(self, stack: SipStack, outbox: Outbox, clock: Callable[[], float] = time.monotonic) -> None:
        self._stack = stack
        self._outbox = outbox
        self._clock = clock
        self._held: dict[str, _Subscription] = {}

    def __len__(self) -> int:
        self._forget_expired()
        return len(self._held)

    def subscribe(self, incoming: Incoming) -> None:
        """Take, refresh or end a subscription."""
        request = incoming.request
        expires = request.expires if request.expires is not None else DEFAULT_EXPIRES_S
        event = request.headers.get("Event") or "Catalog"
        self._forget_expired()
        held = self._held.get(request.call_id)
        if event.partition(";")[0].strip().lower() != "catalog":
            incoming.respond(489, headers=[("Allow-Events", "Catalog")])
            return
        if held is None and request.to.tag is not None:
            incoming.respond(481)
            return
        if held is None and len(self._held) >= MAX_SUBSCRIPTIONS:
            incoming.respond(503)
            return
        if held is None:
            sent = response_to(request, 200, to_tag=incoming.local_tag)
            held = _Subscription(Dialog.from_server(request, sent), incoming.source, event, 0.0)
            self._held[request.call_id] = held
        held.until, held.peer = self._clock() + expires, incoming.source
        if expires == 0:
            del self._held[request.call_id]
        incoming.respond(200, headers=[("Expires", str(expires)), ("Contact", self._outbox.contact())])

    async def notify(self, device_id: str, items: list[CatalogItem]) -> None:
        """One NOTIFY to everybody; a subscription whose NOTIFY is refused ends.

        Raises TransactionTimeout or TransportFailed, after the others were told, when somebody did not answer.
        """
        self._forget_expired()
        message = CatalogNotify(sn=self._outbox.next_sn(), device_id=device_id, sum_num=len(items), items=items)
        body = self._outbox.body(message)
        unanswered: RemoteError | None = None
        for call_id, held in list(self._held.items()):
            left = max(int(held.until - self._clock()), 1)
            headers = [("Event", held.event), ("Subscription-State", f"active;expires={left}")]
            headers.append(("Content-Type", MANSCDP))
            request = held.dialog.request("NOTIFY", contact=self._outbox.contact(), headers=headers, body=body)
            try:
                answer = await self._stack.ask(request, held.peer)
            except RemoteError as error:
                unanswered = error
                continue
            if answer.status >= 300:
                self._held.pop(call_id, None)
        if unanswered is not None:
            raise unanswered

    def _forget_expired(self) -> None:
        now = self._clock()
        for call_id in [call_id for call_id, held in self._held.items() if held.until <= now]:
            del self._held[call_id]
