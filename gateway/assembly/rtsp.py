"""Cameras that are called, assembled: what is known of them, the calls to them, and those kept running."""

from __future__ import annotations

from functools import partial

from catalog.store import CatalogStore
from gateway.alarms.book import AlarmBook
from gateway.assembly.onvif import Onvif
from gateway.assembly.upkeep import Upkeep
from gateway.compliance.grant import Grants
from gateway.config import Config
from gateway.relay.pool import WorkerPool
from gateway.rtsp.call import RtspTimes
from gateway.rtsp.calls import RtspCalls
from gateway.rtsp.keeper import RtspKeeper
from gateway.rtsp.sources import RtspSources
from gateway.signalling.call_environment import CallEnvironment
from gateway.signalling.live import LiveCalls
from gateway.store.stores import Stores
from gateway.telemetry.metrics import Metrics
from gateway.zones import Zones

ROUND_S = 1.0


class Rtsp:
    """Made before the calls; `reach` names them once they are there."""

    _keeper: RtspKeeper

    def __init__(
        self, config: Config, stores: Stores, catalog: CatalogStore, grants: Grants, zones: Zones, alarms: AlarmBook
    ) -> None:
        self._config = config
        self._stores = stores
        self._grants = grants
        self.sources = RtspSources(
            stores.devices,
            catalog,
            probe_s=config.rtsp.probe_seconds,
            answer_s=config.rtsp.answer_seconds,
        )
        self.onvif = Onvif(config, stores, catalog, zones, self.sources, alarms)

    def calls(self, environment: CallEnvironment, pool: WorkerPool) -> RtspCalls:
        """What makes the calls to these cameras."""
        times = RtspTimes(self._config.rtsp.answer_seconds, self._config.rtsp.stall_seconds)
        return RtspCalls(environment, pool, times, self.onvif.seen)

    def reach(self, pool: WorkerPool, live: LiveCalls) -> None:
        """The workers to ask, and the calls of the node."""
        self.sources.reach(pool, live.sends, live.peer_offline)
        self.onvif.reach()
        self._keeper = RtspKeeper(self._stores.devices, live.hub, self._grants, channels=self.onvif.channels)

    def measure(self, metrics: Metrics) -> None:
        """Show how many of the cameras are there."""
        for state in self.sources.counts():
            metrics.measure(metrics.rtsp_cameras, (state,), partial(self._count, state))

    def _count(self, state: str) -> float:
        return self.sources.counts()[state]

    def start(self, upkeep: Upkeep) -> None:
        """Follow the configuration, ask the cameras, keep what is to be kept running."""
        self.sources.start()
        self.onvif.start()
        upkeep.every(ROUND_S, self.sources.round)
        upkeep.every(ROUND_S, self._keeper.round)

    async def stop(self) -> None:
        """Ask nobody any more, leave every stream."""
        await self.sources.stop()
        await self._keeper.stop()
        await self.onvif.stop()
