"""All uplinks: they follow the configuration as it changes, and carry on after a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.config import Config
from gateway.secrets import Secret
from gateway.signalling.bindings import Bindings
from gateway.signalling.directory import Directory
from gateway.signalling.reachability import Reachability
from gateway.signalling.uplink import Uplink
from gateway.signalling.uplink_status import UplinkState
from gateway.signalling.uplinks import Uplinks
from gateway.store.repository import Change
from gateway.store.stores import Stores
from gateway.store.uppers import Upper
from gateway.zones import Zones
from sip.aio import Peer
from tests.gateway.signalling.raw import UPPER, Desk, RawPeer, eventually


class Group:
    """The uplinks of a node on a real stack and database; registrations are accepted without a password."""

    def __init__(self, desk: Desk, stores: Stores, raw: RawPeer) -> None:
        self.stores, self.raw = stores, raw
        self.told: list[tuple[str, bool]] = []
        self.uplinks = Uplinks(stores.uppers, stores.uplinks, desk.stack, on_change=self._changed)
        reachability = Reachability(lambda peer: Zones(Config()).default)
        directory = Directory(Config(), stores.devices, stores.uppers, Bindings(), self.uplinks.get, reachability)
        self.uplinks.target_of = directory.uplink_target
        self.off = stores.uppers.on_change(self.uplinks.changed)

    async def _changed(self, upper_id: str, registered: bool) -> None:
        self.told.append((upper_id, registered))

    async def enter(self, upper_id: str = UPPER, **options: Any) -> None:
        host, port = self.raw.address
        await self.stores.uppers.create(Upper(upper_id, host=host, port=port, password=Secret("p"), **options))

    async def registered(self, upper_id: str = UPPER) -> Uplink:
        await eventually(lambda: (up := self.uplinks.get(upper_id)) is not None and up.registered)
        uplink = self.uplinks.get(upper_id)
        assert uplink is not None
        return uplink

    def expires(self) -> list[str]:
        return [request.need("expires") for request in self.raw.of("REGISTER")]


@pytest.fixture
async def group(desk: Desk, stores: Stores, raw: RawPeer) -> AsyncIterator[Group]:
    made = Group(desk, stores, raw)
    yield made
    made.off()
    await made.uplinks.stop()


async def test_an_upper_platform_that_is_entered_is_registered_with_at_once(group: Group) -> None:
    await group.enter()
    await group.registered()
    await eventually(lambda: group.told == [(UPPER, True)])
    state = group.uplinks.state_of(UPPER)
    assert state["state"] == "registered" and state["problem"] is None and state["steps"]
    stored = group.stores.uplinks.get(UPPER)
    assert stored is not None and (stored.host, stored.port) == group.raw.address
    assert group.uplinks.all() == [group.uplinks.get(UPPER)]


async def test_one_that_is_disabled_or_removed_is_unregistered_at_once(group: Group) -> None:
    await group.enter()
    await group.registered()
    await group.stores.uppers.update(UPPER, enabled=False)
    await eventually(lambda: group.expires()[-1] == "0" and group.uplinks.get(UPPER) is None)
    assert group.uplinks.state_of(UPPER) == {"state": "stopped"} and group.told[-1] == (UPPER, False)
    await group.stores.uppers.update(UPPER, enabled=True)
    await group.registered()
    await group.stores.uppers.delete(UPPER)
    await eventually(lambda: group.uplinks.get(UPPER) is None)
    await eventually(lambda: group.expires()[-1] == "0")
    assert group.stores.uplinks.get(UPPER) is None


async def test_what_the_registration_depends_on_is_registered_anew_and_nothing_else(group: Group) -> None:
    await group.enter()
    first = await group.registered()
    await group.stores.uppers.update(UPPER, name="another name", source_addresses=("192.0.2.1",))
    await group.stores.uppers.update(UPPER, register_expires_seconds=7200)
    await eventually(lambda: "7200" in group.expires())
    assert await group.registered() is not first
    assert group.expires() == ["86400", "0", "7200"]


async def test_after_a_restart_the_registration_is_carried_on_with_a_keepalive(
    group: Group, desk: Desk, tmp_path: Path
) -> None:
    await group.enter()
    await group.registered()
    await group.stores.uplinks.flush()
    again = await Stores.open(tmp_path)
    try:
        restarted = Group(desk, again, group.raw)
        restarted.uplinks.restore()
        # Known by its address before anything is sent.
        uplink = restarted.uplinks.get(UPPER)
        assert uplink is not None and uplink.peer == Peer("UDP", *group.raw.address)
        await restarted.uplinks.start()
        await restarted.registered()
        assert len(group.expires()) == 1 and len(group.raw.of("MESSAGE", "Keepalive")) == 1
        for task in [uplink._task]:
            assert task is not None
            task.cancel()
    finally:
        await again.close()


async def test_a_disabled_one_is_not_built_and_stopping_unregisters_the_others(group: Group, raw: RawPeer) -> None:
    await group.enter("34010000002000000002", enabled=False)
    await group.enter()
    await group.registered()
    await group.uplinks.stop()
    assert group.expires() == ["86400", "0"] and group.told[-1] == (UPPER, False)
    group.uplinks.restore()
    assert [uplink.target.upper_id for uplink in group.uplinks.all()] == [UPPER]


async def test_a_registration_that_fails_is_told_once_and_forgotten(group: Group) -> None:
    await group.enter()
    uplink = await group.registered()
    group.raw.answer = lambda request: 403
    uplink.status.registered_until = 0.0
    await group.stores.uppers.update(UPPER, password=Secret("other"))
    await eventually(lambda: (up := group.uplinks.get(UPPER)) is not None and up.status.state is UplinkState.WAITING)
    assert group.told == [(UPPER, True), (UPPER, False)] and group.stores.uplinks.get(UPPER) is None


async def test_a_closed_connection_is_the_business_of_the_upper_platform_it_led_to(group: Group) -> None:
    await group.enter(transport="tcp")
    await group.registered()
    group.uplinks.connection_lost(Peer("TCP", "192.0.2.1", 5060))
    group.uplinks.connection_lost(Peer("TCP", *group.raw.address))
    await eventually(lambda: (up := group.uplinks.get(UPPER)) is not None and up.status.state is UplinkState.WAITING)
    # What it watches ends: to it we are offline, too (GB/T 28181-2022 9.1.1 f).
    assert group.told == [(UPPER, True), (UPPER, False)] and group.stores.uplinks.get(UPPER) is None


async def test_a_change_that_cannot_be_followed_is_logged(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(upper: Upper) -> Any:
        raise RuntimeError("a bug")

    group.uplinks.target_of = broken
    with capture_logs() as logs:
        group.uplinks.changed(Change("created", UPPER, None, Upper(UPPER)))
        await eventually(lambda: not group.uplinks._tasks)
    assert [one["event"] for one in logs if one["log_level"] == "error"] == [
        "a change of an upper platform was not followed"
    ]
