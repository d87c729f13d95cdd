from __future__ import annotations

from gateway.errors import Failure, Reason
from gateway.telemetry.metrics import CONTENT_TYPE, Metrics


def test_a_failure_is_counted_at_its_step() -> None:
    metrics = Metrics()
    metrics.failed(Failure(Reason.NO_PACKET), "live")
    metrics.failed(Failure(Reason.NO_PACKET), "live")
    assert b'gbgateway_failures_total{operation="live",reason="no_packet"} 2.0' in metrics.exposition()


def test_a_gauge_can_be_read_when_it_is_asked_for() -> None:
    metrics, value = Metrics(), [3.0]
    metrics.measure(metrics.leaks, ("port",), lambda: value[0])
    assert b'gbgateway_leaked_leases{kind="port"} 3.0' in metrics.exposition()
    value[0] = 0.0
    assert b'gbgateway_leaked_leases{kind="port"} 0.0' in metrics.exposition()


def test_two_nodes_in_one_process_do_not_share_their_counts() -> None:
    one, two = Metrics(), Metrics()
    one.logins.labels("done").inc()
    assert b'gbgateway_logins_total{outcome="done"} 1.0' in one.exposition()
    assert b"gbgateway_logins_total{" not in two.exposition()


def test_durations_are_histograms_in_seconds() -> None:
    metrics = Metrics()
    metrics.first_frame_seconds.observe(0.2)
    assert b'gbgateway_first_frame_seconds_bucket{le="0.25"} 1.0' in metrics.exposition()
    assert CONTENT_TYPE.startswith("text/plain")


def test_what_a_part_counts_by_itself_is_shown_too() -> None:
    metrics, counts = Metrics(), {"malformed": 1}
    metrics.follow("gbgateway_parts", "Parts", "what", lambda: counts)
    counts["stranger"] = 2
    shown = metrics.exposition()
    assert b'gbgateway_parts_total{what="malformed"} 1.0' in shown
    assert b'gbgateway_parts_total{what="stranger"} 2.0' in shown
