"""Every stream coming in, its readers and the counters of its legs, as the API shows them."""

from __future__ import annotations

import contextlib
from typing import Any

from msgspec import structs

from gateway.relay.inputs import WORKER_TROUBLE
from gateway.relay.pool import WorkerPool
from gateway.relay.traffic import Traffic
from gateway.signalling.live import LiveCalls
from media.worker.control import PullStats


async def stream_status(live: LiveCalls, pool: WorkerPool, traffic: Traffic) -> list[dict[str, Any]]:
    """One row for each call below, with the newest counters; `pull` are those of an RTSP camera."""
    pulls: dict[str, PullStats] = {}
    for worker in pool.workers:
        with contextlib.suppress(*WORKER_TROUBLE):
            if worker.spec.kind == "relay":
                traffic.take(worker, await worker.link.leg_stats())
            elif worker.spec.kind == "source":
                pulls |= {pull.leg: pull for pull in (await worker.link.source_stats()).pulls}
    rows = []
    for call in live.lower_calls:
        stream = live.hub.get(call.key)
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
                "pull": next((structs.asdict(pulls[leg]) for _, leg in call.legs if leg in pulls), None),
                "source": traffic.shown(call.worker_name, call.source_leg),
                "sinks": [
                    {
                        "upper_id": upper.upper_id,
                        "transport": upper.transport,
                        **traffic.shown(call.worker_name, upper.leg),
                    }
                    for upper in live.upper_calls
                    if upper.key == call.key
                ],
            }
        )
    return rows
