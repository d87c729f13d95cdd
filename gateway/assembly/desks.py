"""Who handles a request, assembled: what comes from below, what upper platforms ask, and what they are shown."""

from __future__ import annotations

from collections.abc import Callable

from catalog.store import CatalogStore, SharingStore
from gateway.alarms.book import AlarmBook
from gateway.alarms.desk import AlarmDesk
from gateway.alarms.forward import AlarmForwarder
from gateway.assembly.signalling import Signalling
from gateway.compliance.grant import Grants
from gateway.config import Config
from gateway.relay.hub import StreamKey
from gateway.signalling.cascade import Cascade
from gateway.signalling.dialogs import InDialogRequests
from gateway.signalling.live import LiveCalls
from gateway.signalling.northbound import Northbound
from gateway.signalling.notifier import CatalogueNotifier
from gateway.signalling.registrar import Registrar, RegistrarPolicy
from gateway.signalling.router import Router
from gateway.signalling.southbound import Southbound
from gateway.signalling.zone_guard import ZoneGuard
from gateway.store.stores import Stores


class Desks:
    """The two desks, south and north, the router in front of them, and the catalogue as upper platforms see it."""

    def __init__(
        self,
        config: Config,
        stores: Stores,
        catalog: CatalogStore,
        signalling: Signalling,
        live: LiveCalls,
        grants: Grants,
        alarms: AlarmBook,
        firmware: Callable[[StreamKey], str],
    ) -> None:
        directory = signalling.directory
        self._catalog = catalog
        self.cascade = Cascade(
            catalog,
            SharingStore(stores.database.writer, write_turn=stores.database.write_turn),
            stores.uppers,
            stores.rules,
            signalling.exchange,
            directory.upper,
            directory.local_id,
            node_name=config.node.name,
            node_address=config.node.address,
            items_per_message=(config.catalog.items_per_udp_message, config.catalog.items_per_tcp_message),
        )
        self.notifier = CatalogueNotifier(
            signalling.stack,
            stores.subscriptions,
            directory.upper,
            self.cascade.offline_items,
            scope=self.cascade.codes_in,
        )
        self.cascade.notify = self.notifier.notify
        self.registrar = Registrar(
            realm=config.node.realm,
            account_of=directory.account,
            binding_of=signalling.presence.bindings.get,
            policy=registrar_policy(config),
        )
        self.southbound = Southbound(
            self.registrar, signalling.presence, signalling.exchange, signalling.sync, enrol=directory.enrol
        )
        self.southbound.alarmed = AlarmDesk(alarms, signalling.exchange, directory.lower).take
        self.alarm_forwarder = AlarmForwarder(
            signalling.exchange,
            uppers=lambda: [upper.id for upper in stores.uppers if upper.enabled],
            registered=lambda upper_id: (uplink := signalling.uplinks.get(upper_id)) is not None and uplink.registered,
            correspondent=directory.upper,
            shared=self.cascade.shared,
        )
        alarms.told.append(self.alarm_forwarder.take)
        self.northbound = Northbound(
            node_name=config.node.name,
            uppers=stores.uppers,
            correspondent=directory.upper,
            exchange=signalling.exchange,
            cascade=self.cascade,
            notifier=self.notifier,
            controls=signalling.controls,
            live=live,
            grants=grants,
            is_secret=self._is_secret,
            firmware=firmware,
        )
        self.router = Router(
            self.southbound,
            self.northbound,
            InDialogRequests(live),
            signalling.presence.bindings,
            directory.upper_addresses,
            heard=signalling.presence.heard,
            zones=ZoneGuard(signalling.zones, signalling.presence.bindings),
        )

    async def _is_secret(self, key: StreamKey) -> bool:
        stored = await self._catalog.get(key.peer_id, key.code)
        return stored is not None and stored.item.is_secret


def registrar_policy(config: Config) -> RegistrarPolicy:
    """What the configuration says of registrations."""
    return RegistrarPolicy(
        default_expires_s=config.registrar.default_expires_seconds,
        min_expires_s=config.registrar.min_expires_seconds,
        max_expires_s=config.registrar.max_expires_seconds,
        nonce_lifetime_s=config.registrar.nonce_lifetime_seconds,
        failures_allowed=config.sip.ban_after_failures,
        failure_window_s=config.sip.ban_seconds,
        strict_codes=config.sip.strict_codes,
        gb_version="3.0" if config.node.edition == "2022" else "2.0",
    )
