"""Live calls to a simulated device: INVITE to BYE (GB/T 28181-2022 9.2), and who may have an encoder."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from interop.device.session import MediaSession
from interop.device.settings import DeviceSettings
from interop.device.source import LiveSource
from sip import Dialog, RemoteError, Request, response_to
from sip.aio import Incoming, Peer, SipStack
from sip.sdp import Sdp, answer_to, ssrc_text, ssrc_value

ACK_WAIT_S = 32.0
BYE_WAIT_S = 2.0
DISCARD_PORT = 9
"""Port written by the side that connects (RFC 4145 4.1)."""


@dataclass(slots=True)
class Call:
    """One live view of one channel."""

    dialog: Dialog
    session: MediaSession
    peer: Peer
    channel: str
    offer: Sdp
    answer: bytes = b""
    task: asyncio.Task[None] | None = None


class Calls:
    """The calls of one device. Calls of the same channel share one encoder."""

    def __init__(
        self,
        settings: DeviceSettings,
        stack: SipStack,
        sources: Mapping[str, LiveSource],
        contact: Callable[[str], str],
        on_event: Callable[[str, dict[str, Any]], None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._settings = settings
        self._stack = stack
        self._sources = sources
        self._contact = contact
        self._on_event = on_event
        self._spawn = spawn
        self._calls: dict[str, Call] = {}

    @property
    def sessions(self) -> list[MediaSession]:
        """The media sessions, in the order of their INVITEs."""
        return [call.session for call in self._calls.values()]

    async def invite(self, incoming: Incoming) -> None:
        """Answer an INVITE and, once acknowledged, stream until the call ends. RemoteError: refuse it so."""
        if incoming.request.to.tag is not None:
            await self._repeated(incoming)
            return
        call = self._begin(incoming)
        try:
            answer = await self._answer(call)
        except OSError as error:
            await self.end(call, bye=False)
            raise RemoteError("media", f"no socket: {error}", status=488) from error
        if incoming.answered:  # cancelled meanwhile
            await self.end(call, bye=False)
            return
        call.answer, call.task = bytes(answer), asyncio.current_task()
        incoming.respond(200, headers=self._headers(call.channel), body=call.answer)
        try:
            await incoming.acked(ACK_WAIT_S)
            await self._stream(call)
        except (RemoteError, OSError) as error:
            self._on_event("call failed", {"channel": call.channel, "problem": str(error)})
            await self.end(call, bye=True)

    async def bye(self, incoming: Incoming) -> None:
        """End the call a BYE belongs to; the ACK may not have come yet."""
        call = self._of(incoming.request)
        if call is None:
            incoming.respond(481)
        elif not call.dialog.accepts(incoming.request):
            incoming.respond(500)
        else:
            incoming.respond(200)
            await self.end(call, bye=False)

    async def end(self, call: Call, *, bye: bool) -> None:
        """Stop streaming; `bye` tells the other side."""
        if self._calls.pop(call.dialog.call_id, None) is None:
            return
        if call.task is not None and call.task is not asyncio.current_task():
            call.task.cancel()
        await call.session.close()
        self._on_event("stopped", {"channel": call.channel, "packets": call.session.sent.packets})
        if bye:
            with contextlib.suppress(RemoteError):
                await self._stack.ask(call.dialog.request("BYE"), call.peer, timeout_s=BYE_WAIT_S)

    async def end_all(self) -> None:
        """End every call, with BYE."""
        await asyncio.gather(*(self.end(call, bye=True) for call in list(self._calls.values())))

    def _of(self, request: Request) -> Call | None:
        call = self._calls.get(request.call_id)
        return call if call is not None and call.dialog.matches(request) else None

    def _headers(self, channel: str) -> list[tuple[str, str]]:
        return [("Contact", self._contact(channel)), ("Content-Type", "application/sdp")]

    def _begin(self, incoming: Incoming) -> Call:
        """Check what is asked and take the encoder. RemoteError with the status to refuse it with."""
        request = incoming.request
        channel = request.uri.user or ""
        source = self._sources.get(channel)
        if source is None:
            raise RemoteError("Request-URI", "no such channel", channel, 404)
        taken = {call.channel for call in self._calls.values()}
        if channel not in taken and len(taken) >= self._settings.max_encoders:
            raise RemoteError("encoders", "all are busy", status=486)
        if len(self._calls) >= self._settings.max_calls:
            raise RemoteError("calls", "too many", status=486)
        offer = Sdp.parse(request.body)
        payload = _program_stream(offer)
        ssrc = ssrc_value(offer.ssrc) if offer.ssrc else secrets.randbelow(1 << 31)
        dialog = Dialog.from_server(request, response_to(request, 200, to_tag=incoming.local_tag))
        session = MediaSession(source, ssrc, payload, lambda reason: self._media_ended(dialog.call_id, reason))
        call = Call(dialog, session, incoming.source, channel, offer)
        self._calls[dialog.call_id] = call
        return call

    async def _repeated(self, incoming: Incoming) -> None:
        """A second INVITE in a dialog: the same media is confirmed, other media refused, the call goes on."""
        request = incoming.request
        call = self._of(request)
        if call is None:
            raise RemoteError("dialog", "no such call", request.call_id, 481)
        if not call.dialog.accepts(request):
            raise RemoteError("CSeq", "out of order", status=500)
        offer = Sdp.parse(request.body)
        if _where(offer) != _where(call.offer):
            raise RemoteError("SDP", "media of a call in progress does not move", status=488)
        incoming.respond(200, headers=self._headers(call.channel), body=call.answer)
        try:
            await incoming.acked(ACK_WAIT_S)
        except RemoteError as error:
            self._on_event("call failed", {"channel": call.channel, "problem": str(error)})
            await self.end(call, bye=True)

    async def _answer(self, call: Call) -> Sdp:
        host, offer, session = self._settings.host, call.offer, call.session
        if not offer.is_tcp:
            port = session.open_udp(host, self._remote(call))
        elif offer.setup == "active":
            port = await session.listen(host)
        else:
            port = DISCARD_PORT
        return answer_to(
            offer,
            origin_id=call.channel,
            host=host,
            port=port,
            ssrc=ssrc_text(session.ssrc),
            payload=session.payload_type,
        )

    async def _stream(self, call: Call) -> None:
        offer = call.offer
        if offer.is_tcp and offer.setup != "active":
            await call.session.connect(self._remote(call))
        await call.session.start()
        host, port = self._remote(call)
        self._on_event("streaming", {"channel": call.channel, "to": f"{host}:{port}", "proto": offer.proto})

    def _remote(self, call: Call) -> tuple[str, int]:
        return (call.offer.host or call.peer.host, call.offer.port)

    def _media_ended(self, call_id: str, reason: str) -> None:
        call = self._calls.get(call_id)
        if call is not None:
            self._on_event("media ended", {"channel": call.channel, "reason": reason})
            self._spawn(self.end(call, bye=True))


def _program_stream(offer: Sdp) -> int:
    """The payload type offered for PS; RemoteError (488) when there is none."""
    for payload in offer.payloads:
        if (offer.encoding(payload) or "").upper().startswith("PS"):
            return payload
    raise RemoteError("SDP", "no program stream is offered", str(offer.rtpmap), 488)


def _where(offer: Sdp) -> tuple[str, int, str, str | None]:
    return (offer.host, offer.port, offer.proto, offer.setup)
