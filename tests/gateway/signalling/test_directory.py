"""How to talk to a peer: what is configured, joined with where the peer is now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.config import Config
from gateway.errors import Failure, Reason
from gateway.relay.hub import StreamKey
from gateway.rtsp.target import RtspTarget, UnresolvedTarget
from gateway.secrets import Secret
from gateway.signalling.bindings import Binding, Bindings
from gateway.signalling.directory import Directory
from gateway.signalling.reachability import Reachability
from gateway.signalling.registrar import Account
from gateway.signalling.trust import UpperAddress
from gateway.signalling.uplink import Uplink
from gateway.store.devices import Device
from gateway.store.stores import Stores
from gateway.store.uppers import Upper
from gateway.zones import Zones
from sip.aio import Peer
from sip.manscdp import Edition
from tests.gateway.signalling.raw import CAMERA, LOWER, NODE, UPPER, Desk

AT = Peer("UDP", "192.0.2.1", 5060)


class Book:
    def __init__(self, stores: Stores, desk: Desk) -> None:
        self.stores, self.desk = stores, desk
        self.config = Config()
        self.bindings = Bindings()
        self.uplinks: dict[str, Uplink] = {}

    @property
    def directory(self) -> Directory:
        stores, reachability = self.stores, Reachability(lambda peer: Zones(self.config).of_host(peer.host))
        return Directory(self.config, stores.devices, stores.uppers, self.bindings, self.uplinks.get, reachability)

    def registrar(self, **options: Any) -> None:
        self.config = replace(self.config, registrar=replace(self.config.registrar, **options))

    def register(self, peer_id: str = CAMERA, version: str | None = "3.0") -> None:
        self.bindings.bind(Binding(peer_id, AT, "", 0, 3600, 0, version))

    def uplink(self, upper: Upper, **options: Any) -> Uplink:
        async def nobody(uplink: Uplink) -> None: ...

        made = Uplink(self.directory.uplink_target(upper), self.desk.stack, on_change=nobody, **options)
        self.uplinks[upper.id] = made
        return made


@pytest.fixture
def book(stores: Stores, desk: Desk) -> Book:
    return Book(stores, desk)


async def test_who_may_register_and_with_which_password(book: Book) -> None:
    assert book.directory.account(CAMERA) is None
    await book.stores.devices.create(Device(CAMERA, password=Secret("own")))
    assert book.directory.account(CAMERA) == Account(CAMERA, "own", True)
    await book.stores.devices.update(CAMERA, password=Secret(""))
    assert book.directory.account(CAMERA) is None
    book.registrar(shared_password=Secret("everybody's"))
    assert book.directory.account(CAMERA) == Account(CAMERA, "everybody's", True)
    await book.stores.devices.update(CAMERA, allow_no_password=True, enabled=False)
    assert book.directory.account(CAMERA) == Account(CAMERA, None, False)
    assert "everybody" not in repr(book.directory.account(CAMERA))


async def test_newcomers_are_taken_in_only_where_that_is_wanted_and_then_entered(book: Book) -> None:
    book.registrar(accept_unknown=True)
    assert book.directory.account(CAMERA) is None
    book.registrar(shared_password=Secret("all"))
    assert book.directory.account(CAMERA) == Account(CAMERA, "all", True)
    assert book.directory.account("not a code") is None
    for peer_id in (CAMERA, LOWER, CAMERA):
        await book.directory.enrol(peer_id)
    assert [(device.id, device.kind) for device in book.stores.devices] == [(CAMERA, "device"), (LOWER, "platform")]


@pytest.mark.parametrize(
    ("version", "options", "edition", "charset"),
    [
        ("3.0", {}, Edition.V2022, "GB18030"),
        ("2.0", {}, Edition.V2016, "GB2312"),
        (None, {}, Edition.V2016, "GB2312"),
        ("3.0", {"edition": "2016"}, Edition.V2016, "GB2312"),
        ("2.0", {"edition": "2022", "charset": "UTF-8"}, Edition.V2022, "UTF-8"),
    ],
)
async def test_a_peer_is_spoken_to_where_it_registered_from_and_as_it_understands(
    book: Book, version: str | None, options: dict[str, Any], edition: Edition, charset: str
) -> None:
    await book.stores.devices.create(Device(CAMERA, **options))
    assert book.directory.lower(CAMERA) is None
    book.register(version=version)
    found = book.directory.lower(CAMERA)
    assert found is not None and (found.peer, found.edition, found.charset) == (AT, edition, charset)


async def test_a_node_of_the_old_edition_speaks_no_newer_one(book: Book) -> None:
    book.config = replace(book.config, node=replace(book.config.node, edition="2016"))
    await book.stores.devices.create(Device(CAMERA))
    book.register(version="3.0")
    found = book.directory.lower(CAMERA)
    assert found is not None and found.edition is Edition.V2016
    assert book.directory.uplink_target(Upper(UPPER, host="192.0.2.99")).gb_version == "2.0"


async def test_an_upper_platform_is_spoken_to_where_our_registration_is(book: Book) -> None:
    upper = Upper(UPPER, host="192.0.2.99", local_id="34020000002000000077", domain="3401")
    assert book.directory.upper(UPPER) is None
    await book.stores.uppers.create(upper)
    assert book.directory.upper(UPPER) is None
    book.uplink(upper, server=Peer("UDP", "192.0.2.50", 5080), peer_version="2.0")
    found = book.directory.upper(UPPER)
    assert found is not None and found.peer == Peer("UDP", "192.0.2.50", 5080) and found.edition is Edition.V2016
    assert (found.own_id, found.domain) == ("34020000002000000077", "3401")
    await book.stores.uppers.update(UPPER, enabled=False)
    assert book.directory.upper(UPPER) is None


async def test_upper_platforms_may_send_from_where_we_registered_and_from_configured_addresses(book: Book) -> None:
    other = "34010000002000000002"
    upper = await book.stores.uppers.create(Upper(UPPER, host="192.0.2.99", source_addresses=("192.0.2.98",)))
    await book.stores.uppers.create(Upper(other, host="192.0.2.97", port=5070, transport="tcp"))
    await book.stores.uppers.create(Upper("34010000002000000003", host="192.0.2.96", enabled=False))
    book.uplink(upper, server=Peer("UDP", "192.0.2.50", 5080))
    assert list(book.directory.upper_addresses()) == [
        UpperAddress(UPPER, "UDP", "192.0.2.50", 5080, ("192.0.2.98",)),
        UpperAddress(other, "TCP", "192.0.2.97", 5070),
    ]


async def test_answers_from_another_address_of_an_upper_platform_are_tolerated_where_that_is_said(book: Book) -> None:
    upper = await book.stores.uppers.create(
        Upper(UPPER, host="city.example", source_addresses=("192.0.2.98",), tolerances=("answer_from_elsewhere",))
    )
    asked, card = Peer("UDP", "192.0.2.50", 5080), Peer("UDP", "192.0.2.98", 40_000)
    assert not book.directory.may_answer(asked, card)  # nothing was asked there yet
    book.uplink(upper, server=asked)
    assert book.directory.may_answer(asked, card)
    assert not book.directory.may_answer(asked, Peer("UDP", "192.0.2.97", 5080))
    assert not book.directory.may_answer(Peer("UDP", "192.0.2.1", 5060), card)
    await book.stores.uppers.update(UPPER, tolerances=())
    assert not book.directory.may_answer(asked, card)


async def test_what_an_uplink_needs(book: Book) -> None:
    upper = Upper(
        UPPER, host="192.0.2.99", port=5070, transport="tcp", username="u", password=Secret("p"), keepalive_seconds=30
    )
    target = book.directory.uplink_target(upper)
    assert (target.peer, target.local_id, target.password) == (Peer("TCP", "192.0.2.99", 5070), NODE, "p")
    assert (target.username, target.domain, target.keepalive_seconds) == ("u", "3401000000", 30)
    assert (target.gb_version, target.retry_seconds, target.keepalive_misses) == ("3.0", 60.0, 3)


async def test_a_stream_is_had_from_the_peers_present_address(book: Book) -> None:
    key = StreamKey(CAMERA, "c")

    def failed(locate: Callable[[StreamKey], object]) -> Reason:
        with pytest.raises(Failure) as error:
            locate(key)
        return error.value.reason

    assert failed(book.directory.locate) is Reason.UNKNOWN_CHANNEL
    await book.stores.devices.create(Device(CAMERA, tolerances=("media_source_any",)))
    assert failed(book.directory.locate) is Reason.DEVICE_OFFLINE
    book.register()
    target = book.directory.locate(key)
    assert (target.peer, target.transport, target.any_source, target.any_ssrc) == (AT, "tcp_passive", True, False)
    assert target.max_sessions is None
    changes = {"media_transport": "udp", "kind": "platform", "tolerances": ("ssrc_any",), "max_sessions": 4}
    await book.stores.devices.update(CAMERA, **changes)
    target = book.directory.locate(key)
    assert target.max_sessions == 4
    assert (target.transport, target.any_source, target.any_ssrc, target.platform) == ("udp", False, True, True)


async def test_a_device_that_nobody_can_connect_to_is_asked_to_connect(book: Book) -> None:
    await book.stores.devices.create(Device(CAMERA, media_transport="tcp_active"))
    assert book.directory.media_way(CAMERA) is None
    book.register()
    reachable = book.directory.locate(StreamKey(CAMERA, "c"))
    assert (reachable.transport, reachable.turned) == ("tcp_active", None)
    book.bindings.bind(Binding(CAMERA, AT, "", 0, 3600, 0, own_host="192.168.1.9"))
    hidden, way = book.directory.locate(StreamKey(CAMERA, "c")), book.directory.media_way(CAMERA)
    assert hidden.transport == "tcp_passive" and hidden.turned is not None and hidden.turned.own == "192.168.1.9"
    assert way is not None and (way.configured, way.transport, way.behind_nat) == (
        "tcp_active",
        "tcp_passive",
        hidden.turned,
    )


@pytest.mark.parametrize(
    ("peer_id", "kind", "shown"),
    [
        ("34020000001180000001", "device", True),
        ("34020000001110000001", "device", True),
        ("34020000001320000001", "device", False),
        ("34020000002000000009", "platform", False),
        ("34020000001180000001", "platform", False),
    ],
)
async def test_a_recorder_has_an_item_of_its_own_and_a_platform_or_a_camera_has_not(
    book: Book, peer_id: str, kind: Any, shown: bool
) -> None:
    assert book.directory.own_item(peer_id) is None
    await book.stores.devices.create(Device(peer_id, name="录像机", kind=kind))
    item = book.directory.own_item(peer_id)
    assert (item is not None) == shown
    if item is not None:
        assert (item.code, item.peer_id, item.name, item.civil_code) == (peer_id, peer_id, "录像机", "3402")
        assert item.address == "安徽省芜湖市" and item.parental and not item.is_secret and item.parent_ids == ()


async def test_an_rtsp_camera_registers_nowhere_takes_no_commands_and_is_called_at_its_address(book: Book) -> None:
    camera = Device(
        CAMERA, kind="rtsp", url="rtsp://192.0.2.1/", password=Secret("own"), channel_id="34020000001320000001"
    )
    await book.stores.devices.create(camera)
    book.registrar(shared_password=Secret("everybody's"), accept_unknown=True)
    assert book.directory.account(CAMERA) is None
    assert book.directory.no_commands(CAMERA) == "the camera speaks RTSP only"
    assert book.directory.no_commands(LOWER) == ""
    target = book.directory.locate(StreamKey(CAMERA, camera.channel_id))
    assert target == RtspTarget.of(camera)
    with pytest.raises(Failure) as failed:
        book.directory.locate(StreamKey(CAMERA, "34020000001320000002"))
    assert failed.value.reason is Reason.UNKNOWN_CHANNEL
    await book.stores.devices.update(CAMERA, enabled=False)
    with pytest.raises(Failure) as failed:
        book.directory.locate(StreamKey(CAMERA, camera.channel_id))
    assert failed.value.reason is Reason.DEVICE_OFFLINE


async def test_an_onvif_camera_registers_nowhere_and_is_asked_where_its_stream_is(book: Book) -> None:
    directory = book.directory
    camera = Device(CAMERA, kind="onvif", url="http://192.0.2.1/x", channel_id="34020000001320000001")
    await book.stores.devices.create(camera)
    assert directory.account(CAMERA) is None and directory.no_commands(CAMERA) == ""
    key = StreamKey(CAMERA, "34020000001320000002")
    target = directory.locate(key)
    assert isinstance(target, UnresolvedTarget) and target.key == key
    with pytest.raises(Failure) as failed:
        await target.resolve()
    assert failed.value.reason is Reason.DEVICE_OFFLINE

    async def found(asked: StreamKey) -> RtspTarget:
        return RtspTarget(asked, "rtsp://192.0.2.1/main", takes_commands=True)

    directory.onvif_target = found
    target = directory.locate(key)
    assert isinstance(target, UnresolvedTarget) and (await target.resolve()).url == "rtsp://192.0.2.1/main"
    await book.stores.devices.update(CAMERA, enabled=False)
    with pytest.raises(Failure):
        directory.locate(key)
