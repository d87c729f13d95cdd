"""Fills the gauges: who is registered, what is in the catalogue, which streams and views run, what has leaked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import Gauge

from catalog import Kind
from catalog.store import CatalogStore
from gateway.compliance.grant import Grants
from gateway.relay.hub import Hub, UpstreamState
from gateway.relay.pool import WorkerPool
from gateway.relay.reconcile import Reconciler
from gateway.signalling.presence import Presence
from gateway.signalling.uplink_status import UplinkState
from gateway.signalling.uplinks import Uplinks
from gateway.store.devices import Devices
from gateway.telemetry.health import LoopLag
from gateway.telemetry.metrics import Metrics

ACTORS = ("user", "upper", "system")
UPLINK_STATES = tuple(state.value for state in UplinkState)
STREAM_STATES = tuple(state.value for state in UpstreamState)


@dataclass(slots=True)
class Gauges:
    """The parts whose state is shown."""

    metrics: Metrics
    devices: Devices
    presence: Presence
    uplinks: Uplinks
    hub: Hub
    grants: Grants
    pool: WorkerPool
    reconciler: Reconciler
    catalog: CatalogStore
    lag: LoopLag

    def sample(self) -> None:
        """Set everything that is known without asking the database."""
        metrics, pool = self.metrics, self.pool
        kinds = (device.kind for device in map(self.devices.get, self._online()) if device is not None)
        _fill(metrics.registered, ("device", "platform"), kinds)
        _fill(
            metrics.uplinks, [state.value for state in UplinkState], (u.status.state.value for u in self.uplinks.all())
        )
        _fill(metrics.streams, [state.value for state in UpstreamState], (s.state.value for s in self.hub.upstreams()))
        _fill(metrics.views, ACTORS, (grant.actor.kind for grant in self.grants.live()))
        for kind in ("relay", "stream", "source"):
            mine = [worker for worker in pool.workers if worker.spec.kind == kind]
            connected = sum(worker.connected for worker in mine)
            metrics.workers.labels(kind, "connected").set(connected)
            metrics.workers.labels(kind, "away").set(len(mine) - connected)
        for what, count in self.reconciler.report.leaked.items():
            metrics.leaks.labels(what).set(count)
        metrics.loop_lag_seconds.set(self.lag.worst)

    async def sample_catalogue(self) -> None:
        """Count the channels; the database is asked."""
        found = (await self.catalog.counts()).get(Kind.CHANNEL)
        online = found.online if found is not None else 0
        self.metrics.channels.labels("online").set(online)
        self.metrics.channels.labels("offline").set(found.total - online if found is not None else 0)

    def _online(self) -> list[str]:
        return [binding.peer_id for binding in self.presence.bindings]


def _fill(gauge: Gauge, labels: Iterable[str], found: Iterable[str]) -> None:
    """Set one gauge for all its labels, also those that nothing has now."""
    counted: Mapping[str, int] = Counter(found)
    for label in labels:
        gauge.labels(label).set(counted.get(label, 0))
