"""Call records in the database: what a restarted control process finds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.calls_store import StoredCalls
from gateway.relay.hub import StreamKey
from gateway.signalling.calls import CallRecord
from gateway.store.dialogs import StoredDialog
from gateway.store.stores import Stores
from sip.aio import Peer
from sip.dialog import Dialog

DIALOG = {
    "call_id": "c1", "local_tag": "a", "remote_tag": "b", "local_uri": "<sip:1@3402000000>",
    "remote_uri": "<sip:2@3402000000>", "remote_target": "sip:2@192.0.2.1:5060", "route_set": [], "local_cseq": 20,
    "remote_cseq": None, "secure": False,
}  # fmt: skip
RECORD = CallRecord(
    "call-1", "lower", "camera", "camera", "channel", DIALOG, ("UDP", "192.0.2.1", 5060), "relay-1", "in-call-1",
    "0200000001", "tcp_passive", started_at=5.0, details={"subject": "x"},
)  # fmt: skip


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    opened = await Stores.open(tmp_path)
    yield opened
    await opened.close()


async def test_a_call_is_found_again_after_a_restart_with_its_dialog_and_peer(tmp_path: Path, stores: Stores) -> None:
    upper = replace(RECORD, id="call-2", side="upper", peer_id="upper", grant_id="g-1")
    calls = StoredCalls(stores.dialogs)
    await calls.save_call(RECORD)
    await calls.save_call(upper)
    assert {record.id: record for record in await calls.calls()} == {"call-1": RECORD, "call-2": upper}
    again = await Stores.open(tmp_path)
    try:
        found = {record.id: record for record in await StoredCalls(again.dialogs).calls()}
        assert found == {"call-1": RECORD, "call-2": upper}
        assert found["call-1"].peer == Peer("UDP", "192.0.2.1", 5060)
        assert found["call-1"].key == StreamKey("camera", "channel")
        assert found["call-1"].restored_dialog() == Dialog.from_dict(DIALOG)
        stored = again.dialogs.require("call-2")
        assert (stored.role, stored.grant_id, stored.stream_key) == ("uas", "g-1", "camera/channel")
    finally:
        await again.close()


async def test_a_call_saved_again_replaces_its_record_and_a_forgotten_one_is_gone(stores: Stores) -> None:
    calls = StoredCalls(stores.dialogs)
    await calls.save_call(RECORD)
    await calls.save_call(replace(RECORD, ssrc="0200000002"))
    assert [record.ssrc for record in await calls.calls()] == ["0200000002"]
    await calls.forget_call("call-1")
    await calls.forget_call("call-1")
    assert await calls.calls() == []


async def test_dialogs_kept_for_other_purposes_are_no_calls(stores: Stores) -> None:
    await stores.dialogs.create(StoredDialog("d", "uac", "other", "p", "c", "p/c"))
    assert await StoredCalls(stores.dialogs).calls() == []
