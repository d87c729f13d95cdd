"""What each upper platform sees of our catalogue, and keeping it told (目录级联).

A sharing rule is evaluated to a set under published ids; queries are answered from it, never by waking a camera, and
what changes in it is notified.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import structlog

from catalog import Item, Kind
from catalog.store import CatalogStore, StoredItem
from gateway.mapping import fixed_shape, status_event, wire_of
from gateway.relay.hub import StreamKey
from gateway.signalling.exchange import Correspondent, Exchange
from gateway.signalling.outbox import UDP_BODY_BYTES, catalogue_pages, deliver
from gateway.store.repository import Change
from gateway.store.rules import Rule, Rules
from gateway.store.uppers import Upper, Uppers
from sip.manscdp import CatalogItem, CatalogQuery, Edition

log = structlog.get_logger("cascade")

SETTLE_S = 0.1
"""Changes of this long are told together."""

MAX_WINDOW = 32
ITEMS_TCP = 100


@dataclass(slots=True)
class SharedCatalogue:
    """What one upper platform is shown: items by published id, with the real channel behind each."""

    items: dict[str, Item] = field(default_factory=dict)
    keys: dict[str, StreamKey] = field(default_factory=dict)
    actions: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.items)

    def real(self, published: str) -> StreamKey | None:
        """The channel behind a published id; None: not shared."""
        return self.keys.get(published)

    def allows(self, action: str) -> bool:
        return action in self.actions

    def is_on(self, published: str) -> bool:
        item = self.items.get(published)
        return item is not None and item.status == "ON"


Notify = Callable[[str, list[CatalogItem]], Awaitable[None]]


class Cascade:
    """The shared catalogues of all upper platforms."""

    def __init__(
        self,
        store: CatalogStore,
        uppers: Uppers,
        rules: Rules,
        exchange: Exchange,
        correspondent: Callable[[str], Correspondent | None],
        local_id: Callable[[Upper], str],
        *,
        node_name: str,
    ) -> None:
        self._store = store
        self._uppers = uppers
        self._rules = rules
        self._exchange = exchange
        self._correspondent = correspondent
        self._local_id = local_id
        self._node_name = node_name
        self._shared: dict[str, SharedCatalogue] = {}
        self._building = asyncio.Lock()
        self._stale = asyncio.Event()
        self._answering: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None
        self._off: list[Callable[[], None]] = []
        self.notify: Notify | None = None

    async def start(self) -> None:
        """Follow the catalogue and the configuration from now on."""
        self._off = [
            self._store.subscribe(lambda changes: self._stale.set()),
            self._rules.on_change(self._configuration_changed),
            self._uppers.on_change(self._configuration_changed),
        ]
        self._task = asyncio.create_task(self._follow(), name="cascade")

    async def stop(self) -> None:
        for off in self._off:
            off()
        tasks = [task for task in (self._task, *self._answering.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _configuration_changed(self, change: Change[Rule] | Change[Upper]) -> None:
        self._stale.set()

    async def shared(self, upper_id: str) -> SharedCatalogue:
        """What an upper platform is shown right now."""
        known = self._shared.get(upper_id)
        if known is not None and not self._stale.is_set():
            return known
        async with self._building:
            fresh = await self._evaluate(upper_id)
            self._shared.setdefault(upper_id, fresh)
            return fresh

    async def answer(self, upper: Correspondent, query: CatalogQuery) -> None:
        """Answer a catalogue query; a repeated query (same SN) joins the answer under way."""
        key = (upper.id, query.sn)
        if key in self._answering:
            return
        task = self._answering[key] = asyncio.create_task(self._answer(upper, query), name=f"catalogue to {upper.id}")
        try:
            await task
        finally:
            self._answering.pop(key, None)

    async def _answer(self, upper: Correspondent, query: CatalogQuery) -> None:
        shared = await self.shared(upper.id)
        items = [self._wire(item, upper.edition) for item in self._queried(shared, query.device_id, upper.own_id)]
        reliable = upper.peer.transport == "TCP"
        pages = catalogue_pages(
            query.sn,
            query.device_id,
            items,
            charset=upper.charset,
            edition=upper.edition,
            per_message=ITEMS_TCP if reliable else 4,
            body_bytes=None if reliable else UDP_BODY_BYTES,
        )
        delivery = await deliver(pages, lambda page: self._exchange.send(upper, page), max_window=MAX_WINDOW)
        log.info(
            "catalogue sent",
            upper=upper.id,
            items=len(items),
            messages=delivery.messages,
            acknowledged=delivery.acknowledged,
            failed=delivery.failed,
            problem=delivery.problem,
        )

    def _queried(self, shared: SharedCatalogue, code: str, own_id: str) -> list[Item]:
        """The part of the catalogue a query's DeviceID asks for (GB/T 28181-2022 Annex J)."""
        if code == own_id:
            return list(shared.items.values())
        if len(code) in (2, 4, 6, 8):
            return [item for item in shared.items.values() if item.code == code or item.region.startswith(code)]
        below, found = {code}, []
        for item in shared.items.values():
            if item.code == code:
                found.append(item)
        grown = True
        while grown:
            grown = False
            for item in shared.items.values():
                if item.code not in below and below.intersection(item.parent_ids):
                    below.add(item.code)
                    found.append(item)
                    grown = True
        return found

    async def offline_items(self, upper_id: str) -> list[CatalogItem]:
        """For the first NOTIFY of a subscription: what is not ON; everything else is assumed to be."""
        shared = await self.shared(upper_id)
        return [status_event(code, "OFF") for code, item in shared.items.items() if item.status != "ON"]

    async def _follow(self) -> None:
        """After each change, evaluate again and tell the difference."""
        for upper in self._uppers:
            if upper.enabled:
                self._shared[upper.id] = await self._evaluate(upper.id)
        while True:
            await self._stale.wait()
            await asyncio.sleep(SETTLE_S)
            self._stale.clear()
            for upper in self._uppers:
                if upper.enabled:
                    try:
                        await self._tell_difference(upper.id)
                    except Exception:  # task boundary: one upper platform's trouble is not another's
                        log.exception("notifying failed", upper=upper.id)

    async def _tell_difference(self, upper_id: str) -> None:
        async with self._building:
            fresh = await self._evaluate(upper_id)
            old = self._shared.get(upper_id, SharedCatalogue())
            self._shared[upper_id] = fresh
        upper = self._correspondent(upper_id)
        if self.notify is None or upper is None:
            return
        news = difference(old, fresh, lambda item, event: self._wire(item, upper.edition, event))
        if news:
            await self.notify(upper_id, news)

    def _wire(self, item: Item, edition: Edition, event: str | None = None) -> CatalogItem:
        wire = wire_of(item, event=event)
        if item.kind in (Kind.REGION, Kind.SYSTEM, Kind.GROUP, Kind.ORG):
            return fixed_shape(wire, item.kind.value, edition)
        return wire

    async def _evaluate(self, upper_id: str) -> SharedCatalogue:
        """The set a sharing rule comes to; without a rule nothing but our own system item is shown."""
        upper = self._uppers.get(upper_id)
        if upper is None:
            return SharedCatalogue()
        own = self._local_id(upper)
        system = Item(code=own, name=self._node_name, manufacturer="gb28181-gateway", model="gbgateway")
        rule = self._rules.get(upper.rule_id) if upper.rule_id else None
        shared = SharedCatalogue(
            items={own: system}, actions=frozenset(rule.actions) if rule is not None else frozenset()
        )
        if rule is None:
            return shared
        stored = [entry async for entry in self._store.all_items()]
        for entry in stored:
            if entry.peer_id != upper_id and not entry.item.is_secret and selects(rule, entry, stored):
                self._publish(shared, rule, entry, own)
        return shared

    def _publish(self, shared: SharedCatalogue, rule: Rule, entry: StoredItem, own: str) -> None:
        key = StreamKey(entry.peer_id, entry.code)
        published = rule.published.get(str(key), entry.code)
        if published in shared.items:
            return
        parents = tuple(parent for parent in entry.item.parent_ids if parent != entry.peer_id) or (own,)
        status = "ON" if entry.online and entry.item.status == "ON" else "OFF"
        shared.items[published] = replace(entry.item, code=published, parent_ids=parents, status=status)
        shared.keys[published] = key


def selects(rule: Rule, entry: StoredItem, everything: list[StoredItem]) -> bool:
    """Whether a rule shares an object."""
    names = {entry.code, f"{entry.peer_id}/{entry.code}"}
    if names.intersection(rule.exclude):
        return False
    if rule.mode == "all":
        return True
    if rule.mode == "list":
        return bool(names.intersection(rule.channels))
    roots = set(rule.channels)
    if names & roots or entry.peer_id in roots:
        return True
    return bool(roots.intersection(entry.item.parent_ids)) or any(
        entry.item.region.startswith(root) for root in roots if len(root) in (2, 4, 6, 8)
    )


def difference(
    old: SharedCatalogue, new: SharedCatalogue, wire: Callable[[Item, str], CatalogItem]
) -> list[CatalogItem]:
    """The events that make `old` into `new`: ADD and UPDATE with the whole item, ON, OFF and DEL with the id alone."""
    news = [status_event(code, "DEL") for code in old.items if code not in new.items]
    for code, item in new.items.items():
        before = old.items.get(code)
        if before is None:
            news.append(wire(item, "ADD"))
        elif replace(before, status=item.status).content_hash() != item.content_hash():
            news.append(wire(item, "UPDATE"))
        elif before.status != item.status:
            news.append(status_event(code, item.status))
    return news
