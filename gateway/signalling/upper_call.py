"""A call from an upper platform for one of our shared channels: the server side of GB/T 28181-2022 9.2.

The answer is given only when the stream below is known to come (the far side answered), and never before the grant is
in the ledger. Media starts at the ACK.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from gateway.compliance.grant import Grant
from gateway.errors import Failure, Reason
from gateway.relay.hub import Hub, StreamKey, UpstreamCall
from gateway.relay.inputs import WORKER_TROUBLE
from gateway.relay.pool import Worker, WorkerPool, WorkerUnavailable
from gateway.relay.ssrc import SsrcExhausted
from gateway.relay.trail import ROUTE_PATH, Trail, route_path
from gateway.signalling.bye import send_bye
from gateway.signalling.call_environment import CallEnvironment
from gateway.signalling.calls import CallRecord
from gateway.signalling.receiver import (
    PS_PAYLOAD,
    check_receiver,
    destination,
    late_answer,
    own_offer,
    ps_payload_type,
    their_transport,
)
from gateway.signalling.requests import SDP, contact_of
from media.worker.client import CommandRefused, WorkerGone
from media.worker.control import (
    AnyEvent,
    CloseLeg,
    ConnectFailed,
    LegClosed,
    LegStats,
    Opened,
    OpenSink,
    SinkOverflow,
    StartSink,
    TcpConnected,
    Transport,
)
from sip import RemoteError, Request, response_to
from sip.aio import Incoming, Peer
from sip.dialog import Dialog
from sip.errors import AckTimeout
from sip.sdp import Sdp, answer_to, ssrc_value

log = structlog.get_logger("call")

ACK_TIMEOUT_S = 32.0


@dataclass(frozen=True, slots=True)
class UpperRequest:
    """An upper platform's INVITE after trust, sharing rule and grant have passed.

    `offer` None: the INVITE had no description; ours goes into the 200, over `transport`, theirs comes with the ACK.
    `keep_ssrc`: use the upper's `y=` instead of our own (a switch per upper platform). `media_hosts`: where its media
    may be sent; None: anywhere.
    """

    upper_id: str
    local_id: str
    grant: Grant
    published_code: str
    offer: Sdp | None
    incoming: Incoming
    keep_ssrc: bool = False
    transport: Transport = "udp"
    media_hosts: frozenset[str] | None = None

    @property
    def key(self) -> StreamKey:
        """The stream that was granted."""
        return StreamKey.granted(self.grant)

    def destination(self, described: Sdp) -> tuple[str, int]:
        """Where a description of the upper platform wants its media. Raises Failure where that may not be."""
        check_receiver(described)
        return destination(described, self.incoming.source.host, self.media_hosts)


class UpperCall:
    """One viewer leg towards an upper platform."""

    def __init__(
        self,
        environment: CallEnvironment,
        hub: Hub,
        pool: WorkerPool,
        *,
        upper_id: str,
        grant: Grant,
        peer: Peer,
        transport: Transport,
        subject: str,
        on_ended: Callable[[UpperCall, str], Awaitable[None]],
        call_id: str | None = None,
    ) -> None:
        self.id = call_id or secrets.token_hex(8)
        self.upper_id = upper_id
        self.grant = grant
        self.key = StreamKey.granted(grant)
        self.peer = peer
        self.transport = transport
        self.subject = subject
        self.started_at = time.time()
        self.bytes = 0
        self.established = False
        self.dialog: Dialog | None = None
        self.ssrc = ""
        self._own_ssrc = False
        self._environment = environment
        self._hub = hub
        self._pool = pool
        self._on_ended = on_ended
        self._worker: Worker | None = None
        self._ended = False
        self._why: Failure | None = None

    @classmethod
    def for_request(
        cls,
        request: UpperRequest,
        environment: CallEnvironment,
        hub: Hub,
        pool: WorkerPool,
        *,
        on_ended: Callable[[UpperCall, str], Awaitable[None]],
    ) -> UpperCall:
        """The call an INVITE asks for; nothing has happened yet."""
        return cls(
            environment,
            hub,
            pool,
            upper_id=request.upper_id,
            grant=request.grant,
            peer=request.incoming.source,
            transport=their_transport(request.offer) if request.offer is not None else request.transport,
            subject=request.incoming.request.headers.get("Subject") or "",
            on_ended=on_ended,
        )

    @property
    def grant_id(self) -> str:
        return self.grant.id

    @property
    def seconds(self) -> float:
        """How long the call has been up."""
        return time.time() - self.started_at

    @property
    def worker_name(self) -> str | None:
        """The worker that has the leg; None before there is one."""
        return self._worker.name if self._worker is not None else None

    @property
    def leg(self) -> str:
        return f"out-{self.id}"

    async def answer(self, request: UpperRequest) -> None:
        """Attach to the stream, open the leg, answer, wait for the ACK, send. Raises Failure, always before the 200."""
        incoming = request.incoming
        self._environment.ladder.bind_call(self.id, incoming.request.call_id, self.key)
        try:
            if request.offer is not None:
                request.destination(request.offer)
            call = await self._attach(incoming)
            opened = await self._open_leg(call, request)
            # While it was being set up: its right was withdrawn, the stream or the platform went away, or a CANCEL.
            if self._ended or incoming.answered:
                raise self._why or Failure(Reason.CANCELLED)
        except Failure as failure:
            why = self._why or failure  # what ended it says why, not what failed because of that
            await self._release(why.step)
            raise why from failure.__cause__
        except BaseException:
            await self._release(Reason.CANCELLED.value)
            raise
        self._respond(request, opened, call)
        self._remember(request)
        try:
            ack = await incoming.acked(ACK_TIMEOUT_S)
            self._environment.ladder.step(self.id, "acknowledged")
            remote = request.destination(request.offer or late_answer(ack.body, self.transport))
        except (AckTimeout, TimeoutError):
            await self.end(Failure(Reason.TIMEOUT, "no ACK"))
        except Failure as failure:
            await self.end(failure)
        else:
            await self._start(request, remote)

    async def _attach(self, incoming: Incoming) -> UpstreamCall:
        """Join the stream; a CANCEL from above gives up only this call's wait."""
        trail = Trail.of(incoming.request)
        onward = Trail(trail.identity, trail.hops - 1)
        attaching = asyncio.create_task(self._hub.attach(self.grant, self.id, self._stream_ended, onward))
        cancelled = asyncio.create_task(incoming.cancelled.wait())
        try:
            await asyncio.wait({attaching, cancelled}, return_when=asyncio.FIRST_COMPLETED)
            if not attaching.done():
                raise Failure(Reason.CANCELLED)
            return attaching.result()
        finally:
            cancelled.cancel()
            if not attaching.done():
                attaching.cancel()
            await asyncio.gather(attaching, cancelled, return_exceptions=True)

    async def _open_leg(self, call: UpstreamCall, request: UpperRequest) -> Opened:
        worker = self._pool.named(call.worker_name)
        if worker is None:
            raise Failure(Reason.WORKER_LOST, call.worker_name)
        self._worker = worker
        offered = request.offer.ssrc if request.offer is not None else None
        try:
            if request.keep_ssrc and offered and ssrc_value(offered):
                self.ssrc = offered
            else:
                self.ssrc = self._environment.live_ssrcs.lease(self.id, time.time())
                self._own_ssrc = True
            return await worker.link.call(
                OpenSink(
                    leg=self.leg,
                    source=call.source_leg,
                    transport=self.transport,
                    bind=self._environment.addresses.bind_host(),
                    ssrc=ssrc_value(self.ssrc),
                    payload_type=PS_PAYLOAD if request.offer is None else ps_payload_type(request.offer),
                )
            )
        except SsrcExhausted as error:
            raise Failure(Reason.BUSY, str(error)) from error
        except CommandRefused as error:
            raise Failure(Reason.BUSY, error.error.message) from error
        except (WorkerGone, WorkerUnavailable, TimeoutError) as error:
            raise Failure(Reason.WORKER_LOST, str(error)) from error

    def _respond(self, request: UpperRequest, opened: Opened, call: UpstreamCall) -> None:
        environment, incoming = self._environment, request.incoming
        local = environment.stack.local_address(incoming.source)
        code, host = request.published_code, environment.addresses.advertised_host(incoming.source)
        if request.offer is None:
            answer = own_offer(code, host, opened.port, self.ssrc, self.transport)
        else:
            payload = ps_payload_type(request.offer)
            answer = answer_to(
                request.offer, origin_id=code, host=host, port=opened.port, ssrc=self.ssrc, payload=payload
            )
        contact = contact_of(request.published_code, local)
        path = route_path(environment.me.id, call.route_path, self.key.peer_id)
        headers = [("Contact", contact), ("Content-Type", SDP), (ROUTE_PATH, path)]
        sent = response_to(incoming.request, 200, to_tag=incoming.local_tag, headers=headers, body=bytes(answer))
        self.dialog = Dialog.from_server(incoming.request, sent)
        incoming.respond(200, headers=headers, body=bytes(answer))
        environment.ladder.step(self.id, "answered", media=f"{answer.host}:{answer.port}", ssrc=answer.ssrc)

    async def _start(self, request: UpperRequest, to: tuple[str, int]) -> None:
        peer_host = request.incoming.source.host
        host, port = to
        remote = (host, port) if self.transport != "tcp_passive" else None
        accept = sorted({host, peer_host}) if self.transport == "tcp_passive" else []
        assert self._worker is not None
        try:
            await self._worker.link.call(StartSink(leg=self.leg, remote=remote, accept_from=accept))
        except WORKER_TROUBLE as error:
            await self.end(Failure(Reason.WORKER_LOST, str(error)))
            return
        self.established = True
        self._environment.ladder.step(self.id, "sending", to=f"{host}:{port}", transport=self.transport)

    def _remember(self, request: UpperRequest) -> None:
        assert self._worker is not None and self.dialog is not None
        peer = request.incoming.source
        host, port = request.destination(request.offer) if request.offer is not None else ("", 0)
        self._environment.book.remember(
            CallRecord(
                id=self.id,
                side="upper",
                peer_id=self.upper_id,
                stream_peer=self.key.peer_id,
                code=self.key.code,
                dialog=self.dialog.to_dict(),
                remote=(peer.transport, peer.host, peer.port),
                worker=self._worker.name,
                leg=self.leg,
                ssrc=self.ssrc,
                transport=self.transport,
                grant_id=self.grant_id,
                started_at=self.started_at,
                details={"own_ssrc": self._own_ssrc, "subject": self.subject, "media": f"{host}:{port}"},
            )
        )

    @classmethod
    def restored(
        cls,
        record: CallRecord,
        grant: Grant,
        environment: CallEnvironment,
        hub: Hub,
        pool: WorkerPool,
        *,
        on_ended: Callable[[UpperCall, str], Awaitable[None]],
    ) -> UpperCall:
        """The call of a record whose leg an adopted worker still holds; see `rejoin`."""
        transport: Transport = record.transport  # type: ignore[assignment]
        call = cls(
            environment,
            hub,
            pool,
            upper_id=record.peer_id,
            grant=grant,
            peer=record.peer,
            transport=transport,
            subject=str(record.details.get("subject", "")),
            on_ended=on_ended,
            call_id=record.id,
        )
        call.started_at = record.started_at
        call.established = True
        call.dialog = record.restored_dialog()
        call.ssrc = record.ssrc
        call._own_ssrc = bool(record.details.get("own_ssrc"))
        call._worker = pool.named(record.worker)
        if call._own_ssrc:
            environment.live_ssrcs.adopt(record.ssrc, call.id)
        return call

    async def rejoin(self) -> None:
        """After a restart: be a reader of the restored stream again. Raises Failure."""
        await self._hub.attach(self.grant, self.id, self._stream_ended)

    def matches(self, request: Request) -> bool:
        return self.dialog is not None and request.call_id == self.dialog.call_id

    def media_event(self, event: AnyEvent) -> None:
        """News of our leg from the worker."""
        step = self._environment.ladder.step
        match event:
            case TcpConnected():
                step(self.id, "media connected", remote=f"{event.remote[0]}:{event.remote[1]}")
            case SinkOverflow():
                step(self.id, "receiver too slow", dropped=event.dropped)
            case ConnectFailed():
                where = f"{event.remote[0]}:{event.remote[1]}"
                self._end_soon(Failure(Reason.CONNECT_FAILED, f"{where}: {event.error}"))
            case LegClosed():
                self._end_soon(Failure(Reason.WORKER_LOST, event.reason))
            case _:
                pass

    def take(self, stats: LegStats) -> None:
        """The counters of our leg."""
        self.bytes = stats.bytes

    def _end_soon(self, failure: Failure) -> None:
        if not self._ended:
            task = asyncio.create_task(self.end(failure), name=f"end {self.leg}")
            _background.add(task)
            task.add_done_callback(_background.discard)

    async def ended_by_peer(self) -> None:
        """The upper platform sent BYE (already answered)."""
        self.dialog = None
        await self.end(None)

    async def _stream_ended(self, failure: Failure) -> None:
        await self.end(failure)

    async def end(self, failure: Failure | None) -> None:
        """Release the leg and leave the stream; BYE unless the upper ended the call. Never raises."""
        if self._ended:
            return
        self._ended, self._why = True, failure
        dialog, self.dialog = self.dialog, None
        reason = failure.step if failure is not None else "viewer ended"
        # Together: an upper platform that does not answer its BYE is sent no picture meanwhile.
        await asyncio.gather(self._release(reason), self._hang_up(dialog, failure))
        log.info("call from above ended", upper=self.upper_id, stream=str(self.key), reason=reason)

    async def _hang_up(self, dialog: Dialog | None, failure: Failure | None) -> None:
        if dialog is not None:
            with contextlib.suppress(RemoteError, OSError):
                await send_bye(self._environment.stack, dialog, self.peer, failure)

    async def _release(self, reason: str) -> None:
        self._ended = True
        if self._worker is not None:
            with contextlib.suppress(*WORKER_TROUBLE):
                final = await self._worker.link.call(CloseLeg(leg=self.leg))
                for stats in final if isinstance(final, list) else []:
                    self.take(stats)
        self._hub.detach(self.key, self.id)
        if self._own_ssrc:
            self._environment.live_ssrcs.release(self.ssrc, time.time())
        await self._environment.book.forget(self.id)
        await self._on_ended(self, reason)


_background: set[asyncio.Task[None]] = set()
