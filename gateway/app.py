"""The node: everything is built once here, by hand, started in order and stopped in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog

from catalog.store import CatalogStore, SharingStore
from gateway.calls_store import StoredCalls
from gateway.compliance.access import Denial
from gateway.compliance.books import Books
from gateway.compliance.entry import Entry
from gateway.compliance.grant import Grant, Grants
from gateway.compliance.ledger import Ledger
from gateway.config import Config
from gateway.errors import Failure, Reason
from gateway.relay.addresses import NodeMediaAddresses, stream_base
from gateway.relay.hub import StreamKey
from gateway.relay.pool import Worker, WorkerPool, WorkerUnavailable
from gateway.relay.processes import next_epoch, worker_specs
from gateway.relay.reconcile import Reconciler
from gateway.relay.ssrc import SsrcPool
from gateway.relay.traffic import Traffic
from gateway.relay.views import Views
from gateway.signalling.bindings import Binding
from gateway.signalling.call_environment import CallEnvironment
from gateway.signalling.calls import CallBook
from gateway.signalling.cascade import Cascade
from gateway.signalling.control import Controls
from gateway.signalling.dialogs import InDialogRequests
from gateway.signalling.directory import Directory
from gateway.signalling.exchange import Exchange
from gateway.signalling.live import LiveCalls
from gateway.signalling.northbound import Northbound
from gateway.signalling.notifier import CatalogueNotifier
from gateway.signalling.presence import Presence, WentOffline
from gateway.signalling.registrar import Registrar, RegistrarPolicy
from gateway.signalling.requests import Party
from gateway.signalling.router import Router
from gateway.signalling.southbound import Southbound
from gateway.signalling.stream_status import stream_status
from gateway.signalling.subscriber import CatalogueSubscriber
from gateway.signalling.sync import CatalogueSync
from gateway.signalling.uplinks import Uplinks
from gateway.signalling.upper_call import UpperCall
from gateway.store.devices import Device
from gateway.store.repository import Change
from gateway.store.stores import Stores
from gateway.store.views import View as StoredView
from gateway.telemetry.gauges import Gauges
from gateway.telemetry.health import DatabaseProbe, LoopLag, check_workers
from gateway.telemetry.ladder import Ladder
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.sip_watch import SipWatch
from gateway.web import api_channels, api_views
from gateway.web.context import WebContext
from gateway.web.server import HttpServer, create_app
from gateway.withdrawal import Withdrawals
from media.worker.control import AnyEvent, LegStats, SnapshotTaken
from sip.aio import Incoming, Peer, SipStack, WireEvent
from sip.limits import Limits

log = structlog.get_logger("node")

HOUSEKEEPING_S = 1.0
RECONCILE_S = 5.0
CATALOGUE_COUNT_S = 60.0
CHORE_END_S = 5.0


class Node:
    """One running node. Build it with `open`, then `start`, then `stop`."""

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
        self.traffic = Traffic()
        self.catalog = CatalogStore(stores.database.writer, write_turn=stores.database.write_turn)
        self._tasks: list[asyncio.Task[None]] = []
        self._chores_running: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._ports: dict[str, int] = {}
        self._build_signalling()
        self._build_media()
        self._build_desks()
        self._build_watch()
        self.web = WebContext.build(config, stores, ledger, self.grants, self.metrics, announce=announce)
        self.web.upper_state = self.uplinks.state_of
        self.web.checks.update(
            workers=lambda: check_workers(self.pool), database=self.database.check, loop=self.lag.check
        )
        self._server: HttpServer | None = None

    @classmethod
    async def open(cls, config: Config, *, announce: Callable[[str], None]) -> Node:
        """Open the databases and build the node; nothing listens yet."""
        config.node.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        stores = await Stores.open(config.node.data_dir)
        ledger = await asyncio.to_thread(Ledger.open, config.node.data_dir)
        return cls(config, stores, ledger, announce)

    def _build_signalling(self) -> None:
        config, stores = self.config, self.stores
        me = Party(config.node.id, config.node.realm)
        self.stack = SipStack(
            user_agent=config.sip.user_agent,
            on_request=self._on_request,
            on_wire=self.watch.on_wire,
            limits=Limits(max_connections=config.sip.max_connections),
            # GB/T 28181-2022 Annex I: in every answer to REGISTER, success or failure, whoever makes it.
            answer_headers={"REGISTER": [("X-GB-Ver", "3.0" if config.node.edition == "2022" else "2.0")]},
        )
        self.stack.on_connection_lost = self._connection_lost
        self.presence = Presence(
            stores.registrations,
            keepalive_s=config.registrar.keepalive_interval_seconds,
            misses=config.registrar.keepalive_misses,
            on_online=self._peer_online,
            on_offline=self._peer_offline,
        )
        self.uplinks = Uplinks(stores.uppers, stores.uplinks, self.stack, on_change=self._uplink_changed)
        self.directory = Directory(config, stores.devices, stores.uppers, self.presence.bindings, self.uplinks.get)
        self.uplinks.target_of = self.directory.uplink_target
        self.exchange = Exchange(self.stack, me, answer_s=config.sip.request_timeout_seconds)
        self.sync = CatalogueSync(
            self.exchange,
            self.catalog,
            self.directory.lower,
            first_s=config.catalog.first_answer_seconds,
            gap_s=config.catalog.next_answer_seconds,
            interval_s=config.catalog.sync_interval_seconds or 10 * 365 * 86_400,
            took=self.metrics.sync_seconds.observe,
            own_item=self.directory.own_item,
        )
        self.subscriber = CatalogueSubscriber(
            self.stack,
            me,
            stores.subscriptions,
            self.directory.lower,
            next_sn=self.exchange.next_sn,
            expires_s=config.catalog.subscribe_expires_seconds,
        )
        self.controls = Controls(self.exchange, self.directory.lower)

    def _build_media(self) -> None:
        config = self.config
        self.addresses = NodeMediaAddresses(config.media, self.stack)
        self.pool = WorkerPool(
            worker_specs(config),
            directory=config.node.data_dir / "run",
            node=config.node.id,
            epoch=next_epoch(config.node.data_dir),
            on_event=self._media_event,
            on_lost=self._worker_lost,
            on_back=self._worker_back,
        )
        self.environment = CallEnvironment(
            me=Party(config.node.id, config.node.realm),
            stack=self.stack,
            addresses=self.addresses,
            book=CallBook(StoredCalls(self.stores.dialogs)),
            live_ssrcs=SsrcPool(config.node.id),
            ladder=self.ladder,
            metrics=self.metrics,
            invite_timeout_s=config.sip.invite_timeout_seconds,
            first_packet_s=config.media.first_packet_seconds,
            key_frame_s=config.media.key_frame_seconds,
            silent_s=config.media.silent_seconds,
            gop_cache=config.media.gop_cache_bytes > 0,
        )
        self.live = LiveCalls(
            self.environment,
            self.pool,
            locate=self.directory.locate,
            want_key_frame=self.controls.key_frame,
            upper_ended=self._upper_ended,
            resume=self.books.resume,
            linger_s=config.media.linger_seconds,
            max_streams=config.media.max_streams,
        )
        self.views = self.live.views = Views(
            self.live.hub,
            self.pool,
            self.stores.views,
            self.ladder,
            idle_s=config.media.linger_seconds,
            snapshot_s=config.media.snapshot_seconds,
            token_s=config.access.view_token_seconds,
        )
        self.views.on_ended = self._view_ended
        self.reconciler = Reconciler(
            self.pool,
            self.views,
            self.environment.live_ssrcs,
            leases=self.live.leases,
            calls=self.live.call_ids,
            take=self._take_counters,
        )

    def _build_desks(self) -> None:
        config, stores = self.config, self.stores
        self.cascade = Cascade(
            self.catalog,
            SharingStore(stores.database.writer, write_turn=stores.database.write_turn),
            stores.uppers,
            stores.rules,
            self.exchange,
            self.directory.upper,
            self.directory.local_id,
            node_name=config.node.name,
            node_address=config.node.address,
            items_per_message=(config.catalog.items_per_udp_message, config.catalog.items_per_tcp_message),
        )
        self.notifier = CatalogueNotifier(
            self.stack,
            stores.subscriptions,
            self.directory.upper,
            self.cascade.offline_items,
            scope=self.cascade.codes_in,
        )
        self.cascade.notify = self.notifier.notify
        registrar = Registrar(
            realm=config.node.realm,
            account_of=self.directory.account,
            binding_of=self.presence.bindings.get,
            policy=registrar_policy(config),
        )
        self.metrics.follow("gbgateway_registrar", "REGISTER requests, by outcome", "what", lambda: registrar.counters)
        self.southbound = Southbound(registrar, self.presence, self.exchange, self.sync, enrol=self.directory.enrol)
        self.northbound = Northbound(
            node_name=config.node.name,
            uppers=stores.uppers,
            correspondent=self.directory.upper,
            exchange=self.exchange,
            cascade=self.cascade,
            notifier=self.notifier,
            controls=self.controls,
            live=self.live,
            grants=self.grants,
            is_secret=self._is_secret,
        )
        self.router = Router(
            self.southbound,
            self.northbound,
            InDialogRequests(self.live),
            self.presence.bindings,
            self.directory.upper_addresses,
            heard=self.presence.heard,
        )
        self.withdrawals = Withdrawals(
            self.grants,
            stores.users,
            stores.uppers,
            stores.rules,
            self.catalog,
            shown=self.cascade.shared,
            end=self._withdraw,
        )

    def _build_watch(self) -> None:
        metrics, stack = self.metrics, self.stack
        metrics.follow("gbgateway_sip_stack", "What the SIP stack counted", "what", stack.counters.as_dict)
        metrics.follow("gbgateway_sip_router", "Requests, by what became of them", "what", lambda: self.router.counters)
        metrics.follow(
            "gbgateway_relay_packets", "RTP packets of the relay workers", "what", lambda: self.traffic.totals
        )
        self.ledger.on_written = self._entered
        self.gauges = Gauges(
            metrics=metrics,
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
        config = self.config
        self._ports["sip"] = await self.stack.listen_on_one_number(
            [transport.upper() for transport in config.sip.transports],
            config.sip.host,
            config.sip.port,
            advertised_host=config.sip.advertised_host or None,
        )
        await self.pool.start()
        for binding in self.presence.restore():
            self._follow_catalogue(binding, resume=True)
        self.notifier.restore()
        self.uplinks.restore()
        self._watch_configuration()
        await self.cascade.start()
        self.withdrawals.start()
        await self.live.restore()
        await self.uplinks.start()
        self._server = HttpServer(
            create_app(self.web, [*api_channels.routes(self), *api_views.routes(self)]), config.http
        )
        self._ports["http"] = await self._server.start()
        self.web.setup.start()
        self._tasks = [
            asyncio.create_task(self.lag.keep_measuring(), name="loop lag"),
            asyncio.create_task(self.stores.registrations.keep_flushing(), name="write registrations"),
            asyncio.create_task(self.stores.uplinks.keep_flushing(), name="write uplinks"),
        ]
        self._chores_running = [
            asyncio.create_task(self._repeat(every_s, chore), name=chore.__qualname__)
            for every_s, chore in self._chores()
        ]
        log.info("node ready", id=config.node.id, sip=self._ports["sip"], http=self._ports["http"])

    async def stop(self) -> None:
        """End every call on both sides, unregister, close everything."""
        log.info("node stopping", id=self.config.node.id)
        # Chores come to their end: one broken off in the middle would leave its database connection open.
        self._stopping.set()
        if self._chores_running:
            _, late = await asyncio.wait(self._chores_running, timeout=CHORE_END_S)
            for task in late:
                task.cancel()
        if self._server is not None:
            await self._server.stop()
        await self.withdrawals.stop()
        await self.live.close()
        await self.router.close()
        await self.uplinks.stop()
        await self.sync.stop()
        await self.subscriber.stop()
        await self.notifier.close()
        await self.cascade.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
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

    def _chores(self) -> list[tuple[float, Callable[[], Awaitable[object]]]]:
        """Desired state, not hope: what should have ended is ended, what should be there is looked for."""
        return [
            (HOUSEKEEPING_S, self.presence.expire),
            (HOUSEKEEPING_S, self.notifier.expire),
            (HOUSEKEEPING_S, self.expire_uses),
            (HOUSEKEEPING_S, self._sample),
            (RECONCILE_S, self.reconciler.round),
            (RECONCILE_S, self.withdrawals.look_at_all),
            (RECONCILE_S, self.database.probe),
            (CATALOGUE_COUNT_S, self.gauges.sample_catalogue),
        ]

    async def _repeat(self, every_s: float, chore: Callable[[], Awaitable[object]]) -> None:
        while not self._stopping.is_set():
            try:
                await chore()
            except Exception:  # task boundary: the next round may succeed
                log.exception("housekeeping failed", chore=getattr(chore, "__qualname__", ""))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), every_s)

    async def _sample(self) -> None:
        self.gauges.sample()

    async def expire_uses(self) -> None:
        """End the views and the calls of upper platforms whose grant is over, and the addresses nobody opened."""
        now = time.time()
        await self.views.expire(now)
        for grant in self.books.expired(now):
            await self._end_use(grant, Failure(Reason.EXPIRED))

    async def _withdraw(self, grant: Grant, denial: Denial) -> None:
        await self._end_use(grant, Failure(Reason.FORBIDDEN, denial.message, detail_zh=denial.message_zh))

    async def _end_use(self, grant: Grant, failure: Failure) -> None:
        """End the view or the call under a grant, and the grant itself should nothing be left under it."""
        await self.views.close_grant(grant.id, failure.step)
        await self.live.end_grant(grant.id, failure)
        seconds = time.time() - grant.issued_at
        await self.books.closed(grant.id, seconds=seconds, bytes_sent=0, reason=failure.step)

    # -- signalling events

    def _on_request(self, incoming: Incoming) -> None:
        self.router.on_request(incoming)

    def on_wire(self, listener: Callable[[WireEvent], None]) -> None:
        """Have `listener` see every SIP message (a trace file)."""
        self.watch.listeners.append(listener)

    def _connection_lost(self, peer: Peer) -> None:
        self.uplinks.connection_lost(peer)
        self._spawn(self.presence.connection_lost(peer), f"connection lost {peer}")

    async def _peer_online(self, binding: Binding) -> None:
        await self.catalog.set_peer_status(binding.peer_id, True)
        self._follow_catalogue(binding, resume=False)

    def _follow_catalogue(self, binding: Binding, *, resume: bool) -> None:
        """Keep the catalogue of an online peer: query now (a restart trusts what is stored), subscribe."""
        device = self.stores.devices.get(binding.peer_id)
        if device is None:
            return
        if self.config.catalog.sync_on_register and not resume:
            self.sync.start(binding.peer_id)
        if self.config.catalog.subscribe and device.kind == "platform":
            self.subscriber.start(binding.peer_id, resume=resume)

    async def _peer_offline(self, news: WentOffline) -> None:
        await self.sync.stop(news.peer_id)
        await self.subscriber.stop(news.peer_id)
        await self.catalog.set_peer_status(news.peer_id, False, who=news.reason)
        await self.live.peer_offline(news.peer_id, Failure(Reason.DEVICE_OFFLINE, news.reason, peer_id=news.peer_id))

    async def _uplink_changed(self, upper_id: str, registered: bool) -> None:
        if not registered:
            await self.live.upper_offline(upper_id, Failure(Reason.TIMEOUT, "the upper platform is gone"))
            await self.notifier.upper_gone(upper_id)

    def _watch_configuration(self) -> None:
        self.stores.devices.on_change(self._device_changed)
        self.stores.uppers.on_change(self.uplinks.changed)

    def _device_changed(self, change: Change[Device]) -> None:
        """A device that was removed, disabled or given another password has to prove itself again."""
        after, before = change.after, change.before
        if before is not None and (after is None or not after.enabled or after.password != before.password):
            self._spawn(self.presence.removed([change.id]), f"device {change.id} changed")
        if after is None:
            self._spawn(self._forget_catalogue(change.id), f"forget {change.id}")

    async def _forget_catalogue(self, peer_id: str) -> None:
        await self.catalog.forget_peer(peer_id, who="device removed")

    async def _is_secret(self, key: StreamKey) -> bool:
        stored = await self.catalog.get(key.peer_id, key.code)
        return stored is not None and stored.item.is_secret

    # -- media events

    async def _media_event(self, worker: Worker, event: AnyEvent) -> None:
        await self.live.media_event(worker, event)

    async def _worker_lost(self, worker: Worker) -> None:
        self.metrics.worker_restarts.labels(worker.spec.kind).inc()
        await self.live.worker_lost(worker)

    async def _worker_back(self, worker: Worker) -> None:
        await self.live.worker_back(worker)

    def _take_counters(self, worker: Worker, counters: Iterable[LegStats]) -> None:
        legs = list(counters)
        self.live.take(legs)
        self.traffic.take(worker, legs)

    # -- the ledger

    def _entered(self, entry: Entry) -> None:
        self.metrics.ledger_entries.labels(entry.result).inc()

    async def _upper_ended(self, call: UpperCall, reason: str) -> None:
        await self.books.closed(call.grant_id, seconds=call.seconds, bytes_sent=call.bytes, reason=reason)

    async def _view_ended(self, record: StoredView, seconds: float, sent: int, reason: str) -> None:
        await self.books.closed(record.grant_id, seconds=seconds, bytes_sent=sent, reason=reason)

    # -- services of the API

    async def snapshot(self, key: StreamKey, grant: Grant) -> SnapshotTaken:
        return await self.views.snapshot(key, grant)

    def stream_url(self, key: StreamKey, seen_host: str) -> str:
        """Base address of a stream at the worker that carries it, for a viewer who reached the API at `seen_host`."""
        try:
            port = self.views.inputs.home(key).link.hello.http_port
        except WorkerUnavailable as error:
            raise Failure(Reason.WORKER_LOST, str(error), channel=key.code) from error
        return stream_base(self.config.media, port, seen_host)

    async def stream_status(self) -> list[dict[str, Any]]:
        """Every stream coming in, its readers and the counters of its legs."""
        return await stream_status(self.live, self.pool, self.traffic)

    def _spawn(self, work: Awaitable[None], name: str) -> None:
        async def run() -> None:
            try:
                await work
            except Exception:  # task boundary
                log.exception("background work failed", work=name)

        task = asyncio.get_running_loop().create_task(run(), name=name)
        _background.add(task)
        task.add_done_callback(_background.discard)


_background: set[asyncio.Task[None]] = set()


def registrar_policy(config: Config) -> RegistrarPolicy:
    """What the configuration says of registrations."""
    return RegistrarPolicy(
        default_expires_s=config.registrar.default_expires_seconds,
        min_expires_s=config.registrar.min_expires_seconds,
        max_expires_s=config.registrar.max_expires_seconds,
        nonce_lifetime_s=config.registrar.nonce_lifetime_seconds,
        failures_allowed=config.sip.ban_after_failures,
        failure_window_s=config.sip.ban_seconds,
        strict_codes=config.sip.strict_codes,
        gb_version="3.0" if config.node.edition == "2022" else "2.0",
    )
