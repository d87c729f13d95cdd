"""What every call needs of its node, and where a stream is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from gateway.relay.hub import StreamKey
from gateway.relay.pool import WorkerSpec
from gateway.relay.ssrc import SsrcPool
from gateway.signalling.calls import CallBook
from gateway.signalling.reachability import BehindNat
from gateway.signalling.requests import Party
from gateway.telemetry.ladder import Ladder
from gateway.telemetry.metrics import Metrics
from media.worker.control import Transport
from sip.aio import Peer, SipStack

MEDIA_SOURCE_ANY = "media_source_any"
"""Tolerance of one peer: its media may come from any address (a device behind NAT)."""
SSRC_ANY = "ssrc_any"
"""Tolerance of one peer: its media may carry any SSRC (a device that ignores y=)."""


class MediaAddresses(Protocol):
    """Which of our media addresses a peer is told, and where its media leg binds: those of its network zone."""

    def bind_host(self, peer: Peer) -> str: ...
    def advertised_host(self, peer: Peer) -> str: ...
    def ports(self, peer: Peer, worker: WorkerSpec) -> tuple[int, int] | None: ...


@dataclass(frozen=True, slots=True)
class LowerTarget:
    """Where a stream is asked for: the peer below us, its live address, and how it wants its media sent.

    `turned` says why that is not the configured way. A `platform` is told through which platforms the request came; a
    camera is not. `max_sessions` is how many streams an operator says the device sends at once.
    """

    key: StreamKey
    peer: Peer
    transport: Transport
    any_source: bool = False
    any_ssrc: bool = False
    platform: bool = False
    max_sessions: int | None = None
    turned: BehindNat | None = None


@dataclass(slots=True)
class CallEnvironment:
    """What every call needs of this node. Durations in seconds."""

    me: Party
    stack: SipStack
    addresses: MediaAddresses
    book: CallBook
    live_ssrcs: SsrcPool
    ladder: Ladder
    metrics: Metrics = field(default_factory=Metrics)
    invite_timeout_s: float = 10.0
    first_packet_s: float = 8.0
    key_frame_s: float = 12.0
    silent_s: float = 15.0
    gop_cache: bool = True
