"""Prometheus metrics of one node. Names say the unit; labels have few values (never an id)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from gateway.errors import Failure

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """A registry of its own (several nodes can live in one process) and the metrics in it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.sip_requests = self._counter("gbgateway_sip_requests", "Final answers sent, by method", "method", "status")
        self.sip_sent = self._counter("gbgateway_sip_sent", "Final answers received, by method", "method", "status")
        self.failures = self._counter("gbgateway_failures", "Operations that failed, by step", "reason", "operation")
        self.registered = self._gauge("gbgateway_registered_peers", "Peers with a live registration", "kind")
        self.uplinks = self._gauge("gbgateway_uplinks", "Upper platforms, by state of our registration", "state")
        self.channels = self._gauge("gbgateway_channels", "Channels in the catalogue", "status")
        self.streams = self._gauge("gbgateway_streams", "Streams from devices, by state", "state")
        self.views = self._gauge("gbgateway_views", "Uses under a grant, by kind of actor", "actor")
        self.rtsp_cameras = self._gauge("gbgateway_rtsp_cameras", "Cameras that speak RTSP only, by state", "state")
        self.leaks = self._gauge("gbgateway_leaked_leases", "Leases without an owner; anything but 0 is a bug", "kind")
        self.workers = self._gauge("gbgateway_workers", "Media workers, by state", "kind", "state")
        self.worker_restarts = self._counter("gbgateway_worker_restarts", "Media workers restarted", "kind")
        self.loop_lag_seconds = self._gauge("gbgateway_loop_lag_seconds", "Worst lateness of the event loop lately")
        self.ledger_entries = self._counter("gbgateway_ledger_entries", "Ledger entries written", "result")
        self.logins = self._counter("gbgateway_logins", "Logins, by outcome", "outcome")
        self.http_requests = self._counter("gbgateway_http_requests", "HTTP requests", "method", "status")
        self.http_seconds = self._histogram("gbgateway_http_seconds", "Duration of HTTP requests")
        self.sync_seconds = self._histogram("gbgateway_sync_seconds", "Duration of catalogue synchronisations")
        self.first_packet_seconds = self._histogram("gbgateway_first_packet_seconds", "From INVITE to first packet")
        self.first_frame_seconds = self._histogram("gbgateway_first_frame_seconds", "From INVITE to first key frame")

    def failed(self, failure: Failure, operation: str) -> None:
        """Count a failure at its step."""
        self.failures.labels(failure.step, operation).inc()

    def measure(self, gauge: Gauge, labels: tuple[str, ...], read: Callable[[], float]) -> None:
        """Let ``gauge`` with ``labels`` be read from ``read`` when it is asked for."""
        (gauge.labels(*labels) if labels else gauge).set_function(read)

    def follow(self, name: str, doc: str, label: str, read: Callable[[], Mapping[str, int]]) -> None:
        """Show the counts that ``read`` gives, by name, as one counter: what a part counts by itself is seen too."""
        self.registry.register(_Followed(name, doc, label, read))

    def exposition(self) -> bytes:
        """The text a Prometheus server reads."""
        return generate_latest(self.registry)

    def _counter(self, name: str, doc: str, *labels: str) -> Counter:
        return Counter(name, doc, labels, registry=self.registry)

    def _gauge(self, name: str, doc: str, *labels: str) -> Gauge:
        return Gauge(name, doc, labels, registry=self.registry)

    def _histogram(self, name: str, doc: str) -> Histogram:
        return Histogram(name, doc, buckets=_SECONDS, registry=self.registry)


class _Followed(Collector):
    """Counts somebody else keeps."""

    def __init__(self, name: str, doc: str, label: str, read: Callable[[], Mapping[str, int]]) -> None:
        self._name, self._doc, self._label, self._read = name, doc, label, read

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._doc, labels=[self._label])
        for what, count in self._read().items():
            family.add_metric([what], count)
        yield family

    def describe(self) -> Iterator[Metric]:
        yield CounterMetricFamily(self._name, self._doc, labels=[self._label])
