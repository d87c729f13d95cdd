"""What comes from above (北向): queries, control, subscriptions and calls of upper platforms.

Everything an upper platform names, it names by a published id. What its sharing rule does not show does not exist for
its questions; a call or a command for it is refused (403), and the refusal is in the ledger with the real channel.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Protocol

import structlog

from catalog import ChannelKey, Item, is_playable, kind_of
from gateway.compliance.access import AccessRequest, Action, Actor, Facts
from gateway.compliance.grant import Grant, Grants
from gateway.errors import Denied, Failure, Reason
from gateway.relay.hub import StreamKey
from gateway.signalling.cascade import Cascade
from gateway.signalling.control import Controls
from gateway.signalling.exchange import Correspondent, Exchange, QuestionRefused
from gateway.signalling.live import LiveCalls
from gateway.signalling.notifier import CatalogueNotifier
from gateway.signalling.preferred_path import PreferredPath
from gateway.signalling.router import FromUpper
from gateway.signalling.upper_request import UpperRequest
from gateway.store.uppers import MEDIA_TO_ANY_ADDRESS, Upper, Uppers
from sip import RemoteError
from sip.manscdp import (
    CatalogQuery,
    DeviceControlResponse,
    DeviceInfoQuery,
    DeviceInfoResponse,
    DeviceStatusQuery,
    DeviceStatusResponse,
    IFrameControl,
    Parsed,
    PtzControl,
)
from sip.sdp import Sdp
from sip.subject import Subject

log = structlog.get_logger("northbound")

FIRMWARE = "0.1.0"

ANSWERED_CONTROLS = ("GuardControl", "RecordControl", "AlarmControl", "HomePositionControl", "DeviceUpgradeControl")
"""Controls whose sender waits for a result (GB/T 28181-2022 9.3); those we do not pass on are answered ERROR."""


class Shared(Protocol):
    """What one upper platform is shown."""

    @property
    def items(self) -> Mapping[str, Item]: ...
    def real(self, published: str) -> StreamKey | None: ...
    def shows(self, key: StreamKey) -> bool: ...
    def has_picture(self, published: str) -> bool: ...
    def allows(self, action: str) -> bool: ...


class Northbound:
    """Handles requests of upper platforms; who they are has been established before."""

    def __init__(
        self,
        *,
        node_name: str,
        uppers: Uppers,
        correspondent: Callable[[str], Correspondent | None],
        exchange: Exchange,
        cascade: Cascade,
        notifier: CatalogueNotifier,
        controls: Controls,
        live: LiveCalls,
        grants: Grants,
        is_secret: Callable[[StreamKey], Awaitable[bool]],
        firmware: Callable[[StreamKey], str] = lambda _key: "",
    ) -> None:
        self._node_name = node_name
        self._uppers = uppers
        self._correspondent = correspondent
        self._exchange = exchange
        self._cascade = cascade
        self._notifier = notifier
        self._controls = controls
        self._live = live
        self._grants = grants
        self._is_secret = is_secret
        self._firmware = firmware

    async def asked(self, request: FromUpper, parsed: Parsed) -> None:
        """A Query or Control MESSAGE; its 200 is out already."""
        upper = self._correspondent(request.upper_id)
        if upper is None:
            return
        message = parsed.message
        try:
            match message:
                case CatalogQuery():
                    await self._cascade.answer(upper, message)
                case DeviceInfoQuery():
                    await self._answer_info(upper, message)
                case DeviceStatusQuery():
                    await self._answer_status(upper, message)
                case PtzControl():
                    await self._ptz(upper, message)
                case IFrameControl():
                    await self._key_frame(upper, message)
                case _:
                    await self._not_supported(upper, parsed)
        except (RemoteError, QuestionRefused) as error:
            log.warning("answer not delivered", upper=upper.id, cmd=parsed.cmd_type, problem=str(error))

    async def subscribed(self, request: FromUpper, parsed: Parsed | None) -> None:
        """SUBSCRIBE: only the catalogue can be subscribed to."""
        await self._notifier.subscribe(request, parsed)

    async def invited(self, request: FromUpper) -> None:
        """INVITE for a live stream, with or without an offer. Raises Failure or RemoteError: the router answers."""
        incoming, upper_id = request.incoming, request.upper_id
        upper = self._uppers.require(upper_id)
        correspondent = self._correspondent(upper_id)
        if incoming.request.max_forwards <= 0:
            raise Failure(Reason.TOO_MANY_HOPS)
        offer = Sdp.parse(incoming.request.body) if incoming.request.body.strip() else None
        action = _action_of(offer)
        own_ids = {self._exchange.own_id} | ({correspondent.own_id} if correspondent is not None else set())
        path = PreferredPath.of(incoming.request).onward(own_ids)
        shared = await self._cascade.shared(upper_id)
        published, key = await self._wanted(request, shared, path)
        destination = f"{offer.host}:{offer.port}" if offer is not None else upper_id
        grant = await self._grant(upper_id, published, key, action, shared, destination)
        assert key is not None
        try:
            if action is not Action.LIVE:
                raise Failure(Reason.NOT_ACCEPTABLE, "only live streams are relayed", channel=key.code)
            if key.peer_id == upper_id:
                raise Failure(Reason.LOOP, channel=key.code)
            if not shared.has_picture(published):
                raise Failure(Reason.UNKNOWN_CHANNEL, f"it is no camera ({kind_of(key.code)})", channel=published)
            await self._live.invited(
                UpperRequest(
                    upper_id=upper_id,
                    local_id=correspondent.own_id if correspondent is not None else "",
                    grant=grant,
                    published_code=published,
                    offer=offer,
                    incoming=incoming,
                    keep_ssrc=upper.ssrc_policy == "upper",
                    late_transport=upper.media_transport or "udp",
                    media_hosts=_media_hosts(upper, incoming.source.host, correspondent),
                    path=path,
                )
            )
        except BaseException as error:
            await self._end(grant, error.step if isinstance(error, Failure) else "bad_request")
            raise

    async def _wanted(self, request: FromUpper, shared: Shared, path: PreferredPath) -> tuple[str, StreamKey | None]:
        """The channel an INVITE is for: Request-URI, To, then Subject; a shared camera wins over a shared platform,
        group or region, those over our own id, and all over one that exists without being shared. Of a camera shared
        from several platforms the path picks one."""
        invite = request.incoming.request
        subject = Subject.parse(invite.headers.get("Subject") or "")
        candidates = dict.fromkeys([invite.uri.user or "", invite.to.uri.user or ""])
        if subject is not None:
            candidates[subject.sender_id] = None
        for code in sorted(candidates, key=shared.has_picture, reverse=True):  # in their order otherwise
            key = shared.real(code)
            if key is not None:
                preferred = StreamKey(path.next_hop, key.code)
                return code, preferred if path.next_hop and shared.shows(preferred) else key
        for code in candidates:
            if code in shared.items:
                continue  # a region or ourselves: shown, with nothing behind it that could be denied
            key = await self._cascade.behind(request.upper_id, code)
            if key is not None:
                return code, key
        return next(iter(candidates)), None

    async def _grant(
        self, upper_id: str, published: str, key: StreamKey | None, action: Action, shared: Shared, destination: str
    ) -> Grant:
        """A grant under the sharing rule, entered in the ledger; a refusal is entered too, with the real channel, and
        raised: 403, or 404 where the code names nothing at all."""
        secret = key is not None and await self._is_secret(key)
        allowed = shared.real(published) is not None and shared.allows(action.value)
        asked = AccessRequest(
            Actor("upper", upper_id),
            action,
            key.peer_id if key is not None else "",
            key.code if key is not None else published,
            destination=destination,
            facts=Facts(shared=allowed, secret=secret, known=key is not None),
        )
        try:
            return await self._grants.issue(asked)
        except Denied as denied:
            raise (Failure(Reason.UNKNOWN_CHANNEL, channel=published) if key is None else denied) from None

    async def _end(self, grant: Grant, reason: str, *, seconds: float = 0.0) -> None:
        await self._grants.ended(grant, seconds=seconds, bytes_sent=0, reason=reason)

    async def _answer_info(self, upper: Correspondent, query: DeviceInfoQuery) -> None:
        """Of ourselves, or of an object that is shown; anything else does not exist."""
        shared = await self._cascade.shared(upper.id)
        item = shared.items.get(query.device_id)
        answer = DeviceInfoResponse(sn=query.sn, device_id=query.device_id, result="ERROR")
        if query.device_id == upper.own_id:
            answer = replace(
                answer,
                result="OK",
                device_name=self._node_name,
                manufacturer="gb28181-gateway",
                model="gbgateway",
                firmware=FIRMWARE,
                channel=sum(1 for key in shared.published.keys.values() if _is_channel(key)),
            )
        elif item is not None:
            answer = replace(
                answer,
                result="OK",
                device_name=item.name,
                manufacturer=item.manufacturer,
                model=item.model,
                firmware=self._firmware(key) or None if (key := shared.real(query.device_id)) is not None else None,
            )
        await self._exchange.tell(upper, answer)

    async def _answer_status(self, upper: Correspondent, query: DeviceStatusQuery) -> None:
        shared = await self._cascade.shared(upper.id)
        item = shared.items.get(query.device_id)
        known = query.device_id == upper.own_id or item is not None
        online = query.device_id == upper.own_id or shared.is_on(query.device_id)
        await self._exchange.tell(
            upper,
            DeviceStatusResponse(
                sn=query.sn,
                device_id=query.device_id,
                result="OK" if known else "ERROR",
                online="ONLINE" if online else "OFFLINE",
                status="ERROR" if item is not None and item.fault else "OK",
            ),
        )

    async def _ptz(self, upper: Correspondent, command: PtzControl) -> None:
        shared = await self._cascade.shared(upper.id)
        key = shared.real(command.device_id) or await self._cascade.behind(upper.id, command.device_id)
        try:
            grant = await self._grant(upper.id, command.device_id, key, Action.PTZ, shared, upper.id)
            outcome = "not passed on"
            try:
                await self._controls.ptz(grant, command.ptz_cmd, command.control_priority)
                outcome = f"sent {command.ptz_cmd}"
            finally:
                await self._end(grant, outcome)
        except Failure as failure:
            log.warning("control not passed on", upper=upper.id, channel=command.device_id, step=failure.step)

    async def _key_frame(self, upper: Correspondent, command: IFrameControl) -> None:
        shared = await self._cascade.shared(upper.id)
        key = shared.real(command.device_id)
        # A key frame is only worth asking for while the stream runs; it shows nobody anything new.
        if key is not None and self._live.hub.get(key) is not None:
            await self._controls.key_frame(key)

    async def _not_supported(self, upper: Correspondent, parsed: Parsed) -> None:
        message = parsed.message
        if type(message).__name__ in ANSWERED_CONTROLS:
            await self._exchange.tell(
                upper, DeviceControlResponse(sn=message.sn, device_id=message.device_id, result="ERROR")
            )
        log.info("not supported", upper=upper.id, cmd=parsed.cmd_type)


def _is_channel(key: ChannelKey) -> bool:
    """Whether an object is one of the video inputs we offer: a device that registers here is none, its channels are."""
    return is_playable(key.code) and key.code != key.peer_id


def _action_of(offer: Sdp | None) -> Action:
    """What an INVITE asks for, by its s= (GB/T 28181-2022 Annex G); without an offer it can only be live video."""
    session = offer.session.strip().lower() if offer is not None else "play"
    return {"playback": Action.PLAYBACK, "download": Action.DOWNLOAD}.get(session, Action.LIVE)


def _media_hosts(upper: Upper, source: str, correspondent: Correspondent | None) -> frozenset[str] | None:
    """Where the upper platform may have its media sent; None: anywhere (a named tolerance)."""
    if MEDIA_TO_ANY_ADDRESS in upper.tolerances:
        return None
    known = {source, upper.host, *upper.source_addresses}
    return frozenset(known | {correspondent.peer.host} if correspondent is not None else known)
