"""Rights withdrawn while a picture runs: on a real node, a viewer and an upper platform lose it within a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from catalog import Item, ItemEvent
from gateway.errors import Failure, Reason
from interop.wire.call import WireCall
from interop.wire.platform import WireRefused
from tests.stand.street import CHANNEL, DEVICE_ID, KEY, SECOND, UPPER_ID, Street, running_street, settings, until
from tests.stand.viewer import watching


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with running_street(settings(tmp_path, media={"linger_seconds": 0.2})) as started:
        yield started


@pytest.fixture
async def cinema(tmp_path: Path) -> AsyncIterator[Street]:
    """With a worker that shows pictures to people."""
    made = settings(tmp_path, stream_workers=1, media={"linger_seconds": 0.2})
    async with running_street(made) as started:
        yield started


async def ends(street: Street, count: int = 1) -> list[tuple[str, str, Any]]:
    """Who lost what, and why, by the ledger, as soon as it has that many ends."""
    async with asyncio.timeout(10):
        while True:
            rows = [row.entry for row in await street.ledger() if row.entry.result == "ended"]
            if len(rows) >= count:
                return [(entry.actor_id, entry.code, entry.detail["reason"]) for entry in rows]
            await asyncio.sleep(0.01)


async def make_secret(street: Street) -> None:
    stored = await street.node.catalog.get(DEVICE_ID, CHANNEL)
    assert stored is not None
    item = Item(code=CHANNEL, peer_id=DEVICE_ID, name=stored.item.name, secrecy=1)
    _ = await street.node.catalog.apply_events(
        DEVICE_ID, [ItemEvent.of("UPDATE", CHANNEL, item, frozenset({"secrecy"}))]
    )


async def rule_of(street: Street) -> str:
    rule_id = street.node.stores.uppers.require(UPPER_ID).rule_id
    assert rule_id is not None
    return rule_id


async def gone(call: WireCall) -> None:
    """The picture stops at once, and the BYE says why."""
    await asyncio.wait_for(call.ended.wait(), 5)
    assert call.goodbye is not None
    assert call.goodbye.get("reason") == 'SIP;cause=403;text="Forbidden"'


async def disable(street: Street) -> None:
    await street.node.stores.uppers.update(UPPER_ID, enabled=False)


async def unrule(street: Street) -> None:
    await street.node.stores.uppers.update(UPPER_ID, rule_id=None)


async def exclude(street: Street) -> None:
    await street.node.stores.rules.update(await rule_of(street), exclude=(CHANNEL,))


async def forbid_live(street: Street) -> None:
    await street.node.stores.rules.update(await rule_of(street), actions=("query", "ptz"))


@pytest.mark.parametrize(
    "withdraw", [disable, unrule, exclude, forbid_live, make_secret], ids=lambda each: each.__name__
)
async def test_an_upper_platform_loses_the_picture_with_the_right_to_it(street: Street, withdraw: Any) -> None:
    call = await street.upper.play(CHANNEL)
    await call.first_key()
    await withdraw(street)
    await gone(call)
    await street.quiet()
    assert await ends(street) == [(UPPER_ID, CHANNEL, "forbidden")]
    assert not street.node.grants.live()


async def test_what_is_still_permitted_goes_on(street: Street) -> None:
    one, two = await street.upper.play(CHANNEL), await street.upper.play(SECOND)
    await one.first_key()
    await two.first_key()
    await street.node.stores.rules.update(await rule_of(street), exclude=(SECOND,))
    await gone(two)
    await one.frames(len(one.units) + 20)
    # Neither a change of state nor an object that leaves the catalogue is a matter of rights.
    off = [ItemEvent.of("OFF", CHANNEL), ItemEvent.of("DEL", CHANNEL)]
    _ = await street.node.catalog.apply_events(DEVICE_ID, off)
    await street.node.withdrawals.look_at_all()
    await one.frames(len(one.units) + 20)
    assert not one.ended.is_set() and await ends(street) == [(UPPER_ID, SECOND, "forbidden")]
    await one.bye()


async def test_an_upper_platform_that_does_not_answer_its_bye_gets_no_picture_meanwhile(street: Street) -> None:
    call = await street.upper.play(CHANNEL)
    await call.first_key()
    street.upper.silent = True
    await forbid_live(street)
    await until(lambda: street.node.grants.live() == [], 3)
    assert not [leg for leg in await street.legs() if leg.startswith("out-")]
    street.upper.silent = False


async def test_a_call_that_is_being_set_up_is_refused(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    hub, gate, asked = street.node.live.hub, asyncio.Event(), asyncio.Event()
    real = hub.attach

    async def slow(*values: Any) -> Any:
        asked.set()
        await gate.wait()
        return await real(*values)

    monkeypatch.setattr(hub, "attach", slow)
    playing = asyncio.create_task(street.upper.play(CHANNEL))
    await asked.wait()
    await forbid_live(street)
    await until(lambda: not street.node.grants.live())
    gate.set()
    with pytest.raises(WireRefused, match="403"):
        await playing
    assert not [leg for leg in await street.legs() if leg.startswith("out-")]
    assert await ends(street) == [(UPPER_ID, CHANNEL, "forbidden")]


async def test_a_person_loses_the_picture_with_the_account(cinema: Street) -> None:
    views, users = cinema.node.views, cinema.node.stores.users
    view, token = await views.open(KEY, await cinema.grant())
    async with watching(cinema, view, token) as viewer:
        await viewer.has(5_000)
        await users.update("wang", role="viewer")
        await cinema.node.withdrawals.look("user")
        assert views.get(view.record.id) is view
        await users.update("wang", enabled=False)
        await asyncio.wait_for(viewer.ended.wait(), 5)
    assert views.all() == [] and await ends(cinema) == [("wang", CHANNEL, "forbidden")]


async def test_a_camera_that_becomes_secret_is_taken_from_those_who_may_not_see_secrets(cinema: Street) -> None:
    views = cinema.node.views
    view, _ = await views.open(KEY, await cinema.grant())
    await make_secret(cinema)
    await cinema.node.withdrawals.look("user")
    assert views.get(view.record.id) is view  # an operator may
    await cinema.node.stores.users.update("wang", role="viewer")
    await until(lambda: views.all() == [])
    await until(lambda: not cinema.node.grants.live())


async def test_a_view_that_is_being_opened_is_not_opened_without_the_right(
    cinema: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    views, gate, asked = cinema.node.views, asyncio.Event(), asyncio.Event()
    grant, real = await cinema.grant(), cinema.node.views.inputs.join

    async def slow(*values: Any) -> Any:
        asked.set()
        await gate.wait()
        return await real(*values)

    monkeypatch.setattr(views.inputs, "join", slow)
    opening = asyncio.create_task(views.open(KEY, grant))
    await asked.wait()
    await cinema.node.stores.users.delete("wang")
    await until(lambda: not cinema.node.grants.live())
    gate.set()
    with pytest.raises(Failure) as refused:
        await opening
    assert refused.value.reason is Reason.FORBIDDEN and views.all() == [] == cinema.node.stores.views.live()


async def test_a_fault_while_looking_is_survived(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    call = await street.upper.play(CHANNEL)
    await call.first_key()
    broken = [True]
    real = street.node.withdrawals._secrecy

    async def secrecy(uses: Any) -> Any:
        if broken:
            broken.clear()
            raise OSError("disk full")
        return await real(uses)

    monkeypatch.setattr(street.node.withdrawals, "_secrecy", secrecy)
    await forbid_live(street)
    await until(lambda: not broken)
    await street.node.withdrawals.look_at_all()
    await gone(call)
