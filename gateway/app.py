"""The node: its parts are built by hand, once, in :mod:`gateway.assembly`; here they start and stop in order."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog

from catalog.store import CatalogStore
from gateway.alarms.book import AlarmBook
from gateway.assembly.desks import Desks
from gateway.assembly.news import News
from gateway.assembly.relay import Relay
from gateway.assembly.rtsp import Rtsp
from gateway.assembly.signalling import Signalling
from gateway.assembly.upkeep import Upkeep
from gateway.assembly.uses import Uses
from gateway.compliance.books import Books
from gateway.compliance.entry import Entry
from gateway.compliance.grant import Grant, Grants
from gateway.compliance.ledger import Ledger
from gateway.config import Config
from gateway.errors import Failure, Reason
from gateway.relay.addresses import stream_base
from gateway.relay.hub import StreamKey
from gateway.relay.pool import WorkerUnavailable
from gateway.signalling.stream_status import stream_status
from gateway.store.stores import Stores
from gateway.telemetry.gauges import Gauges
from gateway.telemetry.health import DatabaseProbe, LoopLag
from gateway.telemetry.ladder import Ladder
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.sip_watch import SipWatch
from gateway.withdrawal import Withdrawals
from media.worker.control import SnapshotTaken
from sip.aio import Incoming, WireEvent

if TYPE_CHECKING:
    from gateway.web.context import WebContext
    from gateway.web.server import HttpServer

log = structlog.get_logger("node")

HOUSEKEEPING_S = 1.0
RECONCILE_S = 5.0
CATALOGUE_COUNT_S = 60.0


class Node:
    """One running node. Build it with `open`, then `start`, then `stop`."""

    web: WebContext

    def __init__(self, config: Config, stores: Stores, ledger: Ledger, announce: Callable[[str], None]) -> None:
        self.config = config
        self.stores = stores
        self.ledger = ledger
        self.metrics = Metrics()
        self.ladder = Ladder(config.log.call_traces)
        self.grants = Grants(ledger, lifetime_seconds=config.access.grant_seconds)
        self.books = Books(self.grants)
        self.watch = SipWatch(self.metrics, self.ladder)
        self.lag = LoopLag()
        self.database = DatabaseProbe(stores.database)
        self.catalog = CatalogStore(stores.database.writer, write_turn=stores.database.write_turn)
        self.upkeep = Upkeep()
        self._ports: dict[str, int] = {}
        self._build_parts()
        self._build_watch()
        self._announce = announce
        self._server: HttpServer | None = None

    @classmethod
    async def open(cls, config: Config, *, announce: Callable[[str], None]) -> Node:
        """Open the databases and build the node; nothing listens yet."""
        config.node.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        async with contextlib.AsyncExitStack() as opened:
            stores = await Stores.open(config.node.data_dir)
            opened.push_async_callback(stores.close)
            ledger = await asyncio.to_thread(Ledger.open, config.node.data_dir)
            opened.push_async_callback(ledger.close)
            node = cls(config, stores, ledger, announce)
            opened.pop_all()
        return node

    def _build_parts(self) -> None:
        config, stores, catalog = self.config, self.stores, self.catalog
        self.news = News(config, stores, catalog, self.upkeep)
        signalling = Signalling(config, stores, catalog, self.metrics, self.watch, self.news, self._on_request)
        self.stack, self.presence, self.uplinks = signalling.stack, signalling.presence, signalling.uplinks
        self.zones = signalling.zones
        self.health = signalling.health
        self.directory, self.exchange = signalling.directory, signalling.exchange
        self.sync, self.subscriber, self.controls = signalling.sync, signalling.subscriber, signalling.controls

        self.alarms = AlarmBook()
        self.rtsp = Rtsp(config, stores, catalog, self.grants, self.zones.zones, self.alarms)
        self.onvif = self.rtsp.onvif
        self.directory.onvif_target = self.onvif.cameras.target
        self.controls.elsewhere = self.onvif.carries_out
        relay = Relay(config, stores, signalling, self.metrics, self.ladder, self.books, self.rtsp)
        self.addresses, self.environment, self.traffic = relay.addresses, relay.environment, relay.traffic
        self.pool, self.live, self.views, self.reconciler = relay.pool, relay.live, relay.views, relay.reconciler

        desks = Desks(config, stores, catalog, signalling, self.live, self.grants, self.alarms, self.onvif.firmware)
        self.cascade, self.notifier, self.registrar = desks.cascade, desks.notifier, desks.registrar
        self.router, self.alarm_forwarder = desks.router, desks.alarm_forwarder
        self.news.reach(signalling, self.live, self.notifier)

        self.uses = Uses(self.views, self.live, self.books)
        self.withdrawals = Withdrawals(
            self.grants,
            stores.users,
            stores.uppers,
            stores.rules,
            catalog,
            shown=self.cascade.shared,
            end=self.uses.withdraw,
        )

    def _build_watch(self) -> None:
        follow = self.metrics.follow
        follow("gbgateway_registrar", "REGISTER requests, by outcome", "what", lambda: self.registrar.counters)
        follow("gbgateway_sip_stack", "What the SIP stack counted", "what", self.stack.counters.as_dict)
        follow("gbgateway_sip_router", "Requests, by what became of them", "what", lambda: self.router.counters)
        follow("gbgateway_relay_packets", "RTP packets of the relay workers", "what", lambda: self.traffic.totals)
        follow("gbgateway_alarms", "Alarms heard of, by what became of them", "what", lambda: self.alarms.counters)
        follow("gbgateway_alarms_sent", "Alarms on their way up", "what", lambda: self.alarm_forwarder.counters)
        self.rtsp.measure(self.metrics)
        self.ledger.on_written = self._entered
        self.gauges = Gauges(
            metrics=self.metrics,
            devices=self.stores.devices,
            presence=self.presence,
            uplinks=self.uplinks,
            hub=self.live.hub,
            grants=self.grants,
            pool=self.pool,
            reconciler=self.reconciler,
            catalog=self.catalog,
            lag=self.lag,
        )

    # -- life

    async def start(self) -> None:
        """Listen, adopt or start the workers, carry on what was running, register above, open the API."""
        config, stores = self.config, self.stores
        self._ports["sip"] = await self.zones.listen(self.stack, config.sip.transports)
        # The API takes about as long to load as the workers to start.
        await asyncio.gather(self.pool.start(), asyncio.to_thread(importlib.import_module, "gateway.assembly.http"))
        self.health.recall([(one, why) for one, why in await stores.offline.last_of_all() if one in stores.devices])
        for binding in self.presence.restore():
            self.news.follow_catalogue(binding, resume=True)
        self.notifier.restore()
        self.uplinks.restore()
        self.news.watch_configuration()
        await self.cascade.start()
        self.withdrawals.start()
        await self.live.restore()
        await self.uplinks.start()
        self._ports["http"] = await self._open_api()
        self._begin_upkeep()
        log.info("node ready", id=config.node.id, sip=self._ports["sip"], http=self._ports["http"])

    async def _open_api(self) -> int:
        from gateway.assembly.http import http_server, web_context

        self.web = web_context(self, self._announce)
        self._server = http_server(self)
        port = await self._server.start()
        self.web.setup.start()
        return port

    def _begin_upkeep(self) -> None:
        upkeep = self.upkeep
        upkeep.keep(self.lag.keep_measuring(), "loop lag")
        upkeep.keep(self.stores.registrations.keep_flushing(), "write registrations")
        upkeep.keep(self.stores.uplinks.keep_flushing(), "write uplinks")
        upkeep.every(HOUSEKEEPING_S, self.presence.expire)
        upkeep.every(HOUSEKEEPING_S, self.stores.offline.flush)
        upkeep.every(HOUSEKEEPING_S, self.notifier.expire)
        upkeep.every(HOUSEKEEPING_S, self.uses.expire)
        upkeep.every(HOUSEKEEPING_S, self._sample)
        upkeep.every(RECONCILE_S, self.reconciler.round)
        upkeep.every(RECONCILE_S, self.withdrawals.look_at_all)
        upkeep.every(RECONCILE_S, self.database.probe)
        upkeep.every(CATALOGUE_COUNT_S, self.gauges.sample_catalogue)
        self.rtsp.start(upkeep)

    async def stop(self) -> None:
        """End every call on both sides, unregister, close everything."""
        log.info("node stopping", id=self.config.node.id)
        await self.upkeep.end_chores()
        if self._server is not None:
            await self._server.stop()
        await self.withdrawals.stop()
        await self.rtsp.stop()
        await self.live.close()
        await self.router.close()
        await self.alarm_forwarder.stop()
        await self.uplinks.stop()
        await self.sync.stop()
        await self.subscriber.stop()
        await self.notifier.close()
        await self.cascade.stop()
        await self.upkeep.stop()
        await self.pool.stop()
        await self.stack.close()
        await self.ledger.close()
        await self.stores.close()

    @property
    def sip_port(self) -> int:
        return self._ports["sip"]

    @property
    def http_port(self) -> int:
        return self._ports["http"]

    def on_wire(self, listener: Callable[[WireEvent], None]) -> None:
        """Have `listener` see every SIP message (a trace file)."""
        self.watch.listeners.append(listener)

    def _on_request(self, incoming: Incoming) -> None:
        self.router.on_request(incoming)

    async def _sample(self) -> None:
        self.gauges.sample()

    def _entered(self, entry: Entry) -> None:
        self.metrics.ledger_entries.labels(entry.result).inc()

    # -- services of the API

    async def snapshot(self, key: StreamKey, grant: Grant) -> SnapshotTaken:
        picture = await self.onvif.snapshots.take(key, grant)
        return picture if picture is not None else await self.views.snapshot(key, grant)

    def stream_url(self, key: StreamKey, seen_host: str, viewer: str) -> str:
        """Base address of a stream at the worker that carries it, for a viewer at the address `viewer` who reached the
        API at `seen_host`."""
        try:
            port = self.views.inputs.home(key).link.hello.http_port
        except WorkerUnavailable as error:
            raise Failure(Reason.WORKER_LOST, str(error), channel=key.code) from error
        zone = self.zones.zones.of_host(viewer)
        return stream_base(zone.public_url, self.config.media.http_host, port, seen_host)

    async def stream_status(self) -> list[dict[str, Any]]:
        """Every stream coming in, its readers and the counters of its legs."""
        return await stream_status(self.live, self.pool, self.traffic)
