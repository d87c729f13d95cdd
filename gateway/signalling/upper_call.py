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

import structlog

from gateway.compliance.grant import Grant
from gateway.errors import Failure, Reason
from gateway.relay.hub import Hub, StreamKey, UpstreamCall
from gateway.relay.pool import WorkerPool
from gateway.relay.trail import ROUTE_PATH, Trail, route_path
from gateway.signalling.bye import send_bye
from gateway.signalling.call_environment import CallEnvironment
from gateway.signalling.calls import CallRecord
from gateway.signalling.receiver import late_answer, own_offer
from gateway.signalling.requests import SDP, contact_of
from gateway.signalling.upper_leg import UpperLeg
from gateway.signalling.upper_request import UpperRequest
from media.worker.control import AnyEvent, LegStats, Opened, Transport
from sip import RemoteError, Request, response_to
from sip.aio import Incoming, Peer
from sip.dialog import Dialog
from sip.errors import AckTimeout
from sip.sdp import Sdp, answer_to

log = structlog.get_logger("call")

ACK_TIMEOUT_S = 32.0
ACK_BEFORE_BYE_S = 2.0
"""How long the BYE of a call that ends before its ACK waits for it: time for our 200 to be repeated twice."""


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
        sender_part: str,
        on_ended: Callable[[UpperCall, str], Awaitable[None]],
        call_id: str | None = None,
    ) -> None:
        self.id = call_id or secrets.token_hex(8)
        self.upper_id = upper_id
        self.grant = grant
        self.key = StreamKey.granted(grant)
        self.peer = peer
        self.sender_part = sender_part
        """See `UpperRequest.sender_part`."""
        self.started_at = time.time()
        self.established = False
        self.dialog: Dialog | None = None
        self._leg = UpperLeg(grant, environment, pool, call_id=self.id, peer=peer, transport=transport)
        self._environment = environment
        self._hub = hub
        self._on_ended = on_ended
        self._over = asyncio.Event()
        self._why: Failure | None = None
        self._acknowledged = asyncio.Event()
        """The ACK is there, or will not come: before that a callee says no BYE (RFC 3261 15)."""

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
            transport=request.transport,
            sender_part=request.sender_part,
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
    def bytes(self) -> int:
        """What was sent."""
        return self._leg.bytes

    @property
    def ssrc(self) -> str:
        """The SSRC agreed, as ten digits."""
        return self._leg.ssrc

    @property
    def transport(self) -> Transport:
        """How we send."""
        return self._leg.transport

    @property
    def worker_name(self) -> str | None:
        """The worker that has the leg; None before there is one."""
        return self._leg.worker.name if self._leg.worker is not None else None

    @property
    def leg(self) -> str:
        return self._leg.name

    async def answer(self, request: UpperRequest) -> None:
        """Attach to the stream, open the leg, answer, wait for the ACK, send. Raises Failure, always before the 200."""
        incoming = request.incoming
        self._environment.ladder.bind_call(self.id, incoming.request.call_id, self.key)
        try:
            if request.offer is not None:
                request.destination(request.offer)
            stream = await self._attach(request)
            opened = await self._leg.open(stream, ssrc=request.wanted_ssrc, payload_type=request.payload_type)
            # While it was being set up: its right was withdrawn, the stream or the platform went away, or a CANCEL.
            if self._over.is_set() or incoming.answered:
                raise self._why or Failure(Reason.CANCELLED)
            self._respond(request, opened, stream)
        except Failure as failure:
            why = self._why or failure  # what ended it says why, not what failed because of that
            await self._release(why.step)
            raise why from failure.__cause__
        except BaseException as error:
            await self._release((Reason.BAD_REQUEST if isinstance(error, RemoteError) else Reason.CANCELLED).value)
            raise
        self._remember(request)
        await self._go_on(request)

    async def _go_on(self, request: UpperRequest) -> None:
        """From the 200 on: whatever goes wrong now ends the dialog with BYE."""
        try:
            ack = await self._ack(request.incoming)
            self._environment.ladder.step(self.id, "acknowledged")
            await self._start(request, request.destination(request.offer or late_answer(ack.body, self.transport)))
        except (AckTimeout, TimeoutError):
            await self.end(Failure(Reason.TIMEOUT, "no ACK"))
        except Failure as failure:
            await self.end(failure)

    async def _ack(self, incoming: Incoming) -> Request:
        try:
            return await incoming.acked(ACK_TIMEOUT_S)
        finally:
            self._acknowledged.set()

    async def _attach(self, request: UpperRequest) -> UpstreamCall:
        """Join the stream; a CANCEL from above, or the end of the call, gives up only this call's wait."""
        incoming = request.incoming
        trail = Trail.of(incoming.request)
        onward = Trail(trail.identity, trail.hops - 1, str(request.path))
        attaching = asyncio.create_task(self._hub.attach(self.grant, self.id, self._stream_ended, onward))
        tasks = [attaching, *(asyncio.create_task(end.wait()) for end in (incoming.cancelled, self._over))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not attaching.done():
                raise Failure(Reason.CANCELLED)
            return attaching.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _respond(self, request: UpperRequest, opened: Opened, stream: UpstreamCall) -> None:
        environment, incoming = self._environment, request.incoming
        answer = self._description(request, opened.port)
        contact = contact_of(request.published_code, environment.stack.local_address(incoming.source))
        path = route_path(environment.me.id, stream.route_path, self.key.peer_id)
        headers = [("Contact", contact), ("Content-Type", SDP), (ROUTE_PATH, path)]
        sent = response_to(incoming.request, 200, to_tag=incoming.local_tag, headers=headers, body=bytes(answer))
        self.dialog = Dialog.from_server(incoming.request, sent)
        incoming.respond(200, headers=headers, body=bytes(answer))
        environment.ladder.step(self.id, "answered", media=f"{answer.host}:{answer.port}", ssrc=answer.ssrc)

    def _description(self, request: UpperRequest, port: int) -> Sdp:
        """Our answer to the offer, or our offer where there was none."""
        code, host = request.published_code, self._environment.addresses.advertised_host(request.incoming.source)
        if request.offer is None:
            return own_offer(code, host, port, self.ssrc, self.transport)
        payload = request.payload_type
        return answer_to(request.offer, origin_id=code, host=host, port=port, ssrc=self.ssrc, payload=payload)

    async def _start(self, request: UpperRequest, to: tuple[str, int]) -> None:
        await self._leg.start(to, request.incoming.source.host)
        self.established = True
        self._environment.ladder.step(self.id, "sending", to=f"{to[0]}:{to[1]}", transport=self.transport)

    def _remember(self, request: UpperRequest) -> None:
        assert self._leg.worker is not None and self.dialog is not None
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
                worker=self._leg.worker.name,
                leg=self.leg,
                ssrc=self.ssrc,
                transport=self.transport,
                grant_id=self.grant_id,
                started_at=self.started_at,
                details={
                    "own_ssrc": self._leg.owns_ssrc,
                    "sender_part": self.sender_part,
                    "media": f"{host}:{port}",
                },
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
            sender_part=str(record.details.get("sender_part", "")),
            on_ended=on_ended,
            call_id=record.id,
        )
        call.started_at = record.started_at
        call.established = True
        call.dialog = record.restored_dialog()
        call._acknowledged.set()
        call._leg.restore(record)
        return call

    async def rejoin(self) -> None:
        """After a restart: be a reader of the restored stream again. Raises Failure."""
        await self._hub.attach(self.grant, self.id, self._stream_ended)

    def matches(self, request: Request) -> bool:
        return self.dialog is not None and request.call_id == self.dialog.call_id

    def media_event(self, event: AnyEvent) -> None:
        """News of our leg from the worker."""
        failure = self._leg.bad_news(event)
        if failure is not None and not self._over.is_set():
            task = asyncio.create_task(self.end(failure), name=f"end {self.leg}")
            _background.add(task)
            task.add_done_callback(_background.discard)

    def take(self, stats: LegStats) -> None:
        """The counters of our leg."""
        self._leg.take(stats)

    async def ended_by_peer(self) -> None:
        """The upper platform sent BYE (already answered)."""
        self.dialog = None
        await self.end(None)

    async def _stream_ended(self, failure: Failure) -> None:
        await self.end(failure)

    async def end(self, failure: Failure | None) -> None:
        """Release the leg and leave the stream; BYE unless the upper ended the call. Never raises."""
        if self._over.is_set():
            return
        self._over.set()
        self._why = failure
        dialog, self.dialog = self.dialog, None
        reason = failure.step if failure is not None else "viewer ended"
        if failure is not None:
            words = {"message": failure.message, "message_zh": failure.message_zh}
            self._environment.ladder.step(self.id, "lost", step=failure.step, **words)
        # Together: an upper platform that does not answer its BYE is sent no picture meanwhile.
        await asyncio.gather(self._release(reason), self._hang_up(dialog, failure))
        problem = {"problem": failure.message} if failure is not None else {}
        log.info("call from above ended", upper=self.upper_id, stream=str(self.key), reason=reason, **problem)

    async def _hang_up(self, dialog: Dialog | None, failure: Failure | None) -> None:
        if dialog is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._acknowledged.wait(), ACK_BEFORE_BYE_S)
            with contextlib.suppress(RemoteError, OSError):
                await send_bye(self._environment.stack, dialog, self.peer, failure)

    async def _release(self, reason: str) -> None:
        self._over.set()
        await self._leg.close()
        self._hub.detach(self.key, self.id)
        await self._environment.book.forget(self.id)
        await self._on_ended(self, reason)


_background: set[asyncio.Task[None]] = set()
