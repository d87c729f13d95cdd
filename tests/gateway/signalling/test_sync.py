"""Catalogue synchronisation over real UDP from a hand-written device, into a real database."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError

from catalog import Item
from catalog.store import CatalogStore
from gateway.signalling import sync as module
from gateway.signalling.exchange import Correspondent, Exchange
from gateway.signalling.requests import Party
from gateway.signalling.sync import CatalogueSync
from interop.wire import manscdp
from interop.wire.sipwire import Split, element
from sip.aio import Incoming, Peer
from sip.manscdp import CatalogItem, CatalogNotify, Edition, loads
from tests.gateway.signalling.raw import CAMERA, NODE, Desk, RawPeer, eventually, request_bytes, xml


def code(number: int) -> str:
    return f"3402000000131{number:07d}"


class RawDevice:
    """Answers catalogue queries with the pages it was given, as bytes."""

    def __init__(self, raw: RawPeer, desk: Desk) -> None:
        self.raw, self.desk = raw, desk
        self.pages: list[tuple[int | None, list[str]]] = []
        self.queries = 0
        self.status: int | None = 200
        self.answers_info = True
        raw.answer = self._answer

    def lists(self, count: int, per_page: int = 2, *, lose: Sequence[int] = (), seed: int | None = None) -> None:
        """Promise `count` items; pages shuffled and some of them sent twice where a seed is given."""
        codes = [code(n) for n in range(count)]
        pages = [(count, codes[at : at + per_page]) for at in range(0, count, per_page)]
        pages = [page for number, page in enumerate(pages) if number not in lose]
        if seed is not None:
            chance = random.Random(seed)
            pages += chance.sample(pages, len(pages) // 5)
            chance.shuffle(pages)
        self.pages = [(total, part) for total, part in pages]

    def _answer(self, request: Split) -> int | None:
        command, sn = element(request.text, "CmdType"), element(request.text, "SN")
        if command == "Catalog":
            self.queries += 1
            if self.status in (200, None):
                _ = self.raw.port.spawn(self._send(sn or "0"))
            return self.status
        if command == "DeviceInfo" and self.answers_info:
            inner = "<DeviceName>门</DeviceName><Result>OK</Result><Manufacturer>M</Manufacturer><Channel>9</Channel>"
            self.raw.say(self.desk.port, self._message(xml("Response", "DeviceInfo", inner, sn=int(sn or 0))))
        return 200

    def _message(self, body: bytes) -> bytes:
        return request_bytes("MESSAGE", NODE, body=body)

    async def _send(self, sn: str) -> None:
        for number, (total, codes) in enumerate(self.pages):
            items = [
                f"<Item><DeviceID>{one}</DeviceID><Name>枪机{one[-4:]}</Name><Status>ON</Status></Item>"
                for one in codes
            ]
            listing = manscdp.device_list(items, total or 0)
            if total is None:
                listing = listing[listing.index("</SumNum>") + 9 :].lstrip()
            self.raw.say(self.desk.port, self._message(xml("Response", "Catalog", listing, sn=int(sn), device=CAMERA)))
            if number % 50 == 49:
                await asyncio.sleep(0.01)


class Bench:
    """A synchronisation between the device and the store; answers reach the exchange as the router would send them."""

    def __init__(self, desk: Desk, raw: RawPeer, store: CatalogStore) -> None:
        self.device, self.store = RawDevice(raw, desk), store
        self.online = True
        self.exchange = Exchange(desk.stack, Party(NODE), answer_s=0.3)
        self.peer = Correspondent(CAMERA, Peer("UDP", *raw.address), "GB2312", Edition.V2016)
        self.sync = CatalogueSync(
            self.exchange, store, lambda peer_id: self.peer if self.online else None, first_s=1.0, gap_s=0.4,
            retry_s=(0.05,), again_s=0.05,
        )  # fmt: skip
        desk.handler = self._asked

    def _asked(self, incoming: Incoming) -> None:
        incoming.respond(200)
        parsed = loads(incoming.request.body)
        _ = self.exchange.answered(CAMERA, parsed.cmd_type, parsed.message)

    async def codes(self) -> list[str]:
        return sorted([stored.code async for stored in self.store.all_items(CAMERA)])


@pytest.fixture
async def bench(
    desk: Desk, raw: RawPeer, catalog: CatalogStore, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bench]:
    monkeypatch.setattr(module, "DEVICE_INFO_S", 0.3)
    made = Bench(desk, raw, catalog)
    yield made
    await made.sync.stop()


async def test_ten_thousand_items_in_shuffled_and_repeated_pages_arrive_whole(bench: Bench) -> None:
    bench.device.lists(10_000, 4, seed=7)
    status = await bench.sync.synchronise(CAMERA)
    assert (status.state, status.received, status.promised, status.missing) == ("complete", 10_000, 10_000, 0)
    assert status.problem is None and await bench.codes() == [code(n) for n in range(10_000)]


async def test_lost_pages_store_what_came_and_delete_nothing(bench: Bench) -> None:
    bench.device.lists(300, 2)
    assert (await bench.sync.synchronise(CAMERA)).state == "complete"
    bench.device.lists(200, 2, lose=[3, 40, 77], seed=1)
    status = await bench.sync.synchronise(CAMERA)
    assert (status.state, status.received, status.missing) == ("incomplete", 194, 6)
    assert str(status.problem) == "6 items did not come" and len(await bench.codes()) == 300
    bench.device.lists(200, 2)
    assert (await bench.sync.synchronise(CAMERA)).state == "complete"
    assert await bench.codes() == [code(n) for n in range(200)]


async def test_an_empty_catalogue_is_a_complete_one(bench: Bench) -> None:
    bench.device.lists(4)
    await bench.sync.synchronise(CAMERA)
    bench.device.pages = [(0, [])]
    assert (await bench.sync.synchronise(CAMERA)).state == "complete" and await bench.codes() == []


async def test_an_answer_that_names_no_total_deletes_nothing(bench: Bench) -> None:
    bench.device.lists(6)
    await bench.sync.synchronise(CAMERA)
    bench.device.pages = [(None, [code(0)])]
    assert (await bench.sync.synchronise(CAMERA)).state == "complete"
    assert len(await bench.codes()) == 6


async def test_a_refused_query_is_told_at_once_and_in_words(bench: Bench) -> None:
    bench.device.status = 403
    status = await bench.sync.synchronise(CAMERA)
    assert status.state == "failed" and "refused the query: 403" in str(status.problem)


async def test_a_query_nobody_takes_is_told_in_words(bench: Bench, raw: RawPeer) -> None:
    raw.answer = lambda request: None
    status = await bench.sync.synchronise(CAMERA)
    assert status.state == "failed" and "did not take the query" in str(status.problem) and status.at > 0


async def test_a_query_taken_and_never_answered_is_told_in_words_and_deletes_nothing(bench: Bench) -> None:
    bench.device.lists(4)
    await bench.sync.synchronise(CAMERA)
    bench.device.pages = []
    status = await bench.sync.synchronise(CAMERA)
    assert status.state == "incomplete" and str(status.problem) == "the query was accepted, but no answer came"
    assert status.to_json()["problem_zh"] == "查询已被接受，但没有收到应答"
    assert len(await bench.codes()) == 4


async def test_pages_count_even_if_the_query_itself_is_never_answered(bench: Bench) -> None:
    bench.device.lists(6)
    bench.device.status = None
    assert (await bench.sync.synchronise(CAMERA)).state == "complete"
    bench.device.lists(6, lose=[1])
    status = await bench.sync.synchronise(CAMERA)
    assert (status.state, status.missing) == ("incomplete", 2)


async def test_a_peer_that_is_offline_is_not_asked(bench: Bench) -> None:
    bench.online = False
    assert (await bench.sync.synchronise(CAMERA)).state == "offline" and bench.device.queries == 0


async def test_failed_synchronisations_are_tried_again(bench: Bench) -> None:
    bench.device.status = 403
    bench.device.lists(2)
    bench.sync.start(CAMERA)
    await eventually(lambda: bench.device.queries >= 3)
    bench.device.status = 200
    await eventually(lambda: bench.sync.status[CAMERA].state == "complete")
    await eventually(lambda: bench.sync.status[CAMERA].device_info)
    assert bench.sync.status[CAMERA].device_info == {
        "name": "门", "manufacturer": "M", "model": None, "firmware": None, "channels": 9,
    }  # fmt: skip


async def test_a_device_that_does_not_tell_of_itself_is_synchronised_all_the_same(bench: Bench) -> None:
    bench.device.answers_info = False
    bench.device.lists(2)
    bench.sync.start(CAMERA)
    await eventually(lambda: CAMERA in bench.sync.status and bench.sync.status[CAMERA].state == "complete")
    assert bench.sync.status[CAMERA].device_info is None


async def test_a_fault_of_ours_does_not_end_the_synchronisation_for_good(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.device.lists(2)
    real, broken = bench.store.commit_sync, [True]

    async def commit(*args: object, **options: object) -> object:
        if broken:
            broken.clear()
            raise OperationalError("commit", None, RuntimeError("disk full"))
        return await real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(bench.store, "commit_sync", commit)
    bench.sync.start(CAMERA)
    await eventually(lambda: CAMERA in bench.sync.status and bench.sync.status[CAMERA].state == "complete")
    assert bench.device.queries == 2


def notify(*items: CatalogItem) -> CatalogNotify:
    return CatalogNotify(sn=1, device_id=CAMERA, sum_num=len(items), items=list(items))


async def test_a_notified_object_nobody_knows_leads_to_a_query_also_long_after_the_last_one(bench: Bench) -> None:
    bench.device.lists(2)
    bench.sync.start(CAMERA)
    await eventually(lambda: CAMERA in bench.sync.status and bench.sync.status[CAMERA].state == "complete")
    assert bench.device.queries == 1
    bench.device.lists(4)
    await bench.sync.notified(CAMERA, notify(CatalogItem(device_id=code(3), event="ON")))
    await eventually(lambda: bench.device.queries == 2)
    await eventually(lambda: bench.sync.status[CAMERA].received == 4)


async def test_notifications_of_unknown_objects_are_no_query_storm(bench: Bench) -> None:
    bench.sync._again_s = 3600.0
    bench.device.lists(2)
    bench.sync.start(CAMERA)
    await eventually(lambda: CAMERA in bench.sync.status and bench.sync.status[CAMERA].state == "complete")
    for n in range(50):
        await bench.sync.notified(CAMERA, notify(CatalogItem(device_id=code(900 + n), event="ON")))
    await asyncio.sleep(0.1)
    assert bench.device.queries == 1


async def test_every_event_is_applied(bench: Bench) -> None:
    bench.device.lists(3)
    await bench.sync.synchronise(CAMERA)
    await bench.sync.notified(
        CAMERA,
        notify(
            CatalogItem(device_id=code(0), event="OFF"),
            CatalogItem(device_id=code(1), event="DEL"),
            CatalogItem(device_id=code(2), event="UPDATE", name="新名"),
            CatalogItem(device_id=code(9), event="ADD", name="新"),
        ),
    )
    found = {stored.code: stored.item async for stored in bench.store.all_items(CAMERA)}
    assert set(found) == {code(0), code(2), code(9)}
    assert found[code(0)].status == "OFF" and found[code(2)].name == "新名" and found[code(2)].status == "ON"


async def test_notifications_during_a_synchronisation_win_over_its_older_pages(bench: Bench) -> None:
    bench.device.lists(400, 2)
    await bench.sync.synchronise(CAMERA)
    bench.device.lists(400, 2, seed=3)
    running = asyncio.create_task(bench.sync.synchronise(CAMERA))
    await eventually(lambda: bench.sync.status[CAMERA].state == "running" and bench.device.queries == 2)
    for n in range(0, 400, 40):
        await bench.sync.notified(CAMERA, notify(CatalogItem(device_id=code(n), event="OFF")))
    status = await running
    assert status.state == "complete" and len(await bench.codes()) == 400


async def test_stopping_while_it_runs_leaves_the_catalogue_as_it_was(bench: Bench) -> None:
    bench.device.lists(4)
    await bench.sync.synchronise(CAMERA)
    bench.device.lists(100, 2, lose=[9])
    bench.sync.start(CAMERA)
    await eventually(lambda: bench.device.queries == 2)
    await bench.sync.stop(CAMERA)
    assert len(await bench.codes()) == 4
    bench.sync.start(CAMERA)
    bench.sync.start(CAMERA)
    await bench.sync.stop()


RECORDER = Item(
    code=CAMERA, peer_id=CAMERA, name="东门录像机", civil_code="3402", address="安徽省芜湖市", parental=True
)


async def own(bench: Bench) -> Item | None:
    stored = await bench.store.get(CAMERA, CAMERA)
    return stored.item if stored is not None else None


async def test_a_recorder_that_does_not_list_itself_is_listed_with_what_it_tells_of_itself(bench: Bench) -> None:
    bench.sync._own_item = lambda peer_id: RECORDER
    bench.device.lists(2)
    status = await bench.sync.synchronise(CAMERA)
    assert (status.state, status.received) == ("complete", 2)
    assert await own(bench) == RECORDER and await bench.codes() == sorted([code(0), code(1), CAMERA])
    assert await bench.store.parents(CAMERA, code(0)) == [CAMERA]
    await bench.sync._ask_device_info(CAMERA)
    assert await own(bench) == replace(RECORDER, manufacturer="M")
    # Nothing of it is lost in what follows, with or without what was told.
    await bench.sync.synchronise(CAMERA)
    assert await own(bench) == replace(RECORDER, manufacturer="M")
    bench.sync.status.clear()
    await bench.sync.synchronise(CAMERA)
    await bench.sync._ask_device_info(CAMERA)
    assert await own(bench) == replace(RECORDER, manufacturer="M")
    assert [entry.event.value for entry in await bench.store.history(CAMERA, CAMERA)] == ["UPDATE"]


async def test_a_recorder_that_lists_itself_is_believed(bench: Bench) -> None:
    bench.sync._own_item = lambda peer_id: RECORDER
    bench.device.pages = [(2, [CAMERA, code(1)])]
    await bench.sync.synchronise(CAMERA)
    listed = await own(bench)
    assert listed is not None and listed.name == "枪机0001" and listed.raw
    await bench.sync._ask_device_info(CAMERA)
    assert await own(bench) == listed
    # An answer that is not whole proves nothing against that; a whole one does.
    bench.device.pages = [(2, [code(1)])]
    assert (await bench.sync.synchronise(CAMERA)).state == "incomplete"
    assert await own(bench) == listed
    bench.device.pages = [(1, [code(1)])]
    assert (await bench.sync.synchronise(CAMERA)).state == "complete"
    assert (await own(bench) or RECORDER).name == RECORDER.name
