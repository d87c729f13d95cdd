"""Peers as configured, joined with where they are right now: one place to ask "how do I talk to this peer?"."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from catalog import Item, Kind, civil_code_of, full_name, kind_of, type_of
from gateway.config import Config
from gateway.errors import AlreadyExists, Failure, Reason
from gateway.relay.hub import StreamKey
from gateway.rtsp.target import RtspTarget, UnresolvedTarget
from gateway.secrets import Secret
from gateway.signalling.bindings import Binding, Bindings
from gateway.signalling.call_environment import MEDIA_SOURCE_ANY, SSRC_ANY, LowerTarget
from gateway.signalling.exchange import Correspondent
from gateway.signalling.reachability import MediaWay, Reachability
from gateway.signalling.registrar import Account
from gateway.signalling.trust import UpperAddress
from gateway.signalling.uplink import Uplink, UpperTarget
from gateway.store.devices import Device, Devices, PeerKind
from gateway.store.uppers import ANSWER_FROM_ELSEWHERE, Upper, Uppers
from media.worker.control import Transport
from sip.aio import Peer
from sip.manscdp import Edition


class Directory:
    """Configured peers and their present addresses."""

    def __init__(
        self,
        config: Config,
        devices: Devices,
        uppers: Uppers,
        bindings: Bindings,
        uplink_of: Callable[[str], Uplink | None],
        reachability: Reachability,
    ) -> None:
        self._config = config
        self._devices = devices
        self._uppers = uppers
        self._bindings = bindings
        self._uplink_of = uplink_of
        self._reachability = reachability
        self.onvif_target: Callable[[StreamKey], Awaitable[RtspTarget]] = _nowhere
        """Asks an ONVIF camera where the stream of a channel is. Raises Failure."""

    def account(self, peer_id: str) -> Account | None:
        """What the registrar must know of a peer; None: it may not register."""
        device = self._devices.get(peer_id)
        if device is None:
            return self._newcomer(peer_id)
        if device.is_called:
            return None
        if device.password:
            return Account(device.id, device.password.reveal(), device.enabled)
        if device.allow_no_password:
            return Account(device.id, None, device.enabled)
        shared: Secret = self._config.registrar.shared_password
        return Account(device.id, shared.reveal(), device.enabled) if shared else None

    def _newcomer(self, peer_id: str) -> Account | None:
        """A peer nobody has entered, where such peers are taken in with the shared password."""
        registrar = self._config.registrar
        if not registrar.accept_unknown or not registrar.shared_password or type_of(peer_id) is None:
            return None
        return Account(peer_id, registrar.shared_password.reveal())

    async def enrol(self, peer_id: str) -> None:
        """Enter a peer that has just registered for the first time; one that is entered stays as it is."""
        if self._devices.get(peer_id) is None:
            kind: PeerKind = "platform" if kind_of(peer_id) is Kind.SYSTEM else "device"
            with contextlib.suppress(AlreadyExists):
                await self._devices.create(Device(peer_id, name=peer_id, kind=kind, created_at=time.time()))

    def own_item(self, peer_id: str) -> Item | None:
        """The item of a recorder or the like that registers here, as it is shown when it does not list itself (目录项).

        Platforms list themselves, and a camera that registers is the channel it lists.
        """
        device = self._devices.get(peer_id)
        if device is None or device.kind != "device" or kind_of(peer_id) is not Kind.MAIN_DEVICE:
            return None
        region = civil_code_of(peer_id)
        return Item(
            code=peer_id,
            peer_id=peer_id,
            name=device.name or peer_id,
            civil_code=region,
            address=full_name(region),
            parental=True,
        ).storable()

    def upper_addresses(self) -> Iterable[UpperAddress]:
        """The addresses upper platforms may send from."""
        for upper in self._uppers:
            if upper.enabled:
                host, port = self._address_of(upper)
                yield UpperAddress(upper.id, upper.transport.upper(), host, port, upper.source_addresses)

    def may_answer(self, asked: Peer, source: Peer) -> bool:
        """Whether `source` is another address of the upper platform that was asked, and is tolerated as such."""
        return any(
            upper.enabled
            and ANSWER_FROM_ELSEWHERE in upper.tolerances
            and source.host in upper.source_addresses
            and (asked.host, asked.port) == self._address_of(upper)
            for upper in self._uppers
        )

    def _address_of(self, upper: Upper) -> tuple[str, int]:
        """Where an upper platform is reached: its name resolved, once its uplink has done so."""
        uplink = self._uplink_of(upper.id)
        peer = uplink.peer if uplink is not None else None
        return (peer.host, peer.port) if peer is not None else (upper.host, upper.port)

    def lower(self, peer_id: str) -> Correspondent | None:
        """How to talk to a peer below us; None while it is offline."""
        binding = self._bindings.get(peer_id)
        device = self._devices.get(peer_id)
        if binding is None or device is None:
            return None
        edition = self._edition(device, binding.gb_version)
        return Correspondent(peer_id, binding.source, self._charset(device, edition), edition)

    def upper(self, upper_id: str) -> Correspondent | None:
        """How to talk to an upper platform; None when it is not configured or disabled."""
        upper = self._uppers.get(upper_id)
        uplink = self._uplink_of(upper_id)
        if upper is None or not upper.enabled or uplink is None:
            return None
        edition = self._edition(upper, uplink.status.peer_version)
        return Correspondent(
            upper_id, uplink.peer, self._charset(upper, edition), edition, upper.realm, self.local_id(upper)
        )

    def local_id(self, upper: Upper) -> str:
        """The code under which this node appears at an upper platform."""
        return upper.local_id or self._config.node.id

    def no_commands(self, peer_id: str) -> str:
        """Why a camera takes no commands at all; "" when it may."""
        device = self._devices.get(peer_id)
        return "the camera speaks RTSP only" if device is not None and device.kind == "rtsp" else ""

    def uplink_target(self, upper: Upper) -> UpperTarget:
        """What the uplink needs to register there."""
        return UpperTarget(
            upper_id=upper.id,
            host=upper.host,
            port=upper.port,
            transport=upper.transport.upper(),
            local_id=self.local_id(upper),
            password=upper.password.reveal(),
            username=upper.username,
            domain=upper.realm,
            charset=self._charset(upper, self._edition(upper, None)),
            expires_seconds=upper.register_expires_seconds,
            keepalive_seconds=upper.keepalive_seconds,
            retry_seconds=self._config.uplink.retry_seconds,
            retry_jitter_seconds=self._config.uplink.retry_jitter_seconds,
            keepalive_misses=self._config.uplink.keepalive_misses,
            gb_version="3.0" if (upper.edition or self._config.node.edition) == "2022" else "2.0",
        )

    def locate(self, key: StreamKey) -> LowerTarget | RtspTarget | UnresolvedTarget:
        """Where a stream is to be had. Raises Failure: unknown peer, or offline."""
        device = self._devices.get(key.peer_id)
        if device is None or (device.kind == "rtsp" and device.channel_id != key.code):
            raise Failure(Reason.UNKNOWN_CHANNEL, peer_id=key.peer_id, channel=key.code)
        if device.kind == "onvif" and device.enabled:
            return UnresolvedTarget(key, partial(self.onvif_target, key))
        if device.kind == "rtsp" and device.enabled:
            # Whether it answers shows when it is called: what was seen of it last may be a minute old.
            return RtspTarget.of(device)
        binding = self._bindings.get(key.peer_id)
        if binding is None:
            raise Failure(Reason.DEVICE_OFFLINE, peer_id=key.peer_id, channel=key.code)
        way = self._way(device, binding)
        return LowerTarget(
            key,
            binding.source,
            way.transport,
            any_source=MEDIA_SOURCE_ANY in device.tolerances,
            any_ssrc=SSRC_ANY in device.tolerances,
            platform=device.kind == "platform",
            max_sessions=device.max_sessions,
            turned=way.turned,
        )

    def media_way(self, peer_id: str) -> MediaWay | None:
        """How a peer below us is asked for its media; None while it is offline."""
        binding = self._bindings.get(peer_id)
        device = self._devices.get(peer_id)
        return self._way(device, binding) if binding is not None and device is not None else None

    def _way(self, device: Device, binding: Binding) -> MediaWay:
        configured: Transport = device.media_transport or self._config.media.device_transport  # type: ignore[assignment]
        return MediaWay(configured, self._reachability.behind_nat(binding))

    def _charset(self, record: Device | Upper, edition: Edition) -> str:
        if record.charset:
            return record.charset
        # GB/T 28181-2022 6.10: GB 18030; peers before it declare GB 2312.
        return "GB18030" if edition >= Edition.V2022 else "GB2312"

    def _edition(self, record: Device | Upper, gb_version: str | None) -> Edition:
        newest = Edition(int(self._config.node.edition))
        if record.edition:
            return Edition(int(record.edition))
        return min(newest, Edition.of_version(gb_version))


async def _nowhere(key: StreamKey) -> RtspTarget:
    raise Failure(Reason.DEVICE_OFFLINE, peer_id=key.peer_id, channel=key.code)
