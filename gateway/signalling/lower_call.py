"""A call to a peer below us for one live stream: open the leg, INVITE, lock to the answer, watch, BYE.

This is the client side of GB/T 28181-2022 9.2 in the reduced form every product uses. The listening socket exists
before the INVITE leaves. Every failure names its step.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Protocol

import structlog

from gateway.errors import Failure, Reason
from gateway.relay.hub import StreamKey
from gateway.relay.pool import Worker, WorkerUnavailable
from gateway.relay.ssrc import SsrcExhausted, SsrcPool
from gateway.signalling.calls import CallRecord, CallStore
from gateway.signalling.requests import SDP, Party, contact_of, request_to
from gateway.telemetry.ladder import Ladder
from media.worker.client import CommandRefused, WorkerGone
from media.worker.control import (
    AnyEvent,
    CloseLeg,
    ConnectFailed,
    FirstKeyFrame,
    FirstPacket,
    ForeignSource,
    LegClosed,
    NotPs,
    OpenSource,
    OtherSsrc,
    SourceSilent,
    Transport,
    UpdateSource,
)
from sip import RemoteError, Request, Response, TransactionTimeout, TransportFailed
from sip.aio import Peer, SipStack
from sip.dialog import Dialog
from sip.sdp import Sdp, offer, ssrc_value
from sip.subject import Subject

log = structlog.get_logger("call")


class MediaAddresses(Protocol):
    """Which of our media addresses a peer is told."""

    def bind_host(self) -> str: ...
    def advertised_host(self, peer: Peer) -> str: ...


@dataclass(frozen=True, slots=True)
class LowerTarget:
    """Where a stream is asked for: the peer below us, its live address, and how it wants its media sent."""

    key: StreamKey
    peer: Peer
    transport: Transport
    any_source: bool = False


@dataclass(slots=True)
class CallEnvironment:
    """What every call needs of this node. Durations in seconds."""

    me: Party
    stack: SipStack
    addresses: MediaAddresses
    store: CallStore
    live_ssrcs: SsrcPool
    ladder: Ladder
    invite_timeout_s: float = 10.0
    first_packet_s: float = 8.0
    key_frame_s: float = 12.0
    silent_s: float = 15.0


LostCallback = Callable[["LowerCall", Failure], Coroutine[Any, Any, None]]
EndedCallback = Callable[["LowerCall"], None]


@dataclass(slots=True)
class _Seen:
    """What the worker told about the media so far; it decides how a missing picture is explained."""

    packet: bool = False
    key_frame: bool = False
    foreign: str | None = None
    other_ssrc: int | None = None
    not_ps: str | None = None


class LowerCall:
    """One running (or starting) call; implements what the hub calls an upstream."""

    def __init__(
        self,
        target: LowerTarget,
        worker: Worker,
        environment: CallEnvironment,
        *,
        on_lost: LostCallback,
        on_ended: EndedCallback,
        call_id: str | None = None,
    ) -> None:
        self.id = call_id or secrets.token_hex(8)
        self.target = target
        self.key = target.key
        self.worker = worker
        self.dialog: Dialog | None = None
        self.ssrc = ""
        self._environment = environment
        self._on_lost = on_lost
        self._on_ended = on_ended
        self._seen = _Seen()
        self._arrived = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None
        self._ended = False

    @property
    def source_leg(self) -> str:
        return f"in-{self.id}"

    @property
    def worker_name(self) -> str:
        return self.worker.name

    async def start(self) -> None:
        """Set the call up; returns when the peer has answered 200 and was acknowledged. Raises Failure."""
        self.worker.load += 1
        try:
            await self._set_up()
        except BaseException:
            await self._release()
            raise
        self._watch = asyncio.create_task(self._watch_first_media(), name=f"first media {self.key}")

    @classmethod
    def restored(
        cls,
        record: CallRecord,
        worker: Worker,
        environment: CallEnvironment,
        *,
        on_lost: LostCallback,
        on_ended: EndedCallback,
    ) -> LowerCall:
        """The call of a record whose leg an adopted worker still holds."""
        transport: Transport = record.transport  # type: ignore[assignment]
        call = cls(
            LowerTarget(record.key, record.peer, transport),
            worker,
            environment,
            on_lost=on_lost,
            on_ended=on_ended,
            call_id=record.id,
        )
        call.dialog = record.restored_dialog()
        call.ssrc = record.ssrc
        call._seen.packet = call._seen.key_frame = True
        environment.live_ssrcs.adopt(record.ssrc, call.id)
        worker.load += 1
        return call

    async def _set_up(self) -> None:
        step = self._environment.ladder.step
        try:
            self.ssrc = self._environment.live_ssrcs.lease(self.id, time.time())
            opened = await self.worker.link.call(
                OpenSource(
                    leg=self.source_leg,
                    transport=self.target.transport,
                    bind=self._environment.addresses.bind_host(),
                    ssrc=ssrc_value(self.ssrc),
                )
            )
        except SsrcExhausted as error:
            raise Failure(Reason.BUSY, str(error), peer_id=self.key.peer_id, channel=self.key.code) from error
        except CommandRefused as error:
            raise Failure(Reason.BUSY, error.error.message, peer_id=self.key.peer_id, channel=self.key.code) from error
        except (WorkerGone, WorkerUnavailable, TimeoutError) as error:
            raise Failure(Reason.WORKER_LOST, str(error), channel=self.key.code) from error
        step(self.id, "media port open", port=opened.port, transport=self.target.transport, ssrc=self.ssrc)
        request = self._invite(opened.port)
        response, answer = await self._exchange(request)
        await self._follow_answer(answer)
        await self._remember()
        step(self.id, "answered", status=response.status, media=f"{answer.host}:{answer.port}", ssrc=answer.ssrc)

    def _invite(self, port: int) -> Request:
        environment, peer = self._environment, self.target.peer
        media_host = environment.addresses.advertised_host(peer)
        body = bytes(
            offer(
                origin_id=environment.me.id,
                host=media_host,
                port=port,
                ssrc=self.ssrc,
                transport=self.target.transport,
            )
        )
        local = environment.stack.local_address(peer)
        return request_to(
            "INVITE",
            me=environment.me,
            target=Party(self.key.code, self.key.peer_id[:10]),
            peer=peer,
            local=local,
            body=body,
            content_type=SDP,
            headers=[
                ("Contact", contact_of(environment.me.id, local)),
                ("Subject", str(Subject(self.key.code, self.ssrc, environment.me.id, "0"))),
            ],
        )

    async def _exchange(self, request: Request) -> tuple[Response, Sdp]:
        environment = self._environment
        environment.ladder.bind_call(self.id, request.call_id, self.key)
        invite = environment.stack.invite(request, self.target.peer)
        try:
            response = await invite.final(environment.invite_timeout_s)
        except (TransactionTimeout, TransportFailed) as error:
            raise Failure(Reason.NO_ANSWER, str(error), peer_id=self.key.peer_id, channel=self.key.code) from error
        except asyncio.CancelledError:
            invite.cancel()
            raise
        if response.status >= 300:
            raise Failure(
                Reason.REJECTED,
                f"{response.status} {response.reason}",
                code=response.status,
                peer_id=self.key.peer_id,
                channel=self.key.code,
            )
        self.dialog = Dialog.from_client(request, response)
        invite.ack(self.dialog)
        try:
            return response, Sdp.parse(response.body)
        except RemoteError as error:
            await self._bye(None)
            raise Failure(Reason.NOT_ACCEPTABLE, f"the answer's SDP: {error}", peer_id=self.key.peer_id) from error

    async def _follow_answer(self, answer: Sdp) -> None:
        """Take over what the answer says: its SSRC wins over ours, its address is where media may come from."""
        peer_host = self.target.peer.host
        said = usable_ip(answer.host)
        accept = [] if self.target.any_source else sorted({host for host in (said, peer_host) if host})
        remote: tuple[str, int] | None = None
        if self.target.transport == "tcp_active":
            remote = (said or peer_host, answer.port)
        ssrc = ssrc_value(answer.ssrc) if answer.ssrc else ssrc_value(self.ssrc)
        try:
            await self.worker.link.call(
                UpdateSource(leg=self.source_leg, ssrc=ssrc or None, accept_from=accept, remote=remote)
            )
        except (CommandRefused, WorkerGone, WorkerUnavailable, TimeoutError) as error:
            await self._bye(None)
            raise Failure(Reason.WORKER_LOST, str(error), channel=self.key.code) from error

    async def _remember(self) -> None:
        assert self.dialog is not None
        peer = self.target.peer
        await self._environment.store.save_call(
            CallRecord(
                id=self.id,
                side="lower",
                peer_id=self.key.peer_id,
                stream_peer=self.key.peer_id,
                code=self.key.code,
                dialog=self.dialog.to_dict(),
                remote=(peer.transport, peer.host, peer.port),
                worker=self.worker.name,
                leg=self.source_leg,
                ssrc=self.ssrc,
                transport=self.target.transport,
                started_at=time.time(),
            )
        )

    def media_event(self, event: AnyEvent) -> None:
        """News of our leg from the worker."""
        step = self._environment.ladder.step
        match event:
            case FirstPacket():
                self._seen.packet = True
                self._arrived.set()
                step(self.id, "first packet", remote=f"{event.remote[0]}:{event.remote[1]}", ssrc=event.ssrc)
            case FirstKeyFrame():
                self._seen.key_frame = True
                step(self.id, "first key frame")
            case ForeignSource():
                self._seen.foreign = f"{event.remote[0]}:{event.remote[1]}"
                step(self.id, "packets from another address", remote=self._seen.foreign, count=event.count)
            case OtherSsrc():
                self._seen.other_ssrc = event.got
                step(self.id, "other SSRC", expected=event.expected, got=event.got)
            case NotPs():
                self._seen.not_ps = event.seen
                step(self.id, "payload is no program stream", seen=event.seen)
            case SourceSilent() if event.silent_s >= self._environment.silent_s:
                self._lose(Failure(Reason.STREAM_LOST, f"silent for {event.silent_s:.0f} s", channel=self.key.code))
            case ConnectFailed():
                where = f"{event.remote[0]}:{event.remote[1]}"
                self._lose(Failure(Reason.CONNECT_FAILED, f"{where}: {event.error}", channel=self.key.code))
            case LegClosed():
                self._lose(Failure(Reason.WORKER_LOST, event.reason, channel=self.key.code))
            case _:
                pass

    async def _watch_first_media(self) -> None:
        try:
            await asyncio.wait_for(self._arrived.wait(), self._environment.first_packet_s)
        except TimeoutError:
            self._lose(self._explain())

    def _explain(self) -> Failure:
        """Why there is no media, from what was seen of it."""

        def failure(reason: Reason, detail: str) -> Failure:
            return Failure(reason, detail, peer_id=self.key.peer_id, channel=self.key.code)

        if self._seen.foreign is not None:
            return failure(Reason.FOREIGN_SOURCE, f"from {self._seen.foreign}")
        if self._seen.other_ssrc is not None:
            return failure(Reason.OTHER_SSRC, f"got {self._seen.other_ssrc}, agreed {self.ssrc}")
        return failure(Reason.NO_PACKET, f"within {self._environment.first_packet_s:.0f} s of the answer")

    def _lose(self, failure: Failure) -> None:
        if not self._ended:
            task = asyncio.create_task(self._on_lost(self, failure), name=f"lost {self.key}")
            _background.add(task)
            task.add_done_callback(_background.discard)

    def matches(self, request: Request) -> bool:
        """Whether an in-dialog request of the peer belongs to this call (Call-ID is enough from a trusted source)."""
        return self.dialog is not None and request.call_id == self.dialog.call_id

    async def ended_by_peer(self) -> None:
        """The peer sent BYE (already answered)."""
        self.dialog = None
        self._lose(Failure(Reason.PEER_ENDED, channel=self.key.code, peer_id=self.key.peer_id))

    async def end(self, failure: Failure | None) -> None:
        """Release everything; BYE unless the peer ended the call. Never raises."""
        if self._ended:
            return
        self._ended = True
        if self._watch is not None:
            self._watch.cancel()
        await self._bye(failure)
        await self._release()
        log.info("call below ended", stream=str(self.key), reason=failure.step if failure else "no reader left")

    async def _bye(self, failure: Failure | None) -> None:
        dialog, self.dialog = self.dialog, None
        if dialog is None:
            return
        with contextlib.suppress(RemoteError, OSError):
            await send_bye(self._environment.stack, dialog, self.target.peer, failure)

    async def _release(self) -> None:
        self._ended = True
        self.worker.load -= 1
        with contextlib.suppress(CommandRefused, WorkerGone, WorkerUnavailable, TimeoutError):
            await self.worker.link.call(CloseLeg(leg=self.source_leg))
        self._environment.live_ssrcs.release(self.ssrc, time.time())
        await self._environment.store.forget_call(self.id)
        self._on_ended(self)


_background: set[asyncio.Task[None]] = set()


def usable_ip(host: str | None) -> str | None:
    """An address of an SDP that can be compared with packets: not a name, not 0.0.0.0."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return None
    return None if address.is_unspecified else str(address)


async def send_bye(stack: SipStack, dialog: Dialog, peer: Peer, failure: Failure | None) -> None:
    """End a dialog, saying why (Reason header, RFC 3326). Raises what `ask` raises."""
    headers: list[tuple[str, str]] = []
    if failure is not None:
        headers.append(("Reason", f'SIP;cause={failure.sip_status};text="{failure.sip_phrase}"'))
    request = dialog.request("BYE", contact=None, headers=headers)
    await stack.ask(request, peer, timeout_s=4)
