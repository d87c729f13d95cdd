"""What the device says outside calls, and how a catalogue is cut into messages."""

from __future__ import annotations

from typing import Any

import pytest

from interop.device.outbox import MAX_DATAGRAM, Outbox
from interop.wire import manscdp, sipwire
from interop.wire.platform import WirePlatform
from sip.aio import SipStack
from sip.manscdp import CatalogItem, ItemInfo, Keepalive

PLATFORM, DEVICE = "34020000002000000001", "34020000001180000001"


def _items(count: int, name: str = "东门岗亭") -> list[CatalogItem]:
    return [
        CatalogItem(
            device_id=f"3402000000131{number:07d}", name=f"{name}{number}", manufacturer="gbsim", model="virtual",
            civil_code="340200", address="127.0.0.1", parent_id=DEVICE, status="ON", info=ItemInfo(ptz_type="1"),
        )
        for number in range(count)
    ]  # fmt: skip


def _outbox(settings: Any, port: int = 5060, **changed: Any) -> tuple[SipStack, Outbox]:
    chosen = settings(port, **changed)
    stack = SipStack(user_agent="gbsim", on_request=lambda incoming: None)
    return stack, Outbox(chosen, stack)


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_catalogue_pages_fit_a_datagram_and_lose_nothing(settings: Any, transport: str) -> None:
    async with WirePlatform(PLATFORM, "pw") as up:
        stack, outbox = _outbox(settings, up.port.port, transport=transport)
        await stack.listen(transport, "127.0.0.1", 0)
        items = _items(60) + _items(1, "很长的名字" * 60)
        await outbox.send_catalogue(7, DEVICE, items)
        pages = list(up.responses)
        rows = [row for page in pages for row in manscdp.items_of(page.text)]
        assert [row["DeviceID"] for row in rows] == [item.device_id for item in items]
        assert {sipwire.element(page.text, "SumNum") for page in pages} == {"61"}
        assert {sipwire.element(page.text, "SN") for page in pages} == {"7"}
        sizes = [len(page.raw) for page in pages]
        per_page = [len(manscdp.items_of(page.text)) for page in pages]
        if transport == "UDP":
            assert max(sizes[:-1]) <= MAX_DATAGRAM
            assert per_page == [2] * 30 + [1]
        else:
            assert per_page == [50, 11]
        assert up.faults == []
        await stack.close()


async def test_an_empty_catalogue_is_one_empty_page(settings: Any) -> None:
    _, outbox = _outbox(settings)
    assert [(page.sum_num, page.items) for page in outbox.pages(1, DEVICE, [])] == [(0, [])]


async def test_the_identity_in_every_message(settings: Any) -> None:
    async with WirePlatform(PLATFORM, "pw") as up:
        stack, outbox = _outbox(settings, up.port.port)
        await stack.listen("UDP", "127.0.0.1", 0)
        for _ in range(2):
            assert (await outbox.tell(Keepalive(sn=outbox.next_sn(), device_id=DEVICE, status="OK"))).status == 200
        first, second = up.port.received
        assert first.start == f"MESSAGE sip:{PLATFORM}@127.0.0.1:{up.port.port} SIP/2.0"
        assert first.need("from").startswith(f"<sip:{DEVICE}@{PLATFORM[:10]}>;tag=")
        assert first.need("to") == f"<sip:{PLATFORM}@{PLATFORM[:10]}>"
        assert first.need("call-id") != second.need("call-id")
        assert first.need("content-type") == "Application/MANSCDP+xml"
        assert [sipwire.element(one.text, "SN") for one in (first, second)] == ["1", "2"]
        await stack.close()


async def test_the_contact_names_the_device_or_a_channel(settings: Any) -> None:
    _, outbox = _outbox(settings, port=5062)
    outbox.contact_address = ("127.0.0.1", 5061)
    assert outbox.contact() == f"<sip:{DEVICE}@127.0.0.1:5061>"
    assert outbox.contact("34020000001310000001") == "<sip:34020000001310000001@127.0.0.1:5061>"
