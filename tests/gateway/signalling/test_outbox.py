"""Long answers in many messages: how they are cut, and how they are sent to slow, picky and silent receivers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from gateway.signalling.outbox import catalogue_pages, deliver, packed
from interop.wire import manscdp
from interop.wire.sipwire import element
from sip import Headers, RemoteError, Response
from sip.manscdp import CatalogItem, Edition

ITEMS = [
    CatalogItem(device_id=f"3402000000131{n:07d}", name=f"东门枪机{n}" * (1 + n % 4), manufacturer="M",
                civil_code="340200", address="x" * (n % 50), parental=0, status="ON")
    for n in range(300)
]  # fmt: skip


def pages_of(items: Sequence[CatalogItem], **options: object) -> list[bytes]:
    chosen: dict[str, object] = {"per_message": 100, "body_bytes": None} | options
    return list(catalogue_pages(5, "34", items, charset="GB2312", edition=Edition.V2016, **chosen))  # type: ignore[arg-type]


@pytest.mark.parametrize("body_bytes", [None, 850, 400, 3000])
def test_every_item_is_in_exactly_one_page_that_fits_and_names_the_total(body_bytes: int | None) -> None:
    pages = pages_of(ITEMS, per_message=20, body_bytes=body_bytes)
    found = []
    for page in pages:
        text = page.decode("gb18030")
        items = manscdp.items_of(text)
        assert element(text, "SumNum") == "300" and element(text, "SN") == "5" and len(items) <= 20
        assert f'Num="{len(items)}"' in text and (body_bytes is None or len(page) <= body_bytes or len(items) == 1)
        found += [item["DeviceID"] for item in items]
    assert found == [item.device_id for item in ITEMS]


def test_an_empty_answer_is_one_page_without_a_list() -> None:
    [page] = pages_of([])
    assert element(page.decode(), "SumNum") == "0" and b"DeviceList" not in page


def test_an_item_larger_than_a_page_goes_alone() -> None:
    big = CatalogItem(device_id="1", address="y" * 2000)
    pages = pages_of([ITEMS[0], big, ITEMS[1]], body_bytes=850)
    assert [len(manscdp.items_of(page.decode("gb18030"))) for page in pages] == [1, 1, 1]


def test_the_usual_item_is_written_once() -> None:
    written = 0

    def body(part: Sequence[bytes]) -> bytes:
        nonlocal written
        written += len(part)
        return b"e" * 230 + b"".join(part)

    parts = list(packed([b"i" * 350] * 1000, body, most=20, body_bytes=850))
    assert sum(len(part) for part, _ in parts) == 1000 and written < 1100
    written = 0
    parts = list(packed([b"i" * 80] * 1000, body, most=20, body_bytes=850))
    assert written < 1200 and max(len(part) for part, _ in parts) == 7


class Receiver:
    """Answers messages as told, and knows how many were under way at once."""

    def __init__(self, statuses: Sequence[int | None] = (), default: int = 200) -> None:
        self.statuses: Iterator[int | None] = iter(statuses)
        self.default = default
        self.got: list[bytes] = []
        self.at_once = 0
        self.windows: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, page: bytes) -> Response:
        self.at_once += 1
        try:
            self.got.append(page)
            await asyncio.sleep(0)
            await self.gate.wait()
            self.windows.append(self.at_once)
            status = next(self.statuses, self.default)
            if status is None:
                raise RemoteError("MESSAGE", "no answer in time")
            return Response(status, "Because", Headers())
        finally:
            self.at_once -= 1


def numbered(count: int) -> Iterator[bytes]:
    return iter([b"%d" % n for n in range(count)])


async def test_the_window_grows_while_200s_come_and_stays_within_its_limit() -> None:
    receiver = Receiver()
    delivery = await deliver(numbered(200), receiver, max_window=8)
    assert (delivery.messages, delivery.acknowledged, delivery.failed, delivery.unsent) == (200, 200, 0, False)
    assert receiver.windows[0] == 1 and max(receiver.windows) == 8 and delivery.problem is None


async def test_a_lost_message_is_repeated_and_shuts_the_window() -> None:
    receiver = Receiver([200] * 30 + [None])
    delivery = await deliver(numbered(60), receiver, max_window=8)
    assert (delivery.acknowledged, delivery.repeated, delivery.failed) == (60, 1, 0)
    assert sorted(set(receiver.got)) == sorted(numbered(60)) and len(receiver.got) == 61
    assert min(receiver.windows[32:50]) == 1 and delivery.problem == "MESSAGE: no answer in time"


async def test_a_busy_receiver_is_asked_again() -> None:
    delivery = await deliver(numbered(3), Receiver([503, 486, 200]), max_window=8)
    assert (delivery.acknowledged, delivery.repeated, delivery.failed) == (3, 2, 0)


async def test_a_message_that_stays_unanswered_is_given_up_and_the_rest_is_not_sent() -> None:
    receiver = Receiver([200, None, None, None])
    delivery = await deliver(numbered(50), receiver, max_window=1)
    assert (delivery.messages, delivery.acknowledged, delivery.failed) == (2, 1, 1)
    assert delivery.unsent and len(receiver.got) == 4


async def test_a_refused_message_is_not_sent_again() -> None:
    receiver = Receiver([400])
    delivery = await deliver(numbered(1), receiver, max_window=4)
    assert (delivery.failed, delivery.repeated, delivery.unsent) == (1, 0, False)
    assert delivery.problem == "answered 400 Because" and len(receiver.got) == 1


async def test_a_delivery_that_is_cancelled_leaves_nothing_running() -> None:
    receiver = Receiver()
    receiver.gate.clear()
    task = asyncio.create_task(deliver(numbered(9), receiver, max_window=4))
    await asyncio.sleep(0.01)
    assert receiver.at_once == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert receiver.at_once == 0
