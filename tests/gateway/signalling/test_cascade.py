"""The catalogue going up: queries answered and changes told, over a real stack, from a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from catalog import ChannelKey, Item, ItemEvent
from catalog.store import CatalogStore, SharingStore
from gateway.relay.hub import StreamKey
from gateway.signalling.cascade import Cascade
from gateway.signalling.exchange import Correspondent, Exchange
from gateway.signalling.requests import Party
from gateway.store.rules import Rule
from gateway.store.stores import Stores
from gateway.store.uppers import Upper
from interop.wire import manscdp
from interop.wire.sipwire import Split, element
from sip.aio import Peer
from sip.manscdp import CatalogItem, CatalogQuery, Edition
from tests.gateway.signalling.raw import NODE, UPPER, Answer, Desk, RawPeer, eventually

NVR = "34020000001110000001"
OTHER_UPPER = "34010000002000000002"


def code(number: int) -> str:
    return f"3402000000131{number:07d}"


def camera(number: int, **values: Any) -> Item:
    return Item(code=code(number), peer_id=NVR, name=f"东门枪机{number}", manufacturer="M", **values)


class Top:
    """One upper platform with a rule that shows everything, and the cascade that serves it."""

    def __init__(self, desk: Desk, raw: RawPeer, stores: Stores, catalog: CatalogStore, sharing: SharingStore) -> None:
        self.raw, self.stores, self.catalog, self.sharing = raw, stores, catalog, sharing
        self.told: list[tuple[str, str, str]] = []
        self.hold: dict[str, asyncio.Event] = {}
        self.transport = "UDP"
        self.exchange = Exchange(desk.stack, Party(NODE), answer_s=1.0)
        self.cascade = self.new()

    def new(self) -> Cascade:
        cascade = Cascade(
            self.catalog, self.sharing, self.stores.uppers, self.stores.rules, self.exchange, self.correspondent,
            lambda upper: NODE, node_name="本级", items_per_message=(20, 100), settle_s=0.02,
        )  # fmt: skip
        cascade.notify = self._notify
        return cascade

    def correspondent(self, upper_id: str) -> Correspondent:
        return Correspondent(upper_id, Peer(self.transport, *self.raw.address), "GB2312", Edition.V2016, own_id=NODE)

    async def _notify(self, upper_id: str, items: list[CatalogItem]) -> None:
        if upper_id in self.hold:
            await self.hold[upper_id].wait()
        self.told += [(upper_id, item.event or "", item.device_id) for item in items]

    async def enter(self, upper_id: str = UPPER, rule: str | None = "all", **options: Any) -> None:
        await self.stores.uppers.create(Upper(upper_id, host="127.0.0.1", rule_id=rule, **options))

    async def store(self, *items: Item, complete: bool = True) -> None:
        generation = await self.catalog.begin_sync(NVR)
        await self.catalog.stage(generation, items)
        _ = await self.catalog.commit_sync(generation, complete=complete)

    async def event(self, word: str, number: int, item: Item | None = None) -> None:
        _ = await self.catalog.apply_events(NVR, [ItemEvent.of(word, code(number), item)])

    def news(self, upper_id: str = UPPER) -> list[tuple[str, str]]:
        return [(event, device) for upper, event, device in self.told if upper == upper_id]

    async def ask(self, device: str = NODE, sn: int = 5, upper_id: str = UPPER) -> list[dict[str, str]]:
        """A catalogue query; the items of all its pages."""
        self.raw.heard.clear()
        await self.cascade.answer(self.correspondent(upper_id), CatalogQuery(sn=sn, device_id=device))
        return [item for page in self.pages() for item in manscdp.items_of(page.text)]

    def pages(self) -> list[Split]:
        return self.raw.of("MESSAGE", "Catalog")


@pytest.fixture
async def top(
    desk: Desk, raw: RawPeer, stores: Stores, catalog: CatalogStore, sharing: SharingStore
) -> AsyncIterator[Top]:
    made = Top(desk, raw, stores, catalog, sharing)
    await stores.rules.create(Rule("all", mode="all", actions=("live",)))
    yield made
    await made.cascade.stop()


async def settled(top: Top, upper_id: str = UPPER) -> None:
    """Until everything was told that was to be told."""
    shown = top.cascade._shown[upper_id]
    await eventually(
        lambda: shown.shared is not None and shown.told is shown.shared.published and not shown.stirred.is_set()
    )


async def test_a_query_is_answered_with_all_that_is_shared_under_one_sn_and_one_total(top: Top, raw: RawPeer) -> None:
    await top.enter()
    await top.store(*(camera(n, ip_address="10.0.0.1", port=8000) for n in range(30)), camera(90, secrecy=1))
    items = await top.ask()
    assert {item["DeviceID"] for item in items} >= {code(n) for n in range(30)} | {NODE}
    assert items[0]["DeviceID"] == NODE and "ParentID" not in items[0] and items[0]["Name"] == "本级"
    assert code(90) not in {item["DeviceID"] for item in items}
    assert {element(page.text, "SumNum") for page in top.pages()} == {str(len(items))}
    assert {element(page.text, "SN") for page in top.pages()} == {"5"}
    assert max(len(page.raw) for page in top.pages()) <= 1300 and list(raw.port.faults) == []
    assert not any(b"10.0.0.1" in page.raw or b"8000" in page.raw for page in top.pages())


async def test_over_tcp_a_hundred_items_are_one_message(top: Top) -> None:
    await top.enter()
    await top.store(*(camera(n) for n in range(250)))
    top.transport = "TCP"
    assert len(await top.ask()) >= 251
    assert max(len(manscdp.items_of(page.text)) for page in top.pages()) == 100 and len(top.pages()) == 3


async def test_a_query_for_a_part_is_answered_with_that_part(top: Top) -> None:
    await top.enter()
    await top.store(Item(code=NVR, peer_id=NVR), *(camera(n, parent_ids=(NVR,)) for n in range(3)))
    assert {item["DeviceID"] for item in await top.ask(NVR)} == {NVR, code(0), code(1), code(2)}
    assert [item["DeviceID"] for item in await top.ask(code(1), 6)] == [code(1)]
    assert await top.ask("34020000001319999999", 7) == [] and element(top.pages()[0].text, "SumNum") == "0"
    assert {item["DeviceID"] for item in await top.ask("3402", 8)} >= {code(0), "3402"}


async def test_a_repeated_query_joins_the_answer_under_way(top: Top) -> None:
    await top.enter()
    await top.store(*(camera(n) for n in range(40)))
    query, upper = CatalogQuery(sn=5, device_id=NODE), top.correspondent(UPPER)
    await asyncio.gather(top.cascade.answer(upper, query), top.cascade.answer(upper, query))
    listed = [item["DeviceID"] for page in top.pages() for item in manscdp.items_of(page.text)]
    assert len(listed) == len(set(listed))


async def test_an_upper_platform_that_takes_no_messages_is_given_up_and_it_is_logged(top: Top, raw: RawPeer) -> None:
    await top.enter()
    await top.store(*(camera(n) for n in range(40)))
    raw.answer = lambda request: 400
    with capture_logs() as logs:
        await top.ask()
    [sent] = [one for one in logs if one["event"] == "catalogue not sent smoothly"]
    assert sent["failed"] == 1 and sent["unsent"] and sent["problem"].startswith("answered 400")


async def test_every_change_below_is_told_above(top: Top) -> None:
    await top.enter()
    await top.store(camera(1), camera(2))
    await top.cascade.start()
    await settled(top)
    assert top.told == []
    for word, number, item in (
        ("OFF", 1, None), ("ON", 1, None), ("UPDATE", 2, camera(2, address="new")), ("ADD", 3, camera(3)),
        ("DEL", 2, None), ("VLOST", 1, None),
    ):  # fmt: skip
        top.told.clear()
        await top.event(word, number, item)
        await eventually(lambda: top.told)
        assert top.news() == [(word, code(number))]
        await settled(top)


async def test_a_peer_that_goes_takes_all_its_objects_with_it_and_back(top: Top) -> None:
    await top.enter()
    await top.store(*(camera(n) for n in range(5)), camera(9, status="OFF"))
    await top.cascade.start()
    await settled(top)
    _ = await top.catalog.set_peer_status(NVR, False)
    await eventually(lambda: len(top.told) == 5)
    assert top.news() == [("OFF", code(n)) for n in range(5)]
    assert [item.device_id for item in await top.cascade.offline_items(UPPER)] == [*map(code, range(5)), code(9)]
    top.told.clear()
    await settled(top)
    _ = await top.catalog.set_peer_status(NVR, True)
    await eventually(lambda: len(top.told) == 5)
    assert top.news() == [("ON", code(n)) for n in range(5)]


async def test_a_change_of_state_does_not_read_the_catalogue_again(top: Top, monkeypatch: pytest.MonkeyPatch) -> None:
    await top.enter()
    await top.store(*(camera(n) for n in range(20)))
    await top.cascade.start()
    await settled(top)

    def forbidden(*args: object) -> Any:
        raise AssertionError("read again")

    monkeypatch.setattr(top.catalog, "all_items", forbidden)
    await top.event("OFF", 7)
    await eventually(lambda: top.news() == [("OFF", code(7))])
    assert not (await top.cascade.shared(UPPER)).is_on(code(7))


async def test_what_flaps_while_an_upper_platform_is_slow_is_told_once(top: Top) -> None:
    await top.enter()
    await top.store(camera(1), camera(2))
    await top.cascade.start()
    await settled(top)
    top.hold[UPPER] = asyncio.Event()
    await top.event("OFF", 2)
    await asyncio.sleep(0.1)
    for _ in range(5):
        await top.event("OFF", 1)
        await top.event("ON", 1)
    await top.event("OFF", 1)
    top.hold[UPPER].set()
    await eventually(lambda: len(top.told) >= 2)
    await settled(top)
    assert top.news() == [("OFF", code(2)), ("OFF", code(1))]


async def test_one_upper_platform_that_hangs_does_not_delay_another(top: Top) -> None:
    await top.enter()
    await top.enter(OTHER_UPPER)
    await top.store(camera(1))
    await top.cascade.start()
    await settled(top)
    await settled(top, OTHER_UPPER)
    top.hold[UPPER] = asyncio.Event()
    await top.event("OFF", 1)
    await eventually(lambda: top.news(OTHER_UPPER) == [("OFF", code(1))])
    assert top.news() == []


async def test_a_tightened_rule_is_in_force_with_the_next_question(top: Top) -> None:
    await top.enter()
    await top.store(camera(1), camera(2))
    await top.cascade.start()
    await settled(top)
    assert (await top.cascade.shared(UPPER)).real(code(1)) == StreamKey(NVR, code(1))
    await top.stores.rules.update("all", exclude=(code(1),), actions=())
    shared = await top.cascade.shared(UPPER)
    assert shared.real(code(1)) is None and not shared.allows("live")
    await eventually(lambda: top.news() == [("DEL", code(1))])


async def test_a_committed_change_is_seen_by_every_question_after_it(top: Top) -> None:
    await top.enter()
    await top.store(camera(0))
    await top.cascade.start()
    await settled(top)
    for n in range(1, 6):
        await top.event("ADD", n, camera(n))
        seen = await asyncio.gather(*(top.cascade.shared(UPPER) for _ in range(4)))
        assert all(one.real(code(n)) is not None for one in seen)


async def test_upper_platforms_come_change_and_go_at_run_time(top: Top) -> None:
    await top.store(camera(1))
    await top.cascade.start()
    await top.enter(rule=None)
    await settled(top)
    assert list((await top.cascade.shared(UPPER)).items) == [NODE]
    await top.stores.uppers.update(UPPER, rule_id="all")
    await eventually(lambda: ("ADD", code(1)) in top.news())
    await top.stores.uppers.update(UPPER, enabled=False)
    assert len(await top.cascade.shared(UPPER)) == 0 and UPPER not in top.cascade._shown
    assert len(await top.cascade.shared("nobody")) == 0
    top.told.clear()
    await top.event("OFF", 1)
    await asyncio.sleep(0.05)
    assert top.told == []


async def test_published_ids_are_the_same_after_a_restart(top: Top) -> None:
    await top.enter()
    odd = Item(code="camera-7", peer_id=NVR, name="an id of no standard")
    await top.store(camera(1), odd)
    before = (await top.cascade.shared(UPPER)).published_id_of
    assert before[ChannelKey(NVR, "camera-7")] != "camera-7" and len(before[ChannelKey(NVR, "camera-7")]) == 20
    await top.store(camera(5), camera(6), odd, camera(1))
    after = (await top.new().shared(UPPER)).published_id_of
    assert {key: after[key] for key in before} == before


async def test_two_platforms_that_cascade_to_each_other_show_each_thing_once(top: Top) -> None:
    await top.enter()
    await top.enter(OTHER_UPPER)
    await top.store(camera(1))
    await top.cascade.shared(UPPER)
    # The upper platform is a peer below us as well: it lists what it has from us, and something of its own.
    generation = await top.catalog.begin_sync(UPPER)
    own = "34010000001310000077"
    await top.catalog.stage(generation, [Item(code=code(1), peer_id=UPPER), Item(code=own, peer_id=UPPER)])
    _ = await top.catalog.commit_sync(generation)
    cascade = top.new()
    other = await cascade.shared(OTHER_UPPER)
    assert set(other.published_id_of) == {ChannelKey(NVR, code(1)), ChannelKey(UPPER, own)}
    assert set((await cascade.shared(UPPER)).published_id_of) == {ChannelKey(NVR, code(1))}


async def test_two_queries_under_one_sn_for_different_objects_are_both_answered(top: Top) -> None:
    await top.enter()
    await top.store(camera(1), camera(2))
    top.raw.heard.clear()
    upper = top.correspondent(UPPER)
    await asyncio.gather(
        *(top.cascade.answer(upper, CatalogQuery(sn=5, device_id=asked)) for asked in (NODE, code(2), code(2)))
    )
    answered = sorted(element(page.text, "DeviceID") or "" for page in top.pages())
    assert set(answered) == {NODE, code(2)} and answered.count(code(2)) == 1


@pytest.mark.parametrize(("address", "said"), [("", "安徽省芜湖市"), ("芜湖市公安局", "芜湖市公安局")])
async def test_our_own_item_has_every_element_of_a_system_and_no_parent(top: Top, address: str, said: str) -> None:
    await top.enter()
    top.cascade._node_address = address
    [own] = [item for item in await top.ask() if item["DeviceID"] == NODE]
    assert own == {
        "DeviceID": NODE, "Name": "本级", "Manufacturer": "gb28181-gateway", "Model": "gbgateway", "Owner": "本级",
        "CivilCode": "3402", "Address": said, "RegisterWay": "1", "Secrecy": "0",
    }  # fmt: skip


async def test_a_recorder_is_shown_under_our_system_and_its_channels_under_it(top: Top) -> None:
    await top.enter()
    await top.store(Item(code=NVR, peer_id=NVR, name="录像机", parental=True), camera(1), camera(2, parent_ids=(NODE,)))
    listed = {item["DeviceID"]: item for item in await top.ask()}
    assert {one: listed[one]["ParentID"] for one in (NVR, code(1), code(2))} == {NVR: NODE, code(1): NVR, code(2): NVR}
    assert listed[NVR]["Parental"] == "1" and listed[NVR]["Status"] == "ON" and listed[NVR]["Owner"] == ""
    _ = await top.catalog.set_peer_status(NVR, False)
    assert {item["DeviceID"]: item for item in await top.ask(sn=6)}[NVR]["Status"] == "OFF"


async def test_an_object_behind_a_code_that_is_not_shared(top: Top, stores: Stores) -> None:
    await top.enter()
    await top.store(camera(1), camera(2))
    assert await top.cascade.behind(UPPER, code(1)) == StreamKey(NVR, code(1))
    assert await top.cascade.behind(UPPER, code(9)) is None
    await stores.rules.update("all", published={f"{NVR}/{code(1)}": code(77)})
    await top.cascade.start()
    await settled(top)
    assert await top.cascade.behind(UPPER, code(77)) == StreamKey(NVR, code(1))


async def test_the_scope_of_a_subscription(top: Top) -> None:
    await top.enter()
    await top.store(Item(code=NVR, peer_id=NVR), camera(1, parent_ids=(NVR,)), camera(2))
    assert await top.cascade.codes_in(UPPER, NODE) is None and await top.cascade.codes_in("nobody", "x") is None
    assert code(1) in (await top.cascade.codes_in(UPPER, NVR) or ())
    assert await top.cascade.codes_in(UPPER, code(2)) == {code(2)}


async def test_a_fault_while_telling_is_logged_and_the_next_change_is_told(
    top: Top, monkeypatch: pytest.MonkeyPatch
) -> None:
    await top.enter()
    await top.store(camera(1))
    await top.cascade.start()
    await settled(top)
    real: Callable[..., Any] = top.sharing.published_ids
    broken = [True]

    async def ids(upper_id: str) -> dict[ChannelKey, str]:
        if broken:
            broken.clear()
            raise OSError("disk full")
        found: dict[ChannelKey, str] = await real(upper_id)
        return found

    monkeypatch.setattr(top.sharing, "published_ids", ids)
    with capture_logs() as logs:
        await top.event("ADD", 2, camera(2))
        await eventually(lambda: any(one["event"] == "notifying failed" for one in logs))
    await top.event("ADD", 3, camera(3))
    await eventually(lambda: top.news() == [("ADD", code(2)), ("ADD", code(3))])


async def test_ten_thousand_items_reach_an_upper_platform_over_udp_without_loss(top: Top, raw: RawPeer) -> None:
    await top.enter()
    top.exchange._answer_s = 5.0  # a busy machine is no loss
    await top.store(*(camera(n) for n in range(10_000)))
    seen: set[str] = set()
    total = set()

    def take(request: Split) -> Answer:
        seen.update(item["DeviceID"] for item in manscdp.items_of(request.text))
        total.add(element(request.text, "SumNum"))
        return 200

    raw.answer = take
    await top.ask()
    assert {code(n) for n in range(10_000)} <= seen and total == {str(len(seen))}
    assert max(len(page.raw) for page in top.pages()) <= 1300
