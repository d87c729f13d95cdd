"""Rights that are withdrawn end what runs under them: users, upper platforms, sharing rules and secrecy are watched.

The rule is :mod:`gateway.compliance.revocation`; this gathers the facts of now whenever something changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

import structlog

from catalog import ChannelKey
from catalog.change import STATUS_EVENTS, Changes
from catalog.store import CatalogStore
from gateway.compliance.access import ActorKind, Denial, Facts
from gateway.compliance.grant import Grant, Grants
from gateway.compliance.revocation import withdrawn
from gateway.store.repository import Change
from gateway.store.rules import Rule, Rules
from gateway.store.uppers import Upper, Uppers
from gateway.store.users import User, Users

log = structlog.get_logger("access")


class Shown(Protocol):
    """What one upper platform is shown."""

    @property
    def published_id_of(self) -> dict[ChannelKey, str]: ...
    def allows(self, action: str) -> bool: ...


class Withdrawals:
    """Looks at the live grants after each change that may matter. `end(grant, denial)` ends a use and enters it.

    Users and upper platforms are looked at apart: evaluating a sharing rule over a large catalogue takes its time.
    """

    def __init__(
        self,
        grants: Grants,
        users: Users,
        uppers: Uppers,
        rules: Rules,
        catalog: CatalogStore,
        *,
        shown: Callable[[str], Awaitable[Shown]],
        end: Callable[[Grant, Denial], Awaitable[None]],
    ) -> None:
        self._grants = grants
        self._users = users
        self._uppers = uppers
        self._rules = rules
        self._catalog = catalog
        self._shown = shown
        self._end = end
        self._stirred: dict[ActorKind, asyncio.Event] = {"user": asyncio.Event(), "upper": asyncio.Event()}
        self._off: list[Callable[[], None]] = []
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Follow the configuration and the catalogue from now on."""
        self._off = [
            self._users.on_change(self._user_changed),
            self._uppers.on_change(self._upper_changed),
            self._rules.on_change(self._rule_changed),
            self._catalog.subscribe(self._catalogue_changed),
        ]
        self._tasks = [asyncio.create_task(self._follow(kind), name=f"rights of {kind}s") for kind in self._stirred]

    async def stop(self) -> None:
        """Follow nothing any more; what was being ended is left to the calls themselves."""
        off, self._off = self._off, []
        tasks, self._tasks = self._tasks, []
        for each in off:
            each()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _user_changed(self, _change: Change[User]) -> None:
        self._stirred["user"].set()

    def _upper_changed(self, _change: Change[Upper]) -> None:
        self._stirred["upper"].set()

    def _rule_changed(self, _change: Change[Rule]) -> None:
        self._stirred["upper"].set()

    def _catalogue_changed(self, changes: Changes) -> None:
        if changes.overrun or any(change.event not in STATUS_EVENTS for change in changes.changes):
            for stirred in self._stirred.values():
                stirred.set()

    async def _follow(self, kind: ActorKind) -> None:
        while True:
            await self._stirred[kind].wait()
            self._stirred[kind].clear()
            try:
                await self.look(kind)
            except Exception:  # task boundary: the next change, or the next round, looks again
                log.exception("withdrawn rights not followed", of=kind)

    async def look(self, kind: ActorKind) -> None:
        """End what users, or upper platforms, may not do any more."""
        uses = [grant for grant in self._grants.live() if grant.actor.kind == kind]
        if not uses:
            return
        # Who is gone is known at once; the rest takes the database, and a sharing rule to be evaluated.
        await self._withdraw(uses, {grant.id: Facts() for grant in uses if self._is_gone(grant)})
        secret = await self._secrecy(uses)
        facts = self._facts_of_users(uses, secret) if kind == "user" else await self._facts_of_uppers(uses, secret)
        await self._withdraw(uses, facts)

    async def _withdraw(self, uses: list[Grant], facts: dict[str, Facts]) -> None:
        ending = withdrawn(uses, facts)
        for use in ending:
            log.warning("right withdrawn", actor=str(use.grant.actor), channel=use.grant.code, clause=use.denial.clause)
        await asyncio.gather(*(self._end(use.grant, use.denial) for use in ending))

    def _is_gone(self, grant: Grant) -> bool:
        """Whether the account or the upper platform of a use was removed or disabled."""
        known: User | Upper | None
        known = (self._users if grant.actor.kind == "user" else self._uppers).get(grant.actor.id)
        return known is None or not known.enabled

    async def look_at_all(self) -> None:
        """The same for everybody: what began while a right was being withdrawn is found here."""
        for kind in self._stirred:
            await self.look(kind)

    async def _secrecy(self, uses: Iterable[Grant]) -> dict[ChannelKey, bool]:
        """Whether each object in use is secret; one that is not in the catalogue any more is no matter of rights."""
        wanted: dict[str, set[str]] = {}
        for grant in uses:
            wanted.setdefault(grant.peer_id, set()).add(grant.code)
        found: dict[ChannelKey, bool] = {}
        for peer_id, codes in wanted.items():
            for code, stored in (await self._catalog.get_many(peer_id, codes)).items():
                found[ChannelKey(peer_id, code)] = stored.item.is_secret
        return found

    def _facts_of_users(self, uses: list[Grant], secret: dict[ChannelKey, bool]) -> dict[str, Facts]:
        facts = {}
        for grant in uses:
            user = self._users.get(grant.actor.id)
            if user is not None and user.enabled:
                is_secret = secret.get(ChannelKey(grant.peer_id, grant.code), False)
                facts[grant.id] = Facts(role=user.role, secret=is_secret)
        return facts

    async def _facts_of_uppers(self, uses: list[Grant], secret: dict[ChannelKey, bool]) -> dict[str, Facts]:
        facts: dict[str, Facts] = {}
        for grant in uses:
            key = ChannelKey(grant.peer_id, grant.code)
            if key in secret and not self._is_gone(grant):
                shown = await self._shown(grant.actor.id)
                shared = key in shown.published_id_of and shown.allows(grant.action.value)
                facts[grant.id] = Facts(shared=shared, secret=secret[key])
        return facts
