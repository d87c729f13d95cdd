"""The signalling of a node, assembled: the SIP stack, who is there below and above, and what is asked of them."""

from __future__ import annotations

from collections.abc import Callable

from catalog.store import CatalogStore
from gateway.assembly.news import News
from gateway.config import Config
from gateway.device_health.book import HealthBook
from gateway.device_health.keepalives import KeepalivePolicy
from gateway.device_health.standing import FlapPolicy
from gateway.signalling.control import Controls
from gateway.signalling.directory import Directory
from gateway.signalling.exchange import Exchange
from gateway.signalling.peer_zones import PeerZones
from gateway.signalling.presence import Presence
from gateway.signalling.reachability import Reachability
from gateway.signalling.requests import Party
from gateway.signalling.subscriber import CatalogueSubscriber
from gateway.signalling.sync import CatalogueSync
from gateway.signalling.uplinks import Uplinks
from gateway.store.stores import Stores
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.sip_watch import SipWatch
from gateway.zones import Zones
from sip.aio import Incoming, SipStack, WayOutPolicy
from sip.core.answer_source import AnswerPolicy
from sip.limits import Limits

NEVER_S = 10 * 365 * 86_400.0


class Signalling:
    """Everything that sends SIP except calls. `on_request` gets what arrives, `news` what it means."""

    def __init__(
        self,
        config: Config,
        stores: Stores,
        catalog: CatalogStore,
        metrics: Metrics,
        watch: SipWatch,
        news: News,
        on_request: Callable[[Incoming], None],
    ) -> None:
        me = Party(config.node.id, config.node.realm)
        self.stack = sip_stack(
            config,
            watch,
            on_request,
            lambda asked, source: self.directory.may_answer(asked, source),
            lambda peer: self.zones.way_out(peer),
        )
        self.stack.on_connection_lost = news.connection_lost
        self.health = HealthBook(keepalive_policy(config), flap_policy(config), history=stores.offline.note)
        self.presence = Presence(
            stores.registrations, self.health, on_online=news.peer_online, on_offline=news.peer_offline
        )
        self.stack.on_response = self.presence.answered
        self.uplinks = Uplinks(stores.uppers, stores.uplinks, self.stack, on_change=news.uplink_changed)
        self.reachability = Reachability(lambda peer: self.zones.of(peer))
        self.directory = Directory(
            config, stores.devices, stores.uppers, self.presence.bindings, self.uplinks.get, self.reachability
        )
        self.uplinks.target_of = self.directory.uplink_target
        self.zones = PeerZones(
            Zones(config), stores.devices, stores.uppers, self.presence.bindings, self.directory.upper_addresses
        )
        self.exchange = Exchange(self.stack, me, answer_s=config.sip.request_timeout_seconds)
        self.sync = CatalogueSync(
            self.exchange,
            catalog,
            self.directory.lower,
            first_s=config.catalog.first_answer_seconds,
            gap_s=config.catalog.next_answer_seconds,
            interval_s=config.catalog.sync_interval_seconds or NEVER_S,
            took=metrics.sync_seconds.observe,
            own_item=self.directory.own_item,
        )
        self.subscriber = CatalogueSubscriber(
            self.stack,
            me,
            stores.subscriptions,
            self.directory.lower,
            next_sn=self.exchange.next_sn,
            expires_s=config.catalog.subscribe_expires_seconds,
        )
        self.controls = Controls(self.exchange, self.directory.lower, no_commands=self.directory.no_commands)


def keepalive_policy(config: Config) -> KeepalivePolicy:
    """What the configuration says of keepalives."""
    registrar = config.registrar
    return KeepalivePolicy(
        configured_s=registrar.keepalive_interval_seconds,
        misses=registrar.keepalive_misses,
        shortest_s=registrar.keepalive_learned_min_seconds,
        longest_s=registrar.keepalive_learned_max_seconds,
    )


def flap_policy(config: Config) -> FlapPolicy:
    """What the configuration says of devices that come and go."""
    registrar = config.registrar
    return FlapPolicy(registrar.flaps_allowed, registrar.flap_window_seconds, registrar.settle_seconds)


def sip_stack(
    config: Config,
    watch: SipWatch,
    on_request: Callable[[Incoming], None],
    answer_from_elsewhere: AnswerPolicy,
    way_out: WayOutPolicy,
) -> SipStack:
    """The stack of a node; it listens nowhere yet."""
    return SipStack(
        user_agent=config.sip.user_agent,
        on_request=on_request,
        on_wire=watch.on_wire,
        limits=Limits(max_connections=config.sip.max_connections),
        answer_from_elsewhere=answer_from_elsewhere,
        way_out=way_out,
        # GB/T 28181-2022 Annex I: in every answer to REGISTER, success or failure, whoever makes it.
        answer_headers={"REGISTER": [("X-GB-Ver", "3.0" if config.node.edition == "2022" else "2.0")]},
    )
