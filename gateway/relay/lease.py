"""A leg in a worker and its owner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.errors import Failure


@dataclass(frozen=True, slots=True)
class Lease:
    """`leg` (leg, input or view id) in worker `worker`. `settled`: the worker has confirmed it, so that its absence
    means it was lost; `lost(failure)` then ends or repairs what it was for."""

    leg: str
    worker: str
    settled: bool
    lost: Callable[[Failure], Awaitable[None]]
