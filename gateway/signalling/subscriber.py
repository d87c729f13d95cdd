"""Our catalogue subscriptions with the peers below: the subscriber's side of RFC 6665 and GB/T 28181-2022 9.11.4.

A peer that does not support them is asked again rarely; its catalogue is then kept by periodic queries alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable

import structlog

from gateway.errors import NotFound
from gateway.signalling.exchange import Correspondent
from gateway.signalling.requests import MANSCDP, Party, contact_of, request_to
from gateway.store.subscriptions import StoredSubscription, Subscriptions
from sip import RemoteError, Request, Response
from sip.aio import SipStack
from sip.dialog import Dialog
from sip.manscdp import CatalogQuery, dumps
from sip.subscription import refresh_after

log = structlog.get_logger("subscription")

RETRY_S = 300.0
RENEW_S = 3.0
"""Pause before a new dialog after a refresh that failed (GB/T 28181-2022 9.11)."""
MIN_GRANTED_S = 30.0
ANSWER_S = 8.0
REFRESH_EARLY_S = 5.0
"""A stored subscription with less time left than this is not carried on."""


class CatalogueSubscriber:
    """Keeps one catalogue subscription with every online peer it was started for.

    `retry_s` is the pause after a peer refused, `renew_s` the one before a new dialog after a failed refresh, and
    `min_granted_s` the shortest time a subscription is taken to last. Seconds all.
    """

    def __init__(
        self,
        stack: SipStack,
        me: Party,
        store: Subscriptions,
        correspondent: Callable[[str], Correspondent | None],
        *,
        next_sn: Callable[[], int],
        expires_s: int,
        retry_s: float = RETRY_S,
        renew_s: float = RENEW_S,
        min_granted_s: float = MIN_GRANTED_S,
        answer_s: float = ANSWER_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stack = stack
        self._me = me
        self._store = store
        self._correspondent = correspondent
        self._next_sn = next_sn
        self._expires_s = expires_s
        self._retry_s = retry_s
        self._renew_s = renew_s
        self._min_granted_s = min_granted_s
        self._answer_s = answer_s
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.status: dict[str, str] = {}

    def start(self, peer_id: str, *, resume: bool = False) -> None:
        """Subscribe (and go on refreshing). With `resume`, a stored subscription still valid is carried on."""
        if (task := self._tasks.pop(peer_id, None)) is not None:
            task.cancel()
        self._tasks[peer_id] = asyncio.create_task(self._keep(peer_id, resume), name=f"subscription with {peer_id}")

    async def stop(self, peer_id: str | None = None, *, forget: bool = True) -> None:
        """Stop for one peer (it went offline), or for all. Nothing is sent: the peer's registration is gone."""
        ids = [peer_id] if peer_id is not None else list(self._tasks)
        tasks = [self._tasks.pop(one) for one in ids if one in self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if forget and peer_id is not None:
            for stored in self._store.of_peer(peer_id, "out"):
                with contextlib.suppress(NotFound):
                    await self._store.delete(stored.id)

    async def _keep(self, peer_id: str, resume: bool) -> None:
        dialog, until, event = self._stored(peer_id) if resume else (None, 0.0, "")
        while True:
            if dialog is not None:
                await asyncio.sleep(refresh_after(until - self._clock()))
            refreshing = dialog is not None
            try:
                dialog, until, event = await self._subscribe(peer_id, dialog, event)
                self.status[peer_id] = "active"
                continue
            except RemoteError as error:
                self.status[peer_id] = str(error)
                log.info("not subscribed", peer=peer_id, problem=str(error))
            except Exception:  # task boundary: one failure of ours must not end the subscription for good
                self.status[peer_id] = "internal fault, see the log"
                log.exception("subscription failed", peer=peer_id)
            dialog, event = None, ""
            await asyncio.sleep(self._renew_s if refreshing else self._retry_s)

    def _stored(self, peer_id: str) -> tuple[Dialog | None, float, str]:
        for stored in self._store.of_peer(peer_id, "out"):
            if stored.expires_at > self._clock() + REFRESH_EARLY_S:
                self.status[peer_id] = "active"
                return Dialog.from_dict(stored.dialog), stored.expires_at, stored.event
        return None, 0.0, ""

    async def _subscribe(self, peer_id: str, dialog: Dialog | None, event: str) -> tuple[Dialog, float, str]:
        """One SUBSCRIBE, first or refresh. Raises RemoteError when it was not accepted."""
        to = self._correspondent(peer_id)
        if to is None:
            raise RemoteError("peer", "is offline", peer_id)
        event = event or f"Catalog;id={secrets.randbelow(90_000) + 10_000}"
        request = self._request(to, dialog, event)
        response = await self._stack.ask(request, to.peer, timeout_s=self._answer_s)
        if response.status >= 300:
            raise RemoteError("SUBSCRIBE", f"answered {response.status}", response.reason)
        if dialog is None:
            dialog = Dialog.from_client(request, response)
        until = self._clock() + max(response.expires or self._expires_s, self._min_granted_s)
        await self._remember(peer_id, dialog, event, until, response)
        return dialog, until, event

    def _request(self, to: Correspondent, dialog: Dialog | None, event: str) -> Request:
        local = self._stack.local_address(to.peer)
        contact = contact_of(self._me.id, local)
        headers = [("Event", event), ("Expires", str(self._expires_s))]
        query = CatalogQuery(sn=self._next_sn(), device_id=to.id)
        body = dumps(query, charset=to.charset, edition=to.edition)
        if dialog is not None:
            fields = [*headers, ("Content-Type", MANSCDP)]
            return dialog.request("SUBSCRIBE", contact=contact, headers=fields, body=body)
        return request_to(
            "SUBSCRIBE",
            me=self._me,
            target=Party(to.id),
            peer=to.peer,
            local=local,
            body=body,
            content_type=MANSCDP,
            headers=[*headers, ("Contact", contact)],
        )

    async def _remember(self, peer_id: str, dialog: Dialog, event: str, until: float, response: Response) -> None:
        dialog.refresh_target(response)
        await self._store.put(
            StoredSubscription(
                id=f"catalog-{peer_id}",
                direction="out",
                peer_id=peer_id,
                event=event,
                subject=peer_id,
                dialog=dialog.to_dict(),
                expires_at=until,
                created_at=self._clock(),
            )
        )
