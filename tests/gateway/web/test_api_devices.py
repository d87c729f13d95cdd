from __future__ import annotations

import pytest

from gateway.compliance.ledger import LedgerQuery
from gateway.store.registrations import Registration

ID = "34020000001320000001"
URL = "/api/v1/devices"


async def test_a_device_is_enrolled_shown_changed_and_removed_at_run_time(api) -> None:
    changes = []
    api.ctx.stores.devices.on_change(changes.append)
    body = {"id": ID, "name": "东门", "password": "s3cret", "media_transport": "tcp_active", "tolerances": ["ssrc_any"]}
    status, shown = await api.call("POST", URL, body)
    assert status == 201 and shown["has_password"] and not shown["online"] and shown["registration"] is None
    status, shown = await api.call("PATCH", f"{URL}/{ID}", {"name": "西门", "charset": "GB18030"})
    assert (status, shown["name"], shown["charset"], shown["media_transport"]) == (200, "西门", "GB18030", "tcp_active")
    assert api.ctx.stores.devices.require(ID).password.reveal() == "s3cret"
    await api.call("PATCH", f"{URL}/{ID}", {"password": "n3w", "media_transport": None})
    assert api.ctx.stores.devices.require(ID).password.reveal() == "n3w"
    assert (await api.call("GET", f"{URL}/{ID}"))[1]["media_transport"] is None
    assert (await api.call("DELETE", f"{URL}/{ID}"))[0] == 204
    assert (await api.call("GET", f"{URL}/{ID}"))[0] == 404
    assert [change.kind for change in changes] == ["created", "updated", "updated", "deleted"]


async def test_no_answer_and_no_ledger_entry_holds_the_password(api) -> None:
    answers = [
        await api.call("POST", URL, {"id": ID, "password": "s3cret"}),
        await api.call("GET", f"{URL}/{ID}"),
        await api.call("GET", URL),
        await api.call("PATCH", f"{URL}/{ID}", {"password": "s3cret"}),
    ]
    rows = await api.ctx.ledger.entries(LedgerQuery())
    assert "s3cret" not in str(answers) and "s3cret" not in str(rows)
    actions = [(row.entry.actor_id, row.entry.action, row.entry.detail["target"]) for row in rows]
    assert actions == [("root", "device.change", ID), ("root", "device.create", ID)]


async def test_a_live_registration_is_shown(api) -> None:
    await api.call("POST", URL, {"id": ID})
    now = api.now[0]
    api.ctx.stores.registrations.put(
        Registration(ID, "tcp", "192.0.2.7", 5060, "", now + 60, "3.0", "IPC", registered_at=now, last_seen=now)
    )
    shown = (await api.call("GET", f"{URL}/{ID}"))[1]
    assert shown["online"] and shown["registration"]["host"] == "192.0.2.7" and shown["registration"]["gb_ver"] == "3.0"
    api.now[0] += 61
    assert not (await api.call("GET", f"{URL}/{ID}"))[1]["online"]


async def test_lists_come_in_pages_and_can_be_searched(api) -> None:
    for number in range(5):
        await api.call("POST", URL, {"id": f"{int(ID) + number}", "name": "门" if number % 2 else "Road"})
    status, page = await api.call("GET", f"{URL}?limit=2")
    assert status == 200 and page["total"] == 5 and page["next"] == f"{int(ID) + 1}"
    page = (await api.call("GET", f"{URL}?limit=3&after={page['next']}"))[1]
    assert len(page["items"]) == 3 and page["next"] is None
    assert (await api.call("GET", f"{URL}?text=road"))[1]["total"] == 3
    assert (await api.call("GET", f"{URL}?limit=0"))[0] == 400


@pytest.mark.parametrize(
    "body",
    [
        {"id": "123"},
        {"id": ID, "charset": "latin-1"},
        {"id": ID, "media_transport": "quic"},
        {"id": ID, "surprise": 1},
        {"id": ID, "password": "x" * 129},
        {},
    ],
)
async def test_a_wrong_device_is_refused_and_nothing_is_stored(api, body) -> None:
    assert (await api.call("POST", URL, body))[0] == 400
    assert len(api.ctx.stores.devices) == 0


async def test_a_second_device_of_one_id_is_refused_and_the_failure_entered(api) -> None:
    await api.call("POST", URL, {"id": ID})
    status, body = await api.call("POST", URL, {"id": ID})
    assert (status, body["error"], body["record"]) == (409, "already_exists", ID)
    newest = (await api.ctx.ledger.entries(LedgerQuery(limit=1)))[0].entry
    assert (newest.result, newest.detail["error"]) == ("failed", "AlreadyExists")


async def test_what_must_have_a_value_cannot_be_null(api) -> None:
    await api.call("POST", URL, {"id": ID})
    status, body = await api.call("PATCH", f"{URL}/{ID}", {"name": None})
    assert (status, body["error"]) == (400, "invalid")
