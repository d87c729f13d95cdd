"""What comes from below (南向): registrations, keepalives, answers and catalogue notifications."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import structlog

from gateway.signalling.exchange import Exchange
from gateway.signalling.presence import Presence
from gateway.signalling.refusals import RefusalRates
from gateway.signalling.registrar import Registrar
from gateway.signalling.router import FromLower
from gateway.signalling.sync import CatalogueSync
from sip.aio import Incoming
from sip.manscdp import AlarmNotify, CatalogNotify, CatalogResponse, Keepalive, Kind, Parsed

log = structlog.get_logger("southbound")


class Southbound:
    """Handles requests of peers below us; who they are has been established before.

    `enrol(peer_id)` enters a peer that may register and is not entered yet; `clock` gives unix seconds.
    """

    def __init__(
        self,
        registrar: Registrar,
        presence: Presence,
        exchange: Exchange,
        sync: CatalogueSync,
        *,
        enrol: Callable[[str], Awaitable[None]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._enrol = enrol
        self._clock = clock
        self._registrar = registrar
        self._presence = presence
        self._exchange = exchange
        self._sync = sync
        self._log_rates = RefusalRates()
        self.alarmed: Callable[[str, AlarmNotify], Awaitable[None]] = _unheard
        """Told of alarms: the id of the peer, and what it said."""
        self.counters: dict[str, int] = {}

    async def register(self, incoming: Incoming) -> None:
        """REGISTER: the only request that may come from anywhere."""
        outcome = self._registrar.handle(incoming.request, incoming.source, self._clock())
        if outcome.problem is not None:
            self._log_refusal(incoming, outcome.problem)
        if outcome.bound is not None:
            await self._enrol(outcome.bound.peer_id)
        incoming.respond(outcome.status, outcome.reason, headers=outcome.headers)
        if outcome.bound is not None:
            self._presence.told_the_time(outcome.bound.peer_id, incoming.request)
            await self._presence.registered(outcome.bound)
        elif outcome.unbound is not None:
            await self._presence.unregistered(outcome.unbound)

    def _log_refusal(self, incoming: Incoming, reason: str) -> None:
        """Every refusal is counted; of one address only so many are logged, or a flood would fill the disk."""
        left_out = self._log_rates.take(incoming.source.host, incoming.received_at)
        if left_out is None:
            self._count("refused_unlogged")
            return
        more = {"left_out": left_out} if left_out else {}
        user = incoming.request.from_.uri.user
        log.warning("registration refused", source=str(incoming.source), peer=user, reason=reason, **more)

    async def told(self, request: FromLower, parsed: Parsed) -> None:
        """A Notify or Response MESSAGE; the 200 is out already."""
        message = parsed.message
        if isinstance(message, Keepalive):
            self._count("keepalive")
            return
        if isinstance(message, CatalogNotify):
            await self._sync.notified(request.peer_id, message)
            return
        if isinstance(message, AlarmNotify):
            self._count("alarm")
            await self.alarmed(request.peer_id, message)
            return
        if parsed.kind is Kind.RESPONSE and self._exchange.answered(request.peer_id, parsed.cmd_type, message):
            return
        self._count("unasked")
        log.info("nobody asked for this", peer=request.peer_id, cmd=parsed.cmd_type, kind=str(parsed.kind))

    async def notified(self, request: FromLower, parsed: Parsed) -> None:
        """A NOTIFY. Whether its dialog is known does not matter: peers restart and lose dialogs (named tolerance)."""
        message = parsed.message
        if isinstance(message, CatalogResponse):
            # GB/T 28181-2016 J.21 shows the root Response in a NOTIFY.
            message = CatalogNotify(
                sn=message.sn, device_id=message.device_id, sum_num=message.sum_num or 0, items=message.items
            )
        if isinstance(message, CatalogNotify):
            await self._sync.notified(request.peer_id, message)
        elif isinstance(message, AlarmNotify):
            self._count("alarm")
            await self.alarmed(request.peer_id, message)
        else:
            self._count("unknown_event")

    def _count(self, what: str) -> None:
        self.counters[what] = self.counters.get(what, 0) + 1


async def _unheard(peer_id: str, message: AlarmNotify) -> None:
    log.info("nobody takes alarms", peer=peer_id, channel=message.device_id)
