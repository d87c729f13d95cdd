"""The node: everything is built once here, by hand, started in order and stopped in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog

from catalog.store import CatalogStore, SharingStore
from gateway.calls_store import StoredCalls
from gateway.compliance.grant import Grants
from gateway.compliance.ledger import Ledger
from gateway.config import Config
from gateway.errors import Failure, Reason
from gateway.relay.addresses import NodeMediaAddresses
from gateway.relay.hub import StreamKey
from gateway.relay.pool import Worker, WorkerPool, WorkerSpec
from gateway.relay.ssrc import SsrcPool
from gateway.relay.views import Views
from gateway.signalling.bindings import Binding
from gateway.signalling.cascade import Cascade
from gateway.signalling.control import Controls
from gateway.signalling.dialogs import InDialogRequests
from gateway.signalling.directory import Directory
from gateway.signalling.exchange import Exchange
from gateway.signalling.live import LiveCalls
from gateway.signalling.lower_call import CallEnvironment
from gateway.signalling.northbound import Northbound
from gateway.signalling.notifier import CatalogueNotifier
from gateway.signalling.presence import Presence, WentOffline
from gateway.signalling.registrar import Registrar, RegistrarPolicy
from gateway.signalling.requests import Party
from gateway.signalling.router import Router
from gateway.signalling.southbound import Southbound
from gateway.signalling.subscriber import CatalogueSubscriber
from gateway.signalling.sync import CatalogueSync
from gateway.signalling.uplinks import Uplinks
from gateway.signalling.upper_call import UpperCall
from gateway.store.devices import Device
from gateway.store.repository import Change
from gateway.store.stores import Stores
from gateway.store.views import View as StoredView
from gateway.telemetry.ladder import Ladder
from gateway.telemetry.metrics import Metrics
from gateway.web import api_channels, api_views
from gateway.web.context import WebContext
from gateway.web.server import HttpServer, create_app
from media.worker.client import CommandRefused, WorkerGone
from media.worker.control import AnyEvent, SnapshotTaken
from sip import ParseError, parse_message
from sip.aio import Incoming, Peer, SipStack, WireEvent

log = structlog.get_logger("node")

HOUSEKEEPING_S = 1.0


class Node:
    """One running node. Build it with `open`, then `start`, then `stop`."""

    def __init__(self, config: Config, stores: Stores, ledger: Ledger, announce: Callable[[str], None]) -> None:
        self.config = config
        self.stores = stores
        self.ledger = ledger
        self.metrics = Metrics()
        self.ladder = Ladder(config.log.call_traces)
        self.grants = Grants(ledger, lifetime_seconds=config.access.grant_seconds)
        self.catalog = CatalogStore(stores.database.writer, write_turn=stores.database.write_turn)
        self._wire_listeners: list[Callable[[WireEvent], None]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._ports: dict[str, int] = {}
        self._build_signalling()
        self._build_media()
        self._build_desks()
        self.web = WebContext.build(config, stores, ledger, self.grants, self.metrics, announce=announce)
        self.web.upper_state = self.uplinks.state_of
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
        self.stack = SipStack(user_agent=config.sip.user_agent, on_request=self._on_request, on_wire=self._on_wire)
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
        )
        self.environment = CallEnvironment(
            me=Party(config.node.id, config.node.realm),
            stack=self.stack,
            addresses=self.addresses,
            store=StoredCalls(self.stores.dialogs),
            live_ssrcs=SsrcPool(config.node.id),
            ladder=self.ladder,
            invite_timeout_s=config.sip.invite_timeout_seconds,
            first_packet_s=config.media.first_packet_seconds,
            silent_s=config.media.silent_seconds,
        )
        self.live = LiveCalls(
            self.environment,
            self.pool,
            locate=self.directory.locate,
            want_key_frame=self.controls.key_frame,
            upper_ended=self._upper_ended,
            linger_s=config.media.linger_seconds,
        )
        self.views = self.live.views = Views(
            self.live.hub,
            self.pool,
            self.stores.views,
            self.ladder,
            idle_s=config.media.linger_seconds,
            snapshot_s=config.media.snapshot_seconds,
        )
        self.views.on_ended = self._view_ended

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
            realm=config.node.realm, account_of=self.directory.account, policy=registrar_policy(config)
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
        self.metrics.follow("gbgateway_sip_stack", "What the SIP stack counted", "what", self.stack.counters.as_dict)
        self.metrics.follow(
            "gbgateway_sip_router", "Requests, by what became of them", "what", lambda: self.router.counters
        )

    # -- life

    async def start(self) -> None:
        """Listen, adopt or start the workers, carry on what was running, register above, open the API."""
        config = self.config
        for transport in config.sip.transports:
            port = self._ports.get("sip", config.sip.port)
            self._ports["sip"] = await self.stack.listen(
                transport.upper(), config.sip.host, port, advertised_host=config.sip.advertised_host or None
            )
        await self.pool.start()
        for binding in self.presence.restore():
            self._follow_catalogue(binding, resume=True)
        self.notifier.restore()
        self.uplinks.restore()
        self._watch_configuration()
        await self.cascade.start()
        await self.live.restore()
        await self.uplinks.start()
        self._server = HttpServer(
            create_app(self.web, [*api_channels.routes(self), *api_views.routes(self)]), config.http
        )
        self._ports["http"] = await self._server.start()
        self.web.setup.start()
        self._tasks = [
            asyncio.create_task(self._housekeeping(), name="housekeeping"),
            asyncio.create_task(self.stores.registrations.keep_flushing(), name="write registrations"),
            asyncio.create_task(self.stores.uplinks.keep_flushing(), name="write uplinks"),
        ]
        log.info("node ready", id=config.node.id, sip=self._ports["sip"], http=self._ports["http"])

    async def stop(self) -> None:
        """End every call on both sides, unregister, close everything."""
        log.info("node stopping", id=self.config.node.id)
        if self._server is not None:
            await self._server.stop()
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

    async def _housekeeping(self) -> None:
        """Desired state, not hope: once a second, what should have ended is ended."""
        chores: tuple[Callable[[], Awaitable[None]], ...] = (
            self.presence.expire,
            self.notifier.expire,
            self._expire_views,
        )
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            for chore in chores:
                try:
                    await chore()
                except Exception:  # task boundary
                    log.exception("housekeeping failed", chore=getattr(chore, "__qualname__", ""))

    async def _expire_views(self) -> None:
        await self.views.expire(time.time())

    # -- signalling events

    def _on_request(self, incoming: Incoming) -> None:
        self.router.on_request(incoming)

    def on_wire(self, listener: Callable[[WireEvent], None]) -> None:
        """Have `listener` see every SIP message (a trace file)."""
        self._wire_listeners.append(listener)

    def _on_wire(self, event: WireEvent) -> None:
        for listener in self._wire_listeners:
            listener(event)
        try:
            message = parse_message(event.data, datagram=event.peer.transport == "UDP")
            self.ladder.sip(event.direction, message.call_id, message.start_line, str(event.peer))
        except ParseError:
            return

    def _connection_lost(self, peer: Peer) -> None:
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

    async def _upper_ended(self, call: UpperCall, reason: str) -> None:
        await self.northbound.call_ended(call, reason)

    async def _view_ended(self, record: StoredView, seconds: float, sent: int, reason: str) -> None:
        grant = self.grants.get(record.grant_id)
        if grant is not None:
            await self.grants.ended(grant, seconds=seconds, bytes_sent=sent, reason=reason)

    # -- services of the API

    async def snapshot(self, key: StreamKey) -> SnapshotTaken:
        return await self.views.snapshot(key)

    def stream_url(self, key: StreamKey) -> str:
        """Base address of the browser streams."""
        media = self.config.media
        if media.public_url:
            return media.public_url.rstrip("/")
        host = media.http_host if media.http_host not in ("0.0.0.0", "::") else "127.0.0.1"
        return f"http://{host}:{media.http_port}"

    async def stream_status(self) -> list[dict[str, Any]]:
        """Every stream coming in, its readers and the counters of its legs."""
        counters: dict[str, Any] = {}
        for worker in self.pool.workers:
            if worker.spec.kind == "relay":
                with contextlib.suppress(CommandRefused, WorkerGone, TimeoutError):
                    counters |= {entry.leg: entry for entry in await worker.link.leg_stats()}
        rows = []
        for call in self.live.lower_calls:
            stream = self.live.hub.get(call.key)
            rows.append(
                {
                    "id": call.id,
                    "peer_id": call.key.peer_id,
                    "code": call.key.code,
                    "state": stream.state.value if stream is not None else "ended",
                    "transport": call.target.transport,
                    "ssrc": call.ssrc,
                    "worker": call.worker_name,
                    "readers": len(stream.readers) if stream is not None else 0,
                    "source": _counters(counters.get(call.source_leg)),
                    "sinks": [
                        {"upper_id": up.upper_id, "transport": up.transport, **_counters(counters.get(up.leg))}
                        for up in self.live.upper_calls
                        if up.key == call.key
                    ],
                }
            )
        return rows

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


def _counters(entry: Any) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in entry.__struct_fields__} if entry is not None else {}


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


def worker_specs(config: Config) -> list[WorkerSpec]:
    """The worker processes of a configuration; each relay worker has its own part of the port range."""
    media = config.media
    share = (media.port_max - media.port_min + 1) // media.relay_workers // 2 * 2
    specs = []
    for number in range(media.relay_workers):
        first = media.port_min + number * share
        ports = ("--port-min", str(first), "--port-max", str(first + share - 1))
        specs.append(WorkerSpec("relay", f"relay-{number + 1}", "media.worker.relay", ports))
    for number in range(media.stream_workers):
        address = f"{media.http_host}:{media.http_port + number if media.http_port else 0}"
        specs.append(WorkerSpec("stream", f"stream-{number + 1}", "media.worker.stream", ("--http", address)))
    return specs


def next_epoch(data_dir: Path) -> int:
    """A number that grows with every start: workers obey the newest control process only."""
    path = data_dir / "epoch"
    try:
        epoch = int(path.read_text()) + 1
    except (OSError, ValueError):
        epoch = int(time.time())
    draft = path.with_name(f"epoch.{secrets.token_hex(4)}")
    draft.write_text(str(epoch))
    draft.replace(path)
    return epoch
