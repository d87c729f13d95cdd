"""Who is online: news are told once, in order, and survive a restart of the node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.device_health.book import HealthBook
from gateway.device_health.offline_reason import OfflineReason
from gateway.device_health.standing import FlapPolicy, Standing
from gateway.signalling.bindings import Binding
from gateway.signalling.presence import Presence, WentOffline
from gateway.store.stores import Stores
from sip.aio import Peer
from sip.gbdate import format_date
from sip.message import response_to
from tests.gateway.signalling.raw import CAMERA, CHANNEL, LOWER, NODE, Clock, parsed, request_bytes

HERE, THERE = Peer("UDP", "192.0.2.1", 5060), Peer("UDP", "192.0.2.1", 5061)
TCP = Peer("TCP", "192.0.2.3", 40000, connection=9)


class News:
    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.hold: dict[str, asyncio.Event] = {}

    async def online(self, binding: Binding) -> None:
        await self._slow("online")
        self.told.append(("online", binding.peer_id))

    async def offline(self, news: WentOffline) -> None:
        await self._slow("offline")
        self.told.append(("offline", news.reason))

    async def _slow(self, what: str) -> None:
        if what in self.hold:
            await self.hold[what].wait()


@pytest.fixture
def news() -> News:
    return News()


@pytest.fixture
def begin(stores: Stores, clock: Clock, news: News) -> Callable[..., Presence]:
    def make(held: Stores = stores) -> Presence:
        health = HealthBook(flap=FlapPolicy(allowed=2, window_s=600, settle_s=100), history=held.offline.note)
        return Presence(held.registrations, health, on_online=news.online, on_offline=news.offline, clock=clock)

    return make


def heard(presence: Presence, peer_id: str, source: Peer, *lines: str, keepalive: bool = True) -> None:
    """A keepalive, or another request with these headers."""
    request: Any = SimpleNamespace(source=source, request=parsed(request_bytes("MESSAGE", sender=peer_id, lines=lines)))
    presence.heard(peer_id, request, "MESSAGE Keepalive", keepalive=keepalive)


def binding(clock: Clock, source: Peer = HERE, *, peer_id: str = CAMERA, expires: float = 3600) -> Binding:
    return Binding(peer_id, source, "<sip:x@1>", clock.now, clock.now + expires, clock.now, "3.0", "IPC")


async def test_a_refresh_from_the_same_place_is_no_news(
    begin: Callable[..., Presence], clock: Clock, news: News
) -> None:
    presence = begin()
    first = clock.now
    await presence.registered(binding(clock))
    clock.now += 100
    await presence.registered(binding(clock))
    assert news.told == [("online", CAMERA)]
    found = presence.bindings.get(CAMERA)
    assert found is not None and found.registered_at == first and found.expires_at == clock.now + 3600


async def test_registering_from_elsewhere_ends_the_old_place_first(
    begin: Callable[..., Presence], clock: Clock, news: News
) -> None:
    presence = begin()
    await presence.registered(binding(clock))
    await presence.registered(binding(clock, THERE))
    assert news.told == [
        ("online", CAMERA),
        ("offline", "registered again from udp:192.0.2.1:5061"),
        ("online", CAMERA),
    ]
    assert presence.bindings.at(HERE) == frozenset()


async def test_a_registration_from_elsewhere_remembers_whose_place_it_took(
    begin: Callable[..., Presence], clock: Clock
) -> None:
    presence = begin()
    await presence.registered(replace(binding(clock), call_id="one"))
    await presence.registered(replace(binding(clock, THERE), call_id="two", cseq=3))
    await presence.registered(replace(binding(clock, THERE), call_id="two", cseq=4))
    found = presence.bindings.get(CAMERA)
    assert found is not None and (found.call_id, found.cseq, found.replaced_call_id) == ("two", 4, "one")


async def test_a_peer_that_is_back_before_the_loss_of_its_connection_was_told_stays(
    begin: Callable[..., Presence], clock: Clock, news: News
) -> None:
    presence = begin()
    for peer_id in (CAMERA, LOWER):
        await presence.registered(binding(clock, TCP, peer_id=peer_id))
    news.hold["offline"] = asyncio.Event()
    losing = asyncio.create_task(presence.connection_lost(TCP, "reset"))
    await asyncio.sleep(0)
    (back,) = presence.bindings.at(TCP)
    news.hold["online"] = asyncio.Event()
    coming = asyncio.create_task(presence.registered(binding(clock, THERE, peer_id=back)))
    await asyncio.sleep(0)
    for gate in news.hold.values():
        gate.set()
    await asyncio.gather(losing, coming)
    assert presence.bindings.at(THERE) == {back} and presence.standing(back) is not Standing.OFFLINE


async def test_the_binding_is_in_force_before_anything_is_waited_for(
    begin: Callable[..., Presence], clock: Clock, news: News
) -> None:
    presence = begin()
    news.hold["online"] = asyncio.Event()
    task = asyncio.create_task(presence.registered(binding(clock)))
    await asyncio.sleep(0)
    # A keepalive in the same millisecond as the 200 finds it.
    assert presence.bindings.at(HERE) == {CAMERA}
    news.hold["online"].set()
    await task


async def test_unregistering_and_removal_of_the_account_are_told_with_their_reason(
    begin: Callable[..., Presence], clock: Clock, news: News
) -> None:
    presence = begin()
    await presence.registered(binding(clock))
    await presence.unregistered(CAMERA)
    await presence.unregistered(CAMERA)
    await presence.registered(binding(clock))
    await presence.removed([CAMERA, LOWER], OfflineReason.DISABLED)
    assert [what for what in news.told if what[0] == "offline"] == [
        ("offline", "unregistered by itself"),
        ("offline", "disabled by operator"),
    ]


async def test_a_closed_connection_takes_exactly_its_own_peers_offline(
    begin: Callable[..., Presence], clock: Clock, news: News
) -> None:
    presence = begin()
    await presence.registered(binding(clock, TCP))
    await presence.registered(binding(clock, HERE, peer_id=LOWER))
    await presence.connection_lost(replace(TCP, connection=10))
    assert len(presence.bindings) == 2
    await presence.connection_lost(TCP, "closed by the peer")
    assert news.told[-1] == ("offline", "TCP connection closed: closed by the peer") and len(presence.bindings) == 1


async def test_silence_and_expiry_end_a_registration_and_any_message_is_a_sign_of_life(
    begin: Callable[..., Presence], clock: Clock, news: News, stores: Stores
) -> None:
    presence = begin()
    await presence.registered(binding(clock))
    await presence.registered(binding(clock, THERE, peer_id=LOWER, expires=300))
    clock.now += 180
    heard(presence, LOWER, THERE)
    clock.now += 6
    await presence.expire()
    assert (
        news.told[-1] == ("offline", "no keepalive for 186 s (configured interval 60 s × 3)")
        and presence.bindings.get(LOWER) is not None
    )
    for _ in range(2):
        clock.now += 60
        heard(presence, LOWER, THERE)
        await presence.expire()
    assert news.told[-1] == ("offline", "registration expired") and len(presence.bindings) == 0
    assert len(stores.registrations) == 0


async def test_a_peer_that_comes_back_while_others_are_told_of_is_not_ended_again(
    begin: Callable[..., Presence], clock: Clock, news: News
) -> None:
    presence = begin()
    for peer_id in (CAMERA, LOWER):
        await presence.registered(binding(clock, peer_id=peer_id, expires=60))
    news.hold["offline"] = asyncio.Event()
    clock.now += 100
    expiring = asyncio.create_task(presence.expire())
    await asyncio.sleep(0)
    # While the first one's end is being told, the second registers again.
    await presence.registered(binding(clock, peer_id=LOWER))
    news.hold["offline"].set()
    await expiring
    assert presence.bindings.get(LOWER) is not None and presence.bindings.get(CAMERA) is None


async def test_news_of_one_peer_are_told_in_the_order_they_happened(
    begin: Callable[..., Presence], clock: Clock, news: News
) -> None:
    presence = begin()
    await presence.registered(binding(clock))
    news.hold["offline"] = asyncio.Event()
    going = asyncio.create_task(presence.unregistered(CAMERA))
    await asyncio.sleep(0)
    coming = asyncio.create_task(presence.registered(binding(clock)))
    await asyncio.sleep(0.01)
    assert presence.bindings.get(CAMERA) is not None
    news.hold["offline"].set()
    await asyncio.gather(going, coming)
    assert [what for what, _ in news.told] == ["online", "offline", "online"] and presence._telling == {}


async def test_after_a_restart_udp_registrations_live_on_and_the_others_are_told_to_be_gone(
    tmp_path: Path, begin: Callable[..., Presence], clock: Clock, news: News, stores: Stores
) -> None:
    presence = begin()
    await presence.registered(replace(binding(clock), call_id="one", cseq=7, contact="<sip:x@192.168.1.9>"))
    await presence.registered(binding(clock, TCP, peer_id=LOWER))
    await presence.registered(binding(clock, THERE, peer_id="short", expires=60))
    await stores.registrations.flush()
    clock.now += 600
    again = await Stores.open(tmp_path)
    try:
        restarted = begin(again)
        [restored] = restarted.restore()
        assert restored.source == HERE and restored.last_seen == clock.now and restored.gb_version == "3.0"
        assert (restored.call_id, restored.cseq) == ("one", 7)
        assert restored.own_host == "192.168.1.9"
        news.told.clear()
        await restarted.registered(binding(clock, peer_id="short"))
        await restarted.expire()
        await restarted.expire()
        assert news.told == [("online", "short"), ("offline", "restart of the node")]
        [offline] = await again.offline.of_device(LOWER)
        assert offline.reason is OfflineReason.RESTART and await again.offline.of_device("short") == []
    finally:
        await again.close()


async def test_a_device_that_comes_and_goes_too_often_is_held_back_until_it_has_stayed(
    begin: Callable[..., Presence], clock: Clock, news: News, stores: Stores
) -> None:
    presence = begin()
    for _ in range(6):
        await presence.registered(binding(clock))
        clock.now += 10
        await presence.unregistered(CAMERA)
        clock.now += 10
    await presence.registered(binding(clock))
    shown = [what for what, _ in news.told]
    assert shown.count("online") == 3 and presence.standing(CAMERA) is Standing.UNSTABLE
    assert stores.registrations.get(CAMERA).settled is False  # type: ignore[union-attr]
    clock.now += 60
    heard(presence, CAMERA, HERE)
    await presence.expire()
    assert presence.standing(CAMERA) is Standing.UNSTABLE
    clock.now += 45
    await presence.expire()
    assert presence.standing(CAMERA) is Standing.ONLINE and news.told[-1] == ("online", CAMERA)
    assert stores.registrations.get(CAMERA).settled is True  # type: ignore[union-attr]


async def test_of_an_unstable_device_the_others_hear_that_it_ended_but_not_that_it_is_off(
    begin: Callable[..., Presence], clock: Clock, stores: Stores
) -> None:
    told: list[WentOffline] = []

    async def offline(news: WentOffline) -> None:
        told.append(news)

    presence = begin()
    presence._on_offline = offline
    for _ in range(4):
        await presence.registered(binding(clock))
        await presence.unregistered(CAMERA)
    assert [news.shown for news in told] == [True, True, True, False]


async def test_an_unstable_device_is_still_on_trial_after_a_restart(
    tmp_path: Path, begin: Callable[..., Presence], clock: Clock, news: News, stores: Stores
) -> None:
    presence = begin()
    for source in (HERE, THERE, HERE, THERE):
        await presence.registered(binding(clock, source))
    assert presence.standing(CAMERA) is Standing.UNSTABLE
    await stores.registrations.flush()
    again = await Stores.open(tmp_path)
    try:
        restarted = begin(again)
        assert restarted.restore() == [] and restarted.standing(CAMERA) is Standing.UNSTABLE
        clock.now += 101
        heard(restarted, CAMERA, THERE)
        news.told.clear()
        await restarted.expire()
        assert news.told == [("online", CAMERA)]
    finally:
        await again.close()


async def test_the_answer_of_a_device_from_its_address_is_a_sign_of_life_and_anothers_is_not(
    begin: Callable[..., Presence], clock: Clock
) -> None:
    presence = begin()
    await presence.registered(binding(clock))
    ask = parsed(request_bytes("MESSAGE", CHANNEL, sender=NODE))
    clock.now += 30
    presence.answered(THERE, ask, response_to(ask, 200))
    assert presence.bindings.get(CAMERA).last_seen == clock.now - 30  # type: ignore[union-attr]
    presence.answered(HERE, ask, response_to(ask, 200))
    assert presence.bindings.get(CAMERA).last_seen == clock.now  # type: ignore[union-attr]
    assert presence._health.contacts(CAMERA)[0].kind == "200 to MESSAGE"


async def test_of_two_devices_at_one_address_only_the_one_that_was_asked_is_alive(
    begin: Callable[..., Presence], clock: Clock
) -> None:
    presence = begin()
    first = clock.now
    for peer_id in (CAMERA, LOWER):
        await presence.registered(binding(clock, peer_id=peer_id))
    clock.now += 30
    to_channel, to_camera = (parsed(request_bytes("MESSAGE", one, sender=NODE)) for one in (CHANNEL, CAMERA))
    presence.answered(HERE, to_channel, response_to(to_channel, 200))
    presence.answered(HERE, to_camera, response_to(to_camera, 200))
    seen = {one.peer_id: one.last_seen for one in presence.bindings}
    assert seen == {CAMERA: clock.now, LOWER: first}


async def test_a_clock_that_is_far_off_is_noted(begin: Callable[..., Presence], clock: Clock) -> None:
    presence = begin()
    await presence.registered(binding(clock))
    heard(presence, CAMERA, HERE, "Date: yesterday")
    assert presence._health.get(CAMERA).clock_offset_s is None  # type: ignore[union-attr]
    heard(presence, CAMERA, HERE, f"Date: {format_date(clock.now - 7200)}")
    health = presence._health.get(CAMERA)
    assert health is not None and health.clock_offset_s == pytest.approx(-7200) and health.clock_far_off
    presence.forget(CAMERA)
    assert presence._health.get(CAMERA) is None


async def test_the_interval_a_device_keeps_decides_when_it_is_missed(
    begin: Callable[..., Presence], clock: Clock, news: News
) -> None:
    presence = begin()
    await presence.registered(binding(clock))
    for _ in range(5):
        clock.now += 20
        heard(presence, CAMERA, HERE)
    clock.now += 64
    await presence.expire()
    assert presence.bindings.get(CAMERA) is not None
    clock.now += 2
    await presence.expire()
    assert news.told[-1] == ("offline", "no keepalive for 66 s (learned interval 20 s × 3)")
