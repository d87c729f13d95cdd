"""The media side of a node, assembled: worker processes, calls, views, and the reconciler that keeps them true."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.assembly.rtsp import Rtsp
from gateway.assembly.signalling import Signalling
from gateway.calls_store import StoredCalls
from gateway.compliance.books import Books
from gateway.config import Config
from gateway.device_health.session_limit import SessionLimits, SessionPolicy
from gateway.relay.addresses import NodeMediaAddresses
from gateway.relay.pool import Worker, WorkerPool
from gateway.relay.processes import next_epoch, worker_specs
from gateway.relay.reconcile import Reconciler
from gateway.relay.run_directory import run_directory
from gateway.relay.ssrc import SsrcPool
from gateway.relay.traffic import Traffic
from gateway.relay.views import Views
from gateway.signalling.call_environment import CallEnvironment
from gateway.signalling.calls import CallBook
from gateway.signalling.device_sessions import DeviceSessions
from gateway.signalling.live import LiveCalls
from gateway.signalling.requests import Party
from gateway.signalling.upper_call import UpperCall
from gateway.store.stores import Stores
from gateway.store.views import View as StoredView
from gateway.telemetry.ladder import Ladder
from gateway.telemetry.metrics import Metrics
from media.worker.control import AnyEvent, LegStats
from sip.aio import SipStack


class Relay:
    """Everything that carries pictures. What ends is entered in `books`."""

    def __init__(
        self,
        config: Config,
        stores: Stores,
        signalling: Signalling,
        metrics: Metrics,
        ladder: Ladder,
        books: Books,
        rtsp: Rtsp,
    ) -> None:
        self._metrics = metrics
        self._books = books
        self.traffic = Traffic()
        self.addresses = NodeMediaAddresses(signalling.zones.of, signalling.stack, config.media.relay_workers)
        self.pool = WorkerPool(
            worker_specs(config),
            directory=run_directory(config.node.data_dir),
            logs=config.node.data_dir / "run",
            node=config.node.id,
            epoch=next_epoch(config.node.data_dir),
            on_event=self._media_event,
            on_lost=self._worker_lost,
            on_back=self._worker_back,
        )
        self.environment = call_environment(config, stores, signalling.stack, self.addresses, ladder, metrics)
        self.live = LiveCalls(
            self.environment,
            self.pool,
            locate=signalling.directory.locate,
            rtsp=rtsp.calls(self.environment, self.pool),
            want_key_frame=signalling.controls.key_frame,
            upper_ended=self._upper_ended,
            resume=books.resume,
            linger_s=config.media.linger_seconds,
            max_streams=config.media.max_streams,
            sessions=DeviceSessions(SessionLimits(session_policy(config))),
        )
        self.views = self.live.views = Views(
            self.live.hub,
            self.pool,
            stores.views,
            ladder,
            idle_s=config.media.linger_seconds,
            snapshot_s=config.media.snapshot_seconds,
            token_s=config.access.view_token_seconds,
        )
        self.views.on_ended = self._view_ended
        rtsp.reach(self.pool, self.live)
        self.reconciler = Reconciler(
            self.pool,
            self.views,
            self.environment.live_ssrcs,
            leases=self.live.leases,
            calls=self.live.call_ids,
            take=self._take_counters,
        )

    async def _media_event(self, worker: Worker, event: AnyEvent) -> None:
        await self.live.media_event(worker, event)

    async def _worker_lost(self, worker: Worker) -> None:
        self._metrics.worker_restarts.labels(worker.spec.kind).inc()
        await self.live.worker_lost(worker)

    async def _worker_back(self, worker: Worker) -> None:
        await self.live.worker_back(worker)

    def _take_counters(self, worker: Worker, counters: Iterable[LegStats]) -> None:
        legs = list(counters)
        self.live.take(legs)
        self.traffic.take(worker, legs)

    async def _upper_ended(self, call: UpperCall, reason: str) -> None:
        await self._books.closed(call.grant_id, seconds=call.seconds, bytes_sent=call.bytes, reason=reason)

    async def _view_ended(self, record: StoredView, seconds: float, sent: int, reason: str) -> None:
        await self._books.closed(record.grant_id, seconds=seconds, bytes_sent=sent, reason=reason)


def session_policy(config: Config) -> SessionPolicy:
    """What the configuration says of the sessions a device takes."""
    return SessionPolicy(config.media.session_limit_hours * 3600, config.media.session_probe_seconds)


def call_environment(
    config: Config, stores: Stores, stack: SipStack, addresses: NodeMediaAddresses, ladder: Ladder, metrics: Metrics
) -> CallEnvironment:
    """What every call of a node works with."""
    return CallEnvironment(
        me=Party(config.node.id, config.node.realm),
        stack=stack,
        addresses=addresses,
        book=CallBook(StoredCalls(stores.dialogs)),
        live_ssrcs=SsrcPool(config.node.id),
        ladder=ladder,
        metrics=metrics,
        invite_timeout_s=config.sip.invite_timeout_seconds,
        first_packet_s=config.media.first_packet_seconds,
        key_frame_s=config.media.key_frame_seconds,
        silent_s=config.media.silent_seconds,
        gop_cache=config.media.gop_cache_bytes > 0,
    )
