"""The media leg of a call from above: a sink of the relay worker that has the stream."""

from __future__ import annotations

import contextlib
import time

from gateway.compliance.grant import Grant
from gateway.errors import Failure, Reason
from gateway.relay.addresses import connect_failure, nat_words
from gateway.relay.hub import UpstreamCall
from gateway.relay.inputs import WORKER_TROUBLE
from gateway.relay.pool import Worker, WorkerPool, WorkerUnavailable
from gateway.relay.ssrc import SsrcExhausted
from gateway.signalling.call_environment import CallEnvironment
from gateway.signalling.calls import CallRecord
from media.worker.client import CommandRefused, WorkerGone
from media.worker.control import (
    AnyEvent,
    CloseLeg,
    ConnectFailed,
    LegClosed,
    LegStats,
    Opened,
    OpenSink,
    SendFailed,
    SinkOverflow,
    StartSink,
    TcpClosed,
    TcpConnected,
    Transport,
)
from sip.aio import Peer
from sip.sdp import ssrc_value

OTHER_ADDRESS = "media goes to another address than the requests come from"
"""The step of a call's trace that says so: right where the platform has a media server, the first suspect elsewhere."""


class UpperLeg:
    """Opened for a grant, started when the receiver is known, closed with its call."""

    def __init__(
        self,
        grant: Grant,
        environment: CallEnvironment,
        pool: WorkerPool,
        *,
        call_id: str,
        peer: Peer,
        transport: Transport,
    ) -> None:
        self.grant = grant
        self.peer = peer
        self.name = f"out-{call_id}"
        self.transport = transport
        self.ssrc = ""
        self.owns_ssrc = False
        """The SSRC is leased from ours, not one of the upper platform."""
        self.bytes = 0
        self.worker: Worker | None = None
        self._call_id = call_id
        self._environment = environment
        self._pool = pool
        self._stood = False
        """The receiver has been connected."""

    def restore(self, record: CallRecord) -> None:
        """Take up the leg of a record, which an adopted worker still holds."""
        self.ssrc = record.ssrc
        self._stood = True
        self.owns_ssrc = bool(record.details.get("own_ssrc"))
        self.worker = self._pool.named(record.worker)
        if self.owns_ssrc:
            self._environment.live_ssrcs.adopt(self.ssrc, self._call_id)

    async def open(self, stream: UpstreamCall, *, ssrc: str | None, payload_type: int) -> Opened:
        """Bind it at the worker of the stream, with that SSRC or else one of ours. Raises Failure."""
        worker = self._pool.named(stream.worker_name)
        if worker is None:
            raise Failure(Reason.WORKER_LOST, stream.worker_name)
        self.worker = worker
        try:
            if ssrc is None:
                self.owns_ssrc = True
                ssrc = self._environment.live_ssrcs.lease(self._call_id, time.time())
            self.ssrc = ssrc
            return await worker.link.call(
                OpenSink(
                    leg=self.name,
                    source=stream.source_leg,
                    transport=self.transport,
                    bind=self._environment.addresses.bind_host(self.peer),
                    ports=self._environment.addresses.ports(self.peer, worker.spec),
                    ssrc=ssrc_value(self.ssrc),
                    payload_type=payload_type,
                )
            )
        except SsrcExhausted as error:
            raise Failure(Reason.BUSY, str(error)) from error
        except CommandRefused as error:
            raise Failure(Reason.BUSY, error.error.message) from error
        except (WorkerGone, WorkerUnavailable, TimeoutError) as error:
            raise Failure(Reason.WORKER_LOST, str(error)) from error

    async def start(self, to: tuple[str, int], peer_host: str) -> None:
        """Send there, or over the connection made from there or from the platform's own address. Raises Failure."""
        assert self.worker is not None
        passive = self.transport == "tcp_passive"
        words, words_zh = nat_words(to[0], peer_host)
        if words and not passive:
            self._environment.ladder.step(self._call_id, OTHER_ADDRESS, message=words, message_zh=words_zh)
        accept = sorted({to[0], peer_host}) if passive else []
        try:
            await self.worker.link.call(StartSink(leg=self.name, remote=None if passive else to, accept_from=accept))
        except WORKER_TROUBLE as error:
            raise Failure(Reason.WORKER_LOST, str(error)) from error

    async def close(self) -> None:
        """Send nothing any more and give everything back. Never raises."""
        if self.worker is not None:
            with contextlib.suppress(*WORKER_TROUBLE):
                last = await self.worker.link.call(CloseLeg(leg=self.name))
                for stats in last if isinstance(last, list) else []:
                    self.take(stats)
        if self.owns_ssrc:
            self._environment.live_ssrcs.release(self.ssrc, time.time())

    def take(self, stats: LegStats) -> None:
        """The counters of the worker."""
        self.bytes = stats.bytes

    def bad_news(self, event: AnyEvent) -> Failure | None:
        """News from the worker, entered in the trace; a Failure when the leg is of no use any more."""
        step = self._environment.ladder.step
        match event:
            case TcpConnected():
                self._stood = True
                step(self._call_id, "media connected", remote=f"{event.remote[0]}:{event.remote[1]}")
            case TcpClosed():
                step(self._call_id, "media connection closed", reason=event.reason)
                if event.final:
                    return Failure(Reason.CONNECTION_LOST if self._stood else Reason.CONNECT_FAILED, event.reason)
            case SinkOverflow():
                step(self._call_id, "receiver too slow", dropped=event.dropped)
            case ConnectFailed() | SendFailed():
                return connect_failure(event, self.peer.host)
            case LegClosed():
                return Failure(Reason.WORKER_LOST, event.reason)
            case _:
                pass
        return None
