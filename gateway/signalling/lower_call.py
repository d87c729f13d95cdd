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
from dataclasses import replace
from typing import Any

import structlog

from gateway.errors import Failure, Reason
from gateway.relay.addresses import connect_failure, usable_ip
from gateway.relay.inputs import WORKER_TROUBLE
from gateway.relay.pool import Worker, WorkerUnavailable
from gateway.relay.ssrc import SsrcExhausted
from gateway.relay.trail import IDENTITY, PREFERRED_PATH, ROUTE_PATH, Trail
from gateway.signalling.bye import send_bye
from gateway.signalling.call_environment import CallEnvironment, LowerTarget
from gateway.signalling.calls import CallRecord
from gateway.signalling.first_media import FirstMedia
from gateway.signalling.reachability import TURNED
from gateway.signalling.requests import SDP, Party, contact_of, request_to
from media.worker.client import CommandRefused, WorkerGone
from media.worker.control import (
    AnyEvent,
    CloseLeg,
    ConnectFailed,
    LegClosed,
    OpenSource,
    SourceSilent,
    TcpClosed,
    TcpConnected,
    Transport,
    UpdateSource,
)
from sip import ParseError, RemoteError, Request, Response, TransactionTimeout, TransportFailed
from sip.dialog import Dialog
from sip.sdp import Sdp, offer, ssrc_value
from sip.subject import Subject

log = structlog.get_logger("call")


LostCallback = Callable[["LowerCall", Failure], Coroutine[Any, Any, None]]
EndedCallback = Callable[["LowerCall"], None]


class LowerCall:
    """One running (or starting) call; implements what the hub calls an upstream."""

    takes_commands = True

    def __init__(
        self,
        target: LowerTarget,
        worker: Worker,
        environment: CallEnvironment,
        *,
        on_lost: LostCallback,
        on_ended: EndedCallback,
        trail: Trail | None = None,
        call_id: str | None = None,
    ) -> None:
        self.id = call_id or secrets.token_hex(8)
        self.target = target
        self.key = target.key
        self.worker = worker
        self.dialog: Dialog | None = None
        self.ssrc = ""
        self.route_path = ""
        self._environment = environment
        self._on_lost = on_lost
        self._on_ended = on_ended
        self._trail = trail or Trail()
        self._media = FirstMedia(self.key, self.id, environment, self._lose)
        self.established = False
        self._answer: asyncio.Task[Response] | None = None
        self._connections = 0
        self._disconnected = ""
        """Why the last media connection ended; "" while there is one, and before there was."""
        self._losing = False
        self._ended = False
        self._why: Failure | None = None

    @property
    def source_leg(self) -> str:
        return f"in-{self.id}"

    @property
    def worker_name(self) -> str:
        return self.worker.name

    @property
    def legs(self) -> list[tuple[Worker, str]]:
        return [(self.worker, self.source_leg)]

    async def start(self) -> None:
        """Set the call up; returns when the peer has answered 200 and was acknowledged. Raises Failure.

        Whatever goes wrong after the peer's 200, the peer gets its ACK and then BYE.
        """
        self.worker.calls.add(self.id)
        try:
            await self._set_up()
        except Failure as failure:
            why = self._why or failure  # what ended it says why, not what failed because of that
            await asyncio.gather(self._bye(why), self._release())
            raise why from failure.__cause__
        except BaseException:
            await asyncio.gather(self._bye(None), self._release())
            raise
        self.established = True
        self._media.watch()

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
        call.established = True
        environment.live_ssrcs.adopt(record.ssrc, call.id)
        worker.calls.add(call.id)
        return call

    async def _set_up(self) -> None:
        step, addresses = self._environment.ladder.step, self._environment.addresses
        try:
            self.ssrc = self._environment.live_ssrcs.lease(self.id, time.time())
            opened = await self.worker.link.call(
                OpenSource(
                    leg=self.source_leg,
                    transport=self.target.transport,
                    bind=addresses.bind_host(self.target.peer),
                    ports=addresses.ports(self.target.peer, self.worker.spec),
                    ssrc=ssrc_value(self.ssrc),
                    gop_cache=self._environment.gop_cache,
                )
            )
        except SsrcExhausted as error:
            raise Failure(Reason.BUSY, str(error), peer_id=self.key.peer_id, channel=self.key.code) from error
        except CommandRefused as error:
            raise Failure(Reason.BUSY, error.error.message, peer_id=self.key.peer_id, channel=self.key.code) from error
        except (WorkerGone, WorkerUnavailable, TimeoutError) as error:
            raise Failure(Reason.WORKER_LOST, str(error), channel=self.key.code) from error
        if (turned := self.target.turned) is not None:
            step(self.id, TURNED, reason=turned.message, reason_zh=turned.message_zh, configured="tcp_active")
        step(self.id, "media port open", port=opened.port, transport=self.target.transport, ssrc=self.ssrc)
        response, answer = await self._exchange(self._request(opened.port))
        await self._follow_answer(answer)
        self._go_on()
        self._remember()
        step(self.id, "answered", status=response.status, media=f"{answer.host}:{answer.port}", ssrc=answer.ssrc)

    def _go_on(self) -> None:
        """Raises Failure when the call was ended while it was being set up."""
        if self._ended:
            raise self._why or Failure(Reason.CANCELLED, channel=self.key.code)

    def _request(self, port: int) -> Request:
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
        headers = [
            ("Contact", contact_of(environment.me.id, local)),
            ("Subject", str(Subject(self.key.code, self.ssrc, environment.me.id, "0"))),
        ]
        if self.target.platform:
            headers.append((IDENTITY, self._trail.onward(environment.me.id)))
            if preferred := self._trail.preferred_through(self.key.peer_id):
                headers.append((PREFERRED_PATH, preferred))
        request = request_to(
            "INVITE",
            me=environment.me,
            target=Party(self.key.code, self.key.peer_id[:10]),
            peer=peer,
            local=local,
            body=body,
            content_type=SDP,
            headers=headers,
        )
        request.headers.set("Max-Forwards", str(self._trail.hops))
        return request

    async def _exchange(self, request: Request) -> tuple[Response, Sdp]:
        environment = self._environment
        environment.ladder.bind_call(self.id, request.call_id, self.key)
        self._media.started_at = time.monotonic()
        try:
            invite = environment.stack.invite(request, self.target.peer)
            self._answer = asyncio.create_task(invite.final(environment.invite_timeout_s), name=f"invite {self.key}")
            response = await self._answer
        except (TransactionTimeout, TransportFailed) as error:
            raise Failure(Reason.NO_ANSWER, str(error), peer_id=self.key.peer_id, channel=self.key.code) from error
        except asyncio.CancelledError:
            self._go_on()
            raise
        self.route_path = (response.headers.get(ROUTE_PATH) or "").strip()
        if response.status >= 300:
            raise Failure(
                Reason.REJECTED,
                f"{response.status} {response.reason}",
                code=response.status,
                peer_id=self.key.peer_id,
                channel=self.key.code,
                route_path=self.route_path,
            )
        self.dialog = _dialog(request, response)
        invite.ack(self.dialog)
        self._go_on()
        try:
            answer = Sdp.parse(response.body)
            if self.target.transport == "tcp_active" and answer.port == 0:
                raise ParseError("m=", "no port to connect to", "0")
        except RemoteError as error:
            why = f"the answer's SDP: {error}"
            raise Failure(Reason.NOT_ACCEPTABLE, why, peer_id=self.key.peer_id, channel=self.key.code) from error
        return response, answer

    async def _follow_answer(self, answer: Sdp) -> None:
        """Take over what the answer says: its SSRC wins over ours, its address is where media may come from."""
        peer_host = self.target.peer.host
        said = usable_ip(answer.host)
        accept = [] if self.target.any_source else sorted({host for host in (said, peer_host) if host})
        remote: tuple[str, int] | None = None
        if self.target.transport == "tcp_active":
            remote = (said or peer_host, answer.port)
        any_source, any_ssrc = self.target.any_source, self.target.any_ssrc
        # With both tolerances nothing tells its media from others' but the port it arrives at. With one of them the
        # agreed SSRC still is the best sign there is: whoever sends with it wins.
        ssrc = None if any_source and any_ssrc else ssrc_value(answer.ssrc or self.ssrc) or None
        # The port the answer names tells this camera from its neighbours at the same address; 0 and 9 name none.
        port = None if answer.port in (0, 9) or any_source or any_ssrc else answer.port
        try:
            await self.worker.link.call(
                UpdateSource(
                    leg=self.source_leg, ssrc=ssrc, accept_from=accept, remote=remote, expect_port=port, any_ssrc=True
                )
            )
        except WORKER_TROUBLE as error:
            raise Failure(Reason.WORKER_LOST, str(error), channel=self.key.code) from error

    def _remember(self) -> None:
        assert self.dialog is not None
        peer = self.target.peer
        self._environment.book.remember(
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
        self._media.take(event)
        match event:
            case TcpConnected():
                self._connections, self._disconnected = self._connections + 1, ""
            case TcpClosed():
                self._connections = max(0, self._connections - 1)
                self._disconnected = event.reason if self._connections == 0 else ""
                self._environment.ladder.step(self.id, "media connection closed", reason=event.reason)
                if event.final:
                    self._lose(Failure(Reason.CONNECTION_LOST, event.reason, channel=self.key.code))
            case SourceSilent() if event.silent_s >= self._environment.silent_s:
                self._lose(self._silent(event.silent_s))
            case ConnectFailed():
                self._lose(connect_failure(event, self.target.peer.host, self.key.code))
            case LegClosed():
                self._lose(Failure(Reason.WORKER_LOST, event.reason, channel=self.key.code))
            case _:
                pass

    def _silent(self, silent_s: float) -> Failure:
        """A listening leg waits for its connection to come back as long as for packets."""
        if self._disconnected:
            why = f"{self._disconnected}; none came in its place for {silent_s:.0f} s"
            return Failure(Reason.CONNECTION_LOST, why, channel=self.key.code)
        return Failure(Reason.STREAM_LOST, f"silent for {silent_s:.0f} s", channel=self.key.code)

    def _lose(self, failure: Failure) -> None:
        if not self._ended and not self._losing:
            self._losing = True
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
        self._ended, self._why = True, failure
        self._media.stop()
        if self._answer is not None:
            self._answer.cancel()
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
        self.worker.calls.discard(self.id)
        with contextlib.suppress(*WORKER_TROUBLE):
            await self.worker.link.call(CloseLeg(leg=self.source_leg))
        self._environment.live_ssrcs.release(self.ssrc, time.time())
        await self._environment.book.forget(self.id)
        self._on_ended(self)


def _dialog(request: Request, response: Response) -> Dialog:
    """The dialog of a 2xx, even when its Contact or Record-Route is unreadable: the peer is reached at the address of
    its registration anyway, and without a dialog it would never get the ACK nor the BYE."""
    try:
        dialog = Dialog.from_client(request, response)
        dialog.request("ACK", cseq=dialog.local_cseq)  # reads the route, too
    except ParseError:
        headers = response.headers.copy()
        headers.remove("Contact")
        headers.remove("Record-Route")
        return Dialog.from_client(request, replace(response, headers=headers))
    return dialog


_background: set[asyncio.Task[None]] = set()
