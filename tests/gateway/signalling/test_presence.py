"""Who is online: news are told once, in order, and survive a restart of the node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.signalling.bindings import Binding
from gateway.signalling.presence import Presence, WentOffline
from gateway.store.stores import Stores
from sip.aio import Peer
from tests.gateway.signalling.raw import CAMERA, LOWER, Clock

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
        return Presence(
            held.registrations, keepalive_s=60, misses=3, on_online=news.online, on_offline=news.offline, clock=clock
        )

    return make


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
    assert CAMERA not in presence.last_offline and presence.bindings.at(HERE) == frozenset()


async def test_a_registration_from_elsewhere_remembers_whose_place_it_took(
    begin: Callable[..., Presence], clock: Clock
) -> None:
    presence = begin()
    await presence.registered(replace(binding(clock), call_id="one"))
    await presence.registered(replace(binding(clock, THERE), call_id="two", cseq=3))
    await presence.registered(replace(binding(clock, THERE), call_id="two", cseq=4))
    found = presence.bindings.get(CAMERA)
    assert found is not None and (found.call_id, found.cseq, found.replaced_call_id) == ("two", 4, "one")


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
    await presence.removed([CAMERA, LOWER])
    assert [what for what in news.told if what[0] == "offline"] == [
        ("offline", "it unregistered"),
        ("offline", "its account was removed or disabled"),
    ]
    assert presence.last_offline[CAMERA].reason == "its account was removed or disabled"


async def test_a_closed_connection_takes_exactly_its_own_peers_offline(
    begin: Callable[..., Presence], clock: Clock, news: News
) -> None:
    presence = begin()
    await presence.registered(binding(clock, TCP))
    await presence.registered(binding(clock, HERE, peer_id=LOWER))
    await presence.connection_lost(replace(TCP, connection=10))
    assert len(presence.bindings) == 2
    await presence.connection_lost(TCP)
    assert news.told[-1] == ("offline", "its TCP connection was closed") and len(presence.bindings) == 1


async def test_silence_and_expiry_end_a_registration_and_any_message_is_a_sign_of_life(
    begin: Callable[..., Presence], clock: Clock, news: News, stores: Stores
) -> None:
    presence = begin()
    await presence.registered(binding(clock))
    await presence.registered(binding(clock, THERE, peer_id=LOWER, expires=300))
    clock.now += 180
    presence.heard(LOWER)
    clock.now += 6
    await presence.expire()
    assert news.told[-1] == ("offline", "nothing heard for 186 s") and presence.bindings.get(LOWER) is not None
    for _ in range(2):
        clock.now += 60
        presence.heard(LOWER)
        await presence.expire()
    assert news.told[-1] == ("offline", "its registration expired") and len(presence.bindings) == 0
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
    await presence.registered(replace(binding(clock), call_id="one", cseq=7))
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
        news.told.clear()
        await restarted.registered(binding(clock, peer_id="short"))
        await restarted.expire()
        await restarted.expire()
        assert news.told == [("online", "short"), ("offline", "its registration did not survive a restart")]
        assert set(restarted.last_offline) == {LOWER}
    finally:
        await again.close()
