"""The catalogue of every peer below us, kept equal to theirs: query, collect, store, subscribe, apply notifications.

One synchronisation per peer at a time. An incomplete answer is stored but never deletes (GB/T 28181-2022 Annex M).
A recorder that lists its channels and not itself is listed for it, so that its channels have a parent (Annex J).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from catalog.change import Event, ItemEvent
from catalog.item import Item
from catalog.pages import Complete, Incomplete, PageCollector
from catalog.store import CatalogStore
from gateway.mapping import event_of, item_of
from gateway.signalling import sync_words as words
from gateway.signalling.exchange import Correspondent, Exchange, Question, QuestionRefused
from gateway.signalling.said import Said
from sip import RemoteError, Response
from sip.manscdp import CatalogNotify, CatalogQuery, CatalogResponse, Command, DeviceInfoQuery, DeviceInfoResponse

log = structlog.get_logger("catalogue")

RETRY_S = (5.0, 30.0, 120.0, 600.0)
AGAIN_S = 10.0
"""Pause before a synchronisation that was asked for while, or right after, another one ran."""
DEVICE_INFO_S = 3.0


@dataclass(slots=True)
class SyncStatus:
    """How the last synchronisation of a peer went. `at` is unix seconds; `missing` items were promised and not sent."""

    state: str = "never"
    at: float = 0.0
    received: int = 0
    promised: int | None = None
    missing: int | None = None
    duplicates: int = 0
    problem: Said | None = None
    device_info: dict[str, str | int | None] | None = None

    def to_json(self) -> dict[str, Any]:
        """As the API shows it."""
        said = self.problem
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return plain | {"problem": said.en if said else None, "problem_zh": said.zh if said else None}


@dataclass(slots=True)
class _Follower:
    """The task that keeps one peer's catalogue, and what wakes it from waiting for the next round."""

    task: asyncio.Task[None] | None = None
    wanted: asyncio.Event = field(default_factory=asyncio.Event)


class CatalogueSync:
    """Synchronises the catalogues of peers. `correspondent(peer_id)` is None while the peer is offline.

    Waits in seconds: `first_s` for the first page of an answer, `gap_s` for each further one, `interval_s` between
    synchronisations, `retry_s` after failed ones, `again_s` before one that was asked for. `took(seconds)` is told how
    long each one lasted. `own_item(peer_id)` is the item of a peer that is to be listed though it does not list itself;
    None: it is not.
    """

    def __init__(
        self,
        exchange: Exchange,
        store: CatalogStore,
        correspondent: Callable[[str], Correspondent | None],
        *,
        first_s: float = 20.0,
        gap_s: float = 5.0,
        interval_s: float = 86_400.0,
        retry_s: tuple[float, ...] = RETRY_S,
        again_s: float = AGAIN_S,
        clock: Callable[[], float] = time.time,
        took: Callable[[float], None] | None = None,
        own_item: Callable[[str], Item | None] = lambda peer_id: None,
    ) -> None:
        self._own_item = own_item
        self._exchange = exchange
        self._store = store
        self._correspondent = correspondent
        self._first_s = first_s
        self._gap_s = gap_s
        self._interval_s = interval_s
        self._retry_s = retry_s
        self._again_s = again_s
        self._clock = clock
        self._took = took
        self._followers: dict[str, _Follower] = {}
        self.status: dict[str, SyncStatus] = {}

    def start(self, peer_id: str) -> None:
        """Synchronise soon; a request during a running one is remembered and follows it after a pause."""
        follower = self._followers.get(peer_id)
        if follower is not None and follower.task is not None and not follower.task.done():
            follower.wanted.set()
            return
        follower = self._followers[peer_id] = _Follower()
        follower.task = asyncio.create_task(
            self._keep_synchronised(peer_id, follower.wanted), name=f"catalogue of {peer_id}"
        )

    async def stop(self, peer_id: str | None = None) -> None:
        """Stop for one peer (it went offline), or for all."""
        ids = [peer_id] if peer_id is not None else list(self._followers)
        followers = [self._followers.pop(one) for one in ids if one in self._followers]
        tasks = [follower.task for follower in followers if follower.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def synchronise(self, peer_id: str) -> SyncStatus:
        """One synchronisation now. The status says how it went; nothing is raised for what a peer does."""
        status = self.status.setdefault(peer_id, SyncStatus())
        to = self._correspondent(peer_id)
        if to is None:
            status.state, status.problem, status.at = "offline", words.OFFLINE, self._clock()
            return status
        status.state, status.problem = "running", None
        started = self._clock()
        try:
            result = await self._collect(to, status)
        except (RemoteError, QuestionRefused) as error:
            status.state, status.problem, status.at = "failed", words.not_taken(error), self._clock()
            log.warning("catalogue query failed", peer=peer_id, problem=str(status.problem))
            return status
        await self._store_result(peer_id, result, status)
        if self._took is not None:
            self._took(self._clock() - started)
        return status

    async def notified(self, peer_id: str, notify: CatalogNotify) -> None:
        """Apply a change notification; objects it names that nobody knows are worth a query."""
        events = [event_of(item, peer_id) for item in notify.items]
        changes = await self._store.apply_events(peer_id, events)
        if changes.unknown:
            log.info("notified of unknown objects", peer=peer_id, count=len(changes.unknown))
            self.start(peer_id)

    async def _keep_synchronised(self, peer_id: str, wanted: asyncio.Event) -> None:
        failures = 0
        while True:
            wanted.clear()
            complete = await self._synchronised(peer_id)
            status = self.status[peer_id]
            if status.device_info is None:
                await self._ask_device_info(peer_id)
            wait = self._interval_s if complete else self._retry_s[min(failures, len(self._retry_s) - 1)]
            failures = 0 if complete else failures + 1
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await wanted.wait()
                    await asyncio.sleep(self._again_s)

    async def _synchronised(self, peer_id: str) -> bool:
        try:
            return (await self.synchronise(peer_id)).state == "complete"
        except Exception:  # task boundary: a database fault must not end the synchronisation for good
            log.exception("synchronisation failed", peer=peer_id)
            status = self.status[peer_id]
            status.state, status.problem, status.at = "failed", words.INTERNAL, self._clock()
            return False

    async def _ask_device_info(self, peer_id: str) -> None:
        to = self._correspondent(peer_id)
        if to is None:
            return
        try:
            async with self._exchange.question(peer_id, "DeviceInfo") as question:
                await self._exchange.tell(to, DeviceInfoQuery(sn=question.sn, device_id=peer_id))
                async with asyncio.timeout(DEVICE_INFO_S):
                    answer = await question.answers.get()
        except (RemoteError, QuestionRefused, TimeoutError):
            return
        if isinstance(answer, DeviceInfoResponse):
            self.status.setdefault(peer_id, SyncStatus()).device_info = {
                "name": answer.device_name,
                "manufacturer": answer.manufacturer,
                "model": answer.model,
                "firmware": answer.firmware,
                "channels": answer.channel,
            }
            await self._complete_own_item(peer_id)

    async def _collect(self, to: Correspondent, status: SyncStatus) -> Complete[Item] | Incomplete[Item]:
        """Ask and gather. Raises what the query met with when no page came at all: pages prove that it arrived."""
        loop = asyncio.get_running_loop()
        async with self._exchange.question(to.id, "Catalog") as question:
            collector: PageCollector[str, Item] = PageCollector(
                question.sn, loop.time(), first_s=self._first_s, gap_s=self._gap_s
            )
            asking = asyncio.create_task(self._exchange.tell(to, CatalogQuery(sn=question.sn, device_id=to.id)))
            asking.add_done_callback(lambda task: _wake(question) if _has_failed(task) else None)
            try:
                while collector.result is None:
                    page = await _next_page(question, collector.deadline() or 0.0)
                    if page is None:
                        if collector.pages == 0 and _has_failed(asking):
                            await asking
                        collector.expire(loop.time())
                    elif isinstance(page, CatalogResponse):
                        items = [(wire.device_id, item_of(wire, to.id)) for wire in page.items]
                        collector.feed(page.sum_num, items, loop.time())
                        status.received, status.promised = collector.received, collector.promised
            finally:
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
            status.duplicates = collector.duplicates
            return collector.result

    async def _added_item(self, peer_id: str, result: Complete[Item] | Incomplete[Item]) -> Item | None:
        """The peer's own item, unless it lists itself: now, or before and this answer is not whole."""
        own = self._own_item(peer_id)
        if own is None or any(item.code == peer_id for item in result.items):
            return None
        stored = await self._store.get(peer_id, peer_id)
        if stored is not None and stored.item.raw and isinstance(result, Incomplete):
            return None
        known = self.status[peer_id].device_info if peer_id in self.status else None
        if known is not None:
            return _with_device_info(own, known)
        return own if stored is None else replace(own, manufacturer=stored.item.manufacturer, model=stored.item.model)

    async def _complete_own_item(self, peer_id: str) -> None:
        """What the peer has just told of itself, entered in the item that was added for it."""
        known, stored = self.status[peer_id].device_info, await self._store.get(peer_id, peer_id)
        if known is None or stored is None or stored.item.raw or self._own_item(peer_id) is None:
            return
        item = _with_device_info(stored.item, known)
        if item != stored.item:
            news = ItemEvent(Event.UPDATE, peer_id, item, frozenset({"manufacturer", "model"}))
            await self._store.apply_events(peer_id, [news], who="device info")

    async def _store_result(self, peer_id: str, result: Complete[Item] | Incomplete[Item], status: SyncStatus) -> None:
        own = await self._added_item(peer_id, result)
        generation = await self._store.begin_sync(peer_id)
        try:
            await self._store.stage(generation, result.items)
            if own is not None:
                await self._store.stage(generation, [own])
            complete = isinstance(result, Complete) and result.assured
            changes = await self._store.commit_sync(generation, complete=complete)
        except BaseException:
            await self._store.abort_sync(generation)
            raise
        status.at, status.received = self._clock(), len(result.items)
        status.missing = result.missing if isinstance(result, Incomplete) else 0
        status.state = "complete" if isinstance(result, Complete) else "incomplete"
        status.problem = _shortfall(result)
        log.info(
            "catalogue synchronised",
            peer=peer_id,
            state=status.state,
            items=status.received,
            missing=status.missing,
            changed=len(changes.changes),
        )


def _with_device_info(own: Item, known: dict[str, str | int | None]) -> Item:
    return replace(own, manufacturer=str(known["manufacturer"] or ""), model=str(known["model"] or "")).storable()


def _shortfall(result: Complete[Item] | Incomplete[Item]) -> Said | None:
    """What an answer lacks, in words for the operator."""
    if isinstance(result, Complete):
        return None
    return words.NO_ANSWER if result.missing is None and not result.items else words.missing_items(result.missing)


def _has_failed(task: asyncio.Task[Response]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


def _wake(question: Question) -> None:
    """Have whoever waits for an answer look around."""
    if not question.answers.full():
        question.answers.put_nowait(None)


async def _next_page(question: Question, deadline: float) -> Command | None:
    """The next answer; None when there was none in time, or the question itself failed."""
    try:
        async with asyncio.timeout_at(deadline):
            return await question.answers.get()
    except TimeoutError:
        return None
