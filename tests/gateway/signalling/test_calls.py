"""Call records: what they hold, and that writing them never holds up a call."""

from __future__ import annotations

import asyncio
import json

import pytest
from structlog.testing import capture_logs

from gateway.relay.hub import StreamKey
from gateway.signalling.calls import CallBook, CallRecord
from sip import NameAddr, Uri
from sip.aio import Peer
from sip.dialog import Dialog

OURS, THEIRS = Uri("sip", "34020000002000000001", "3402000000"), Uri("sip", "34020000001320000001", "3402000000")


def record(call_id: str = "c1") -> CallRecord:
    dialog = Dialog("call-1", "us", "them", NameAddr(OURS), NameAddr(THEIRS), THEIRS, local_cseq=1)
    return CallRecord(
        id=call_id,
        side="lower",
        peer_id="34020000001110000001",
        stream_peer="34020000001110000001",
        code="34020000001320000001",
        dialog=dialog.to_dict(),
        remote=("UDP", "127.0.0.1", 5060),
        worker="relay-1",
        leg=f"in-{call_id}",
        ssrc="0200000001",
        transport="udp",
    )


class Shelf:
    """A store that keeps records in memory, slowly if asked to."""

    def __init__(self) -> None:
        self.kept: dict[str, CallRecord] = {}
        self.slow = asyncio.Event()
        self.slow.set()
        self.broken = False

    async def save_call(self, record: CallRecord) -> None:
        await self.slow.wait()
        if self.broken:
            raise OSError("the disk is full")
        self.kept[record.id] = record

    async def forget_call(self, call_id: str) -> None:
        self.kept.pop(call_id, None)

    async def calls(self) -> list[CallRecord]:
        return list(self.kept.values())


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)


def test_a_record_survives_json_and_gives_back_its_dialog() -> None:
    again = CallRecord.from_dict(json.loads(json.dumps(record().to_dict())))
    assert again == record()
    assert again.key == StreamKey("34020000001110000001", "34020000001320000001")
    assert again.peer == Peer("UDP", "127.0.0.1", 5060)
    assert again.restored_dialog().id == ("call-1", "us", "them")


async def test_a_confirmed_call_is_written_a_little_later() -> None:
    shelf = Shelf()
    book = CallBook(shelf, delay_s=0)
    book.remember(record())
    assert shelf.kept == {}
    await settled()
    assert [one.id for one in await book.records()] == ["c1"]
    await book.forget("c1")
    assert await book.records() == []


async def test_a_call_that_ended_at_once_is_never_written() -> None:
    shelf = Shelf()
    book = CallBook(shelf, delay_s=60)
    book.remember(record())
    await book.forget("c1")
    await settled()
    assert shelf.kept == {}


async def test_a_call_forgotten_while_it_is_written_leaves_nothing() -> None:
    shelf = Shelf()
    shelf.slow.clear()
    book = CallBook(shelf, delay_s=0)
    book.remember(record())
    await settled()
    forgetting = asyncio.create_task(book.forget("c1"))
    await settled()
    shelf.slow.set()
    await forgetting
    assert shelf.kept == {}


@pytest.mark.filterwarnings("error")
async def test_a_record_that_cannot_be_written_is_told_and_the_call_goes_on() -> None:
    shelf = Shelf()
    shelf.broken = True
    book = CallBook(shelf, delay_s=0)
    with capture_logs() as lines:
        book.remember(record())
        await settled()
    assert [(line["event"], line["call"]) for line in lines] == [("call not stored", "c1")]


def test_a_call_to_an_rtsp_camera_has_a_pull_beside_its_leg() -> None:
    plain = record()
    assert plain.legs == [("relay-1", "in-c1")] and not plain.is_rtsp
    details = {"source_worker": "source-1", "pull": "pull-c1"}
    rtsp = CallRecord(**{**plain.to_dict(), "transport": "rtsp", "details": details})
    assert rtsp.is_rtsp and rtsp.legs == [("relay-1", "in-c1"), ("source-1", "pull-c1")]
    assert CallRecord.from_dict(json.loads(json.dumps(rtsp.to_dict()))) == rtsp
