"""Keeping upper platforms told of what they are shown (目录级联): catalogue queries and change notifications.

Queries are answered from the evaluated sharing rule, never by waking a camera; what changes in it is notified.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from catalog import ChannelKey, Event, Item, Kind, PublishedChange, PublishedSet, civil_code_of, diff, full_name
from catalog.change import STATUS_EVENTS, Changes
from catalog.store import CatalogStore, SharingStore
from gateway.mapping import device_shape, fixed_shape, status_event, wire_of
from gateway.relay.hub import StreamKey
from gateway.signalling.exchange import Correspondent, Exchange
from gateway.signalling.mirror import CatalogueMirror
from gateway.signalling.outbox import catalogue_pages, deliver
from gateway.signalling.shared import SharedCatalogue, share, wished_ids
from gateway.store.repository import Change
from gateway.store.rules import Rule, Rules
from gateway.store.uppers import Upper, Uppers
from sip.manscdp import CatalogItem, CatalogQuery, Edition

log = structlog.get_logger("cascade")

SETTLE_S = 0.1
"""Changes of this long are told together."""

MAX_WINDOW = 32
ITEMS_TCP, ITEMS_UDP = 100, 20
_CONTAINERS = (Kind.REGION, Kind.SYSTEM, Kind.GROUP, Kind.ORG)

Notify = Callable[[str, list[CatalogItem]], Awaitable[None]]


@dataclass(slots=True)
class _Shown:
    """One upper platform: what it is shown now, what it was last told, and what has to be looked at again."""

    shared: SharedCatalogue | None = None
    told: PublishedSet | None = None
    outdated: bool = True
    """The rule has to be evaluated again."""
    states: set[ChannelKey] = field(default_factory=set)
    """Objects whose status alone changed."""
    peers: set[str] = field(default_factory=set)
    """Peers that came or went, and all their objects with them."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    follower: asyncio.Task[None] | None = None

    @property
    def is_behind(self) -> bool:
        return self.shared is None or self.outdated or bool(self.states) or bool(self.peers)


class Cascade:
    """The shared catalogues of all upper platforms."""

    def __init__(
        self,
        store: CatalogStore,
        sharing: SharingStore,
        uppers: Uppers,
        rules: Rules,
        exchange: Exchange,
        correspondent: Callable[[str], Correspondent | None],
        local_id: Callable[[Upper], str],
        *,
        node_name: str,
        node_address: str = "",
        items_per_message: tuple[int, int] = (ITEMS_UDP, ITEMS_TCP),
        settle_s: float = SETTLE_S,
    ) -> None:
        """`items_per_message`: at most so many over UDP (fewer where the datagram would not stay whole) and TCP.
        `node_address` is where we are (Address); empty: the name of our region."""
        self._store = store
        self._sharing = sharing
        self._uppers = uppers
        self._rules = rules
        self._exchange = exchange
        self._correspondent = correspondent
        self._local_id = local_id
        self._node_name = node_name
        self._node_address = node_address
        self._items_udp, self._items_tcp = items_per_message
        self._settle_s = settle_s
        self._mirror = CatalogueMirror(store)
        self._shown: dict[str, _Shown] = {}
        self._answering: dict[tuple[str, int, str], asyncio.Task[None]] = {}
        # From the beginning: a mirror that missed a change would stay wrong.
        self._off: list[Callable[[], None]] = [store.subscribe(self._catalogue_changed)]
        self.notify: Notify | None = None

    async def start(self) -> None:
        """Follow the catalogue and the configuration from now on."""
        self._off += [
            self._rules.on_change(self._rule_changed),
            self._uppers.on_change(self._upper_changed),
        ]
        for upper in self._uppers:
            if upper.enabled:
                self._follow_upper(upper.id)

    async def stop(self) -> None:
        for off in self._off:
            off()
        tasks = [shown.follower for shown in self._shown.values() if shown.follower is not None]
        tasks += self._answering.values()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- what changes

    def _catalogue_changed(self, changes: Changes) -> None:
        self._mirror.changed(changes)
        only_states = all(change.event in STATUS_EVENTS for change in changes.changes) and not changes.overrun
        for shown in self._shown.values():
            if not only_states:
                shown.outdated = True
            elif not shown.outdated:
                shown.states.update(ChannelKey(changes.peer_id, change.code) for change in changes.changes)
                if changes.peer_online is not None:
                    shown.peers.add(changes.peer_id)
            shown.stirred.set()

    def _rule_changed(self, change: Change[Rule]) -> None:
        for upper in self._uppers:
            if upper.rule_id == change.id:
                self._stir(upper.id)

    def _upper_changed(self, change: Change[Upper]) -> None:
        if change.after is not None and change.after.enabled:
            self._follow_upper(change.id)
            self._stir(change.id)
            return
        shown = self._shown.pop(change.id, None)
        if shown is not None and shown.follower is not None:
            shown.follower.cancel()

    def _stir(self, upper_id: str) -> None:
        shown = self._shown.get(upper_id)
        if shown is not None:
            shown.outdated = True
            shown.stirred.set()

    # -- what is shown

    async def shared(self, upper_id: str) -> SharedCatalogue:
        """What an upper platform is shown right now; whatever was committed before the call is in it."""
        shown = self._shown.get(upper_id)
        if shown is None:
            upper = self._uppers.get(upper_id)
            if upper is None or not upper.enabled:
                return SharedCatalogue()
            shown = self._shown[upper_id] = _Shown()
        if shown.is_behind or shown.turn.locked():
            async with shown.turn:
                await self._bring_up_to_date(upper_id, shown)
        assert shown.shared is not None
        return shown.shared

    async def _bring_up_to_date(self, upper_id: str, shown: _Shown) -> None:
        while shown.is_behind:
            outdated, states, peers = shown.outdated or shown.shared is None, shown.states, shown.peers
            shown.outdated, shown.states, shown.peers = False, set(), set()
            try:
                if outdated:
                    shown.shared = await self._evaluate(upper_id)
                elif shown.shared is not None:
                    shown.shared = shown.shared.with_states(await self._fresh(shown.shared, states, peers))
            except BaseException:
                shown.outdated = True
                raise

    async def _fresh(self, shared: SharedCatalogue, states: set[ChannelKey], peers: set[str]) -> list[Item]:
        """The objects among these that are shown, as they are now."""
        wanted: dict[str, set[str]] = {}
        for key in shared.published_id_of:
            if key in states or key.peer_id in peers:
                wanted.setdefault(key.peer_id, set()).add(key.code)
        found: list[Item] = []
        for peer_id, codes in wanted.items():
            stored = await self._store.get_many(peer_id, codes)
            found += [entry.effective for entry in stored.values()]
        return found

    async def _evaluate(self, upper_id: str) -> SharedCatalogue:
        upper = self._uppers.get(upper_id)
        if upper is None:
            return SharedCatalogue()
        rule = self._rules.get(upper.rule_id) if upper.rule_id else None
        items = await self._mirror.items() if rule is not None else []
        system = self._own_system(self._local_id(upper))
        given = await self._sharing.published_ids(upper_id) if rule is not None else {}
        echoes = await self._echoes({item.peer_id for item in items})
        shared = await asyncio.to_thread(
            share, rule, items, upper_id=upper_id, system=system, given=given, echoes=echoes
        )
        # Stored before anybody sees them: an upper platform never finds another camera behind a code it knows.
        await self._sharing.give_ids(upper_id, shared.published.new_ids)
        for problem in shared.published.unmountable[:10]:
            log.info("not where it hangs", upper=upper_id, object="/".join(problem.key), reason=problem.reason)
        return shared

    def _own_system(self, code: str) -> Item:
        """Our own item as an upper platform knows us, with every element a system has (GB/T 28181-2022 Annex J)."""
        region = civil_code_of(code)
        return Item(
            code=code,
            name=self._node_name,
            manufacturer="gb28181-gateway",
            model="gbgateway",
            owner=self._node_name,
            civil_code=region,
            address=self._node_address or full_name(region) or self._node_name,
        )

    async def behind(self, upper_id: str, code: str) -> StreamKey | None:
        """The object an upper platform may mean by a code that is not shared with it: one it was or would be shown
        under that code, else one that has it. None: there is no such object."""
        upper = self._uppers.get(upper_id)
        rule = self._rules.get(upper.rule_id) if upper is not None and upper.rule_id else None
        given = wished_ids(rule) | await self._sharing.published_ids(upper_id)
        for key, published in given.items():
            if published == code and await self._store.get(*key) is not None:
                return StreamKey(*key)
        found = await self._store.find(code)
        return StreamKey(found[0].peer_id, code) if found else None

    async def _echoes(self, peers: set[str]) -> dict[str, set[str]]:
        """For peers that are upper platforms too: every code they have from us, and may list as theirs."""
        echoes: dict[str, set[str]] = {}
        for upper in self._uppers:
            if upper.id in peers:
                shown = self._shown.get(upper.id)
                echoes[upper.id] = set((await self._sharing.published_ids(upper.id)).values())
                if shown is not None and shown.shared is not None:
                    echoes[upper.id].update(shown.shared.items)
        return echoes

    # -- telling

    def _follow_upper(self, upper_id: str) -> None:
        shown = self._shown.setdefault(upper_id, _Shown())
        if shown.follower is None:
            shown.follower = asyncio.create_task(self._follow(upper_id, shown), name=f"cascade to {upper_id}")

    async def _follow(self, upper_id: str, shown: _Shown) -> None:
        """After each change, tell the difference. What changes while telling is told together afterwards."""
        while True:
            try:
                await self._tell_difference(upper_id, shown)
            except Exception:  # task boundary: the next change tries again
                log.exception("notifying failed", upper=upper_id)
            await shown.stirred.wait()
            await asyncio.sleep(self._settle_s)
            shown.stirred.clear()

    async def _tell_difference(self, upper_id: str, shown: _Shown) -> None:
        shared = await self.shared(upper_id)
        old, shown.told = shown.told, shared.published
        upper = self._correspondent(upper_id)
        if old is None or old is shared.published or self.notify is None or upper is None:
            return
        news = [event_item(change, upper.edition) for change in diff(old, shared.published)]
        if news:
            await self.notify(upper_id, news)

    async def offline_items(self, upper_id: str) -> list[CatalogItem]:
        """For the first NOTIFY of a subscription: what is not ON; everything else is assumed to be."""
        shared = await self.shared(upper_id)
        return [
            status_event(code, item.fault or Event.OFF.value)
            for code, item in shared.items.items()
            if item.status != "ON" or item.fault
        ]

    async def codes_in(self, upper_id: str, subject: str) -> frozenset[str] | None:
        """The published ids a subscription to `subject` is about; None: all of them."""
        upper = self._uppers.get(upper_id)
        if upper is None or subject in ("", self._local_id(upper)):
            return None
        return frozenset(item.code for item in (await self.shared(upper_id)).below(subject))

    # -- answering

    async def answer(self, upper: Correspondent, query: CatalogQuery) -> None:
        """Answer a catalogue query; a repeated query (same SN and object) joins the answer under way."""
        key = (upper.id, query.sn, query.device_id)
        if key in self._answering:
            return
        task = self._answering[key] = asyncio.create_task(self._answer(upper, query), name=f"catalogue to {upper.id}")
        try:
            await task
        finally:
            self._answering.pop(key, None)

    async def _answer(self, upper: Correspondent, query: CatalogQuery) -> None:
        shared = await self.shared(upper.id)
        whole = query.device_id == upper.own_id
        asked = list(shared.items.values()) if whole else shared.below(query.device_id)
        room = self._exchange.body_room(upper)
        pages = catalogue_pages(
            query.sn,
            query.device_id,
            [wire_item(item, upper.edition) for item in asked],
            charset=upper.charset,
            edition=upper.edition,
            per_message=self._items_tcp if room is None else self._items_udp,
            body_bytes=room,
        )
        delivery = await deliver(pages, lambda page: self._exchange.send(upper, page), max_window=MAX_WINDOW)
        log.info(
            "catalogue sent" if delivery.problem is None else "catalogue not sent smoothly",
            upper=upper.id,
            items=len(asked),
            messages=delivery.messages,
            acknowledged=delivery.acknowledged,
            repeated=delivery.repeated,
            failed=delivery.failed,
            unsent=delivery.unsent,
            problem=delivery.problem,
        )


def wire_item(item: Item, edition: Edition, event: str | None = None) -> CatalogItem:
    """An item as it goes upward: containers in the fixed shape of Annex J, devices with all they must have."""
    wire = wire_of(item, event=event)
    if item.kind in _CONTAINERS:
        return fixed_shape(wire, item.kind.value, edition)
    return device_shape(wire)


def event_item(change: PublishedChange, edition: Edition) -> CatalogItem:
    """One event: ADD and UPDATE with the whole item, the others with the id alone (GB/T 28181-2022 Annex N)."""
    if change.item is None:
        return status_event(change.code, change.event.value)
    return wire_item(change.item, edition, change.event.value)
