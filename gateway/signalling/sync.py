"""The catalogue of every peer below us, kept equal to theirs: query, collect, store, subscribe, apply notifications.

One synchronisation per peer at a time. An incomplete answer is stored but never deletes (GB/T 28181-2022 Annex M).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from catalog.item import Item
from catalog.pages import Complete, Incomplete, PageCollector
from catalog.store import CatalogStore
from gateway.mapping import event_of, item_of
from gateway.signalling.exchange import Correspondent, Exchange, QuestionRefused
from sip import RemoteError
from sip.manscdp import CatalogNotify, CatalogQuery, CatalogResponse, DeviceInfoQuery, DeviceInfoResponse

log = structlog.get_logger("catalogue")

RETRY_S = (5.0, 30.0, 120.0, 600.0)


@dataclass(slots=True)
class SyncStatus:
    """How the last synchronisation of a peer went. `at` is unix seconds; `missing` items were promised and not sent."""

    state: str = "never"
    at: float = 0.0
    received: int = 0
    promised: int | None = None
    missing: int | None = None
    duplicates: int = 0
    problem: str | None = None
    device_info: dict[str, str | int | None] | None = None


class CatalogueSync:
    """Synchronises the catalogues of peers. `correspondent(peer_id)` is None while the peer is offline."""

    def __init__(
        self,
        exchange: Exchange,
        store: CatalogStore,
        correspondent: Callable[[str], Correspondent | None],
        *,
        first_s: float = 20.0,
        gap_s: float = 5.0,
        interval_s: float = 86_400.0,
    ) -> None:
        self._exchange = exchange
        self._store = store
        self._correspondent = correspondent
        self._first_s = first_s
        self._gap_s = gap_s
        self._interval_s = interval_s
        self._running: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self.status: dict[str, SyncStatus] = {}

    def start(self, peer_id: str) -> None:
        """Synchronise soon; a request during a running one is remembered and follows it."""
        running = self._running.get(peer_id)
        if running is not None and not running.done():
            self._again.add(peer_id)
            return
        self._running[peer_id] = asyncio.create_task(self._keep_synchronised(peer_id), name=f"catalogue of {peer_id}")

    async def stop(self, peer_id: str | None = None) -> None:
        """Stop for one peer (it went offline), or for all."""
        ids = [peer_id] if peer_id is not None else list(self._running)
        tasks = [self._running.pop(one) for one in ids if one in self._running]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def synchronise(self, peer_id: str) -> SyncStatus:
        """One synchronisation now. The status says how it went; nothing is raised for what a peer does."""
        status = self.status.setdefault(peer_id, SyncStatus())
        to = self._correspondent(peer_id)
        if to is None:
            status.state, status.problem = "offline", "the peer is offline"
            return status
        status.state = "running"
        try:
            result = await self._collect(to, status)
        except (RemoteError, QuestionRefused) as error:
            status.state, status.problem, status.at = "failed", str(error), time.time()
            log.warning("catalogue query failed", peer=peer_id, problem=str(error))
            return status
        await self._store_result(peer_id, result, status)
        return status

    async def notified(self, peer_id: str, notify: CatalogNotify) -> None:
        """Apply a change notification; objects it names that nobody knows are worth a query."""
        events = [event_of(item, peer_id) for item in notify.items]
        changes = await self._store.apply_events(peer_id, events)
        if changes.unknown:
            log.info("notified of unknown objects", peer=peer_id, count=len(changes.unknown))
            self.start(peer_id)

    async def _keep_synchronised(self, peer_id: str) -> None:
        failures = 0
        await self._ask_device_info(peer_id)
        while True:
            try:
                status = await self.synchronise(peer_id)
            except Exception:  # task boundary: a database fault must not end the synchronisation for good
                log.exception("synchronisation failed", peer=peer_id)
                status = self.status[peer_id]
                status.state, status.problem = "failed", "internal fault, see the log"
            if peer_id in self._again:
                self._again.discard(peer_id)
                continue
            if status.state == "complete":
                failures = 0
                await asyncio.sleep(self._interval_s)
            else:
                wait = RETRY_S[min(failures, len(RETRY_S) - 1)]
                failures += 1
                await asyncio.sleep(wait)

    async def _ask_device_info(self, peer_id: str) -> None:
        to = self._correspondent(peer_id)
        if to is None:
            return
        try:
            async with self._exchange.question(peer_id, "DeviceInfo") as question:
                await self._exchange.tell(to, DeviceInfoQuery(sn=question.sn, device_id=peer_id))
                answer = await asyncio.wait_for(question.answers.get(), 3)
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

    async def _collect(self, to: Correspondent, status: SyncStatus) -> Complete[Item] | Incomplete[Item]:
        loop = asyncio.get_running_loop()
        async with self._exchange.question(to.id, "Catalog") as question:
            collector: PageCollector[str, Item] = PageCollector(
                question.sn, loop.time(), first_s=self._first_s, gap_s=self._gap_s
            )
            asking = asyncio.create_task(self._exchange.tell(to, CatalogQuery(sn=question.sn, device_id=to.id)))
            try:
                while collector.result is None:
                    deadline = collector.deadline() or loop.time()
                    try:
                        async with asyncio.timeout_at(deadline):
                            page = await question.answers.get()
                    except TimeoutError:
                        collector.expire(loop.time())
                        continue
                    if isinstance(page, CatalogResponse):
                        items = [(wire.device_id, item_of(wire, to.id)) for wire in page.items]
                        collector.feed(page.sum_num, items, loop.time())
                        status.received, status.promised = collector.received, collector.promised
                    if asking.done():
                        asking.result()
            finally:
                if not asking.done() and collector.result is None:
                    asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
            if collector.received == 0 and not asking.cancelled():
                asking.result()
            status.duplicates = collector.duplicates
            assert collector.result is not None
            return collector.result

    async def _store_result(self, peer_id: str, result: Complete[Item] | Incomplete[Item], status: SyncStatus) -> None:
        generation = await self._store.begin_sync(peer_id)
        try:
            await self._store.stage(generation, result.items)
            complete = isinstance(result, Complete) and result.assured
            changes = await self._store.commit_sync(generation, complete=complete)
        except BaseException:
            await self._store.abort_sync(generation)
            raise
        status.at, status.received = time.time(), len(result.items)
        status.missing = result.missing if isinstance(result, Incomplete) else 0
        status.state = "complete" if isinstance(result, Complete) else "incomplete"
        status.problem = (
            None if isinstance(result, Complete) else f"{status.missing or 'unknown many'} items did not come"
        )
        log.info(
            "catalogue synchronised",
            peer=peer_id,
            state=status.state,
            items=status.received,
            missing=status.missing,
            changed=len(changes.changes),
        )
