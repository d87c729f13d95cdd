"""Every request that reaches the SIP port: who sent it, what is it, who handles it (a table; the rest is refused).

Only REGISTER proves who someone is. Everything else must come from the address or connection of a live registration,
or from an address configured for an upper platform; anything else gets 403, is counted and changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import structlog

from gateway.errors import Failure
from gateway.signalling.bindings import Bindings
from gateway.signalling.refusals import RefusalRates
from gateway.signalling.trust import Sender, UpperAddress, identify
from gateway.signalling.zone_guard import ZoneGuard
from sip import RemoteError
from sip.aio import Incoming
from sip.manscdp import Charset, Keepalive, Kind, Parsed, loads

log = structlog.get_logger("signalling")

ALLOW = "REGISTER, MESSAGE, INVITE, ACK, BYE, CANCEL, INFO, SUBSCRIBE, NOTIFY, OPTIONS"
MAX_WORK = 5000
"""Requests being worked on at once; beyond that 503 keeps the loop alive."""
MAX_HINTS = 50_000


@dataclass(frozen=True, slots=True)
class FromLower:
    """A request of a peer below us."""

    incoming: Incoming
    peer_id: str


@dataclass(frozen=True, slots=True)
class FromUpper:
    """A request of an upper platform."""

    incoming: Incoming
    upper_id: str


class Lower(Protocol):
    """What is done with requests from below (southbound 南向)."""

    async def register(self, incoming: Incoming) -> None: ...
    async def told(self, request: FromLower, message: Parsed) -> None: ...
    async def notified(self, request: FromLower, message: Parsed) -> None: ...


class Upper(Protocol):
    """What is done with requests from above (northbound 北向)."""

    async def asked(self, request: FromUpper, message: Parsed) -> None: ...
    async def subscribed(self, request: FromUpper, message: Parsed | None) -> None: ...
    async def invited(self, request: FromUpper) -> None: ...


class InDialog(Protocol):
    """What is done with requests inside a call's dialog, from either side. False: no such call."""

    async def bye(self, incoming: Incoming, sender: Sender) -> bool: ...
    async def info(self, incoming: Incoming, sender: Sender) -> bool: ...


class Heard(Protocol):
    """Who is told of every valid request of a peer below us: `kind` names it, e.g. "MESSAGE Keepalive"."""

    def __call__(self, peer_id: str, incoming: Incoming, kind: str, *, keepalive: bool = False) -> None: ...


class Router:
    """Dispatches requests. Its `on_request` never raises and never blocks."""

    def __init__(
        self,
        lower: Lower,
        upper: Upper,
        calls: InDialog,
        bindings: Bindings,
        upper_addresses: Callable[[], Iterable[UpperAddress]],
        *,
        heard: Heard,
        zones: ZoneGuard | None = None,
    ) -> None:
        self._lower = lower
        self._upper = upper
        self._calls = calls
        self._bindings = bindings
        self._upper_addresses = upper_addresses
        self._heard = heard
        self._zones = zones
        self._tasks: set[asyncio.Task[None]] = set()
        self._charsets: dict[str, Charset] = {}
        self._log_rates = RefusalRates()
        self.counters: dict[str, int] = {}
        self._methods: dict[str, Callable[[Incoming, Sender], Awaitable[None]]] = {
            "MESSAGE": self._message,
            "NOTIFY": self._notify,
            "SUBSCRIBE": self._subscribe,
            "INVITE": self._invite,
            "BYE": self._bye,
            "INFO": self._info,
            "OPTIONS": self._options,
        }

    def on_request(self, incoming: Incoming) -> None:
        """The stack's callback for every new request."""
        if len(self._tasks) >= MAX_WORK:
            self._count("overload")
            incoming.respond(503, "Too Much Work", headers=[("Retry-After", "5")])
            return
        task = asyncio.get_running_loop().create_task(self._handle(incoming))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _handle(self, incoming: Incoming) -> None:
        method = incoming.request.method
        self._count(method.lower() if method in self._methods or method == "REGISTER" else "other_method")
        try:
            if method == "REGISTER":
                await self._lower.register(incoming)
                if self._zones is not None:
                    self._zones.registered(incoming)
            else:
                await self._trusted(incoming, method)
        except RemoteError as error:
            self._count("malformed")
            self._log_refusal(incoming, "malformed", where=error.where, what=error.what)
            incoming.respond(error.status, phrase(f"Bad {error.where}: {error.what}"))
        except Failure as failure:
            self._count("refused")
            self._log_refusal(incoming, failure.step, problem=failure.message)
            incoming.respond(failure.sip_status, failure.sip_phrase)
        except Exception:  # task boundary: our own fault is answered, and the loop goes on
            self._count("internal")
            log.exception("request failed", source=str(incoming.source), method=method)
            incoming.respond(500)

    async def _trusted(self, incoming: Incoming, method: str) -> None:
        claimed = incoming.request.from_.uri.user or ""
        sender = identify(incoming.source, claimed, self._bindings, self._upper_addresses())
        if sender.stranger:
            self._count("stranger")
            self._log_refusal(incoming, "not registered from this address", claims=claimed[:64])
            incoming.respond(403, "Not Registered From This Address")
            return
        if self._zones is not None and (problem := self._zones.refuses(incoming, sender)) is not None:
            self._count("other_zone")
            self._log_refusal(incoming, problem)
            incoming.respond(403, "Not Registered From This Address")
            return
        # What says something is a sign of life once it could be read (see `_body`).
        if sender.lower_id is not None and not (method == "MESSAGE" or incoming.request.body and method == "NOTIFY"):
            self._heard(sender.lower_id, incoming, method if method in self._methods else "other")
        handler = self._methods.get(method)
        if handler is None:
            incoming.respond(405, headers=[("Allow", ALLOW)])
            return
        await handler(incoming, sender)

    async def _message(self, incoming: Incoming, sender: Sender) -> None:
        parsed = self._body(incoming, sender)
        if parsed.kind in (Kind.QUERY, Kind.CONTROL):
            if sender.upper_id is None:
                self._refuse(incoming, "a peer below us does not ask or control")
                return
            # The 200 says "received"; the outcome is a message of its own (GB/T 28181-2022 9.3, 9.5).
            incoming.respond(200)
            await self._upper.asked(FromUpper(incoming, sender.upper_id), parsed)
        elif sender.lower_id is not None:
            incoming.respond(200)
            await self._lower.told(FromLower(incoming, sender.lower_id), parsed)
        else:
            # Some upper platforms send keepalives downward and drop a peer that does not answer them.
            incoming.respond(200)

    async def _notify(self, incoming: Incoming, sender: Sender) -> None:
        if sender.lower_id is None:
            self._refuse(incoming, "an upper platform does not notify")
            return
        if not incoming.request.body.strip():
            incoming.respond(200)  # "terminated" carries no body
            return
        parsed = self._body(incoming, sender)
        incoming.respond(200)
        await self._lower.notified(FromLower(incoming, sender.lower_id), parsed)

    async def _subscribe(self, incoming: Incoming, sender: Sender) -> None:
        if sender.upper_id is None:
            self._refuse(incoming, "a peer below us does not subscribe")
            return
        parsed = self._body(incoming, sender) if incoming.request.body.strip() else None
        await self._upper.subscribed(FromUpper(incoming, sender.upper_id), parsed)

    async def _invite(self, incoming: Incoming, sender: Sender) -> None:
        if sender.upper_id is None:
            self._refuse(incoming, "a peer below us does not call")
            return
        await self._upper.invited(FromUpper(incoming, sender.upper_id))

    async def _bye(self, incoming: Incoming, sender: Sender) -> None:
        if not await self._calls.bye(incoming, sender):
            incoming.respond(481)

    async def _info(self, incoming: Incoming, sender: Sender) -> None:
        if not await self._calls.info(incoming, sender):
            incoming.respond(481)

    async def _options(self, incoming: Incoming, sender: Sender) -> None:
        incoming.respond(200, headers=[("Allow", ALLOW), ("Accept", "application/sdp, Application/MANSCDP+xml")])

    def _refuse(self, incoming: Incoming, reason: str) -> None:
        self._count("wrong_side")
        self._log_refusal(incoming, reason)
        incoming.respond(403)

    def _log_refusal(self, incoming: Incoming, reason: str, **particulars: str) -> None:
        """Every refusal is counted; of one address only so many are logged, or a flood would fill the disk."""
        left_out = self._log_rates.take(incoming.source.host, incoming.received_at)
        if left_out is None:
            self._count("refused_unlogged")
            return
        more = {"left_out": left_out} if left_out else {}
        method = incoming.request.method
        log.warning("refused", source=str(incoming.source), method=method, reason=reason, **particulars, **more)

    def _body(self, incoming: Incoming, sender: Sender) -> Parsed:
        peer_id = sender.lower_id or sender.upper_id or ""
        parsed = loads(incoming.request.body, hint=self._charsets.get(peer_id))
        if sender.lower_id is not None:
            kind = f"{incoming.request.method} {parsed.cmd_type}"
            self._heard(sender.lower_id, incoming, kind, keepalive=isinstance(parsed.message, Keepalive))
        if parsed.charset_proven and (peer_id in self._charsets or len(self._charsets) < MAX_HINTS):
            self._charsets[peer_id] = parsed.charset
        for name in parsed.repaired:
            self._count(f"repaired_{name}")
        return parsed

    def _count(self, what: str) -> None:
        self.counters[what] = self.counters.get(what, 0) + 1


def phrase(text: str) -> str:
    """A text as a reason phrase: one short line of printable ASCII, whatever a peer's bytes put into it."""
    return "".join(char if " " <= char <= "~" else "?" for char in text[:120])
