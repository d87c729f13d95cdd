from __future__ import annotations

import pytest

from gateway.compliance.ledger import LedgerQuery
from gateway.config import Config
from gateway.config_zones import ZoneConfig
from gateway.signalling.reachability import BehindNat, MediaWay
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
    assert (shown["state"], shown["offline_reason"], shown["max_sessions"]) == ("online", None, None)
    assert shown["online"] and shown["registration"]["host"] == "192.0.2.7" and shown["registration"]["gb_ver"] == "3.0"
    api.now[0] += 61
    assert not (await api.call("GET", f"{URL}/{ID}"))[1]["online"]


async def test_what_the_signalling_knows_of_it_is_shown_in_the_list(api) -> None:
    await api.call("POST", URL, {"id": ID, "max_sessions": 4})
    api.ctx.device_state = lambda device_id: {"state": "unstable", "last_contact": 5.0, "offline_reason": device_id}
    [shown] = (await api.call("GET", URL))[1]["items"]
    assert (shown["state"], shown["last_contact"], shown["offline_reason"]) == ("unstable", 5.0, ID)
    assert shown["max_sessions"] == 4
    assert (await api.call("PATCH", f"{URL}/{ID}", {"max_sessions": None}))[1]["max_sessions"] is None


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


async def test_a_zone_is_one_of_those_configured(start_api) -> None:
    api = await start_api(Config(zones={"above": ZoneConfig(sip_host="10.2.0.1")}))
    wanted = {"id": ID}
    status, body = await api.call("POST", URL, wanted | {"zone": "nowhere"})
    assert (status, body["message"]) == (400, "zone: no zone 'nowhere'; there are default, above")
    assert [one["field"] for one in body["fields"]] == ["zone"] and "网络区域" in body["fields"][0]["problem_zh"]
    assert "网络区域" in body["message_zh"] and body["hint"]
    assert (await api.call("POST", URL, wanted | {"zone": "above"}))[1]["zone"] == "above"
    assert (await api.call("PATCH", f"{URL}/{ID}", {"zone": "default"}))[1]["zone"] == "default"
    assert (await api.call("PATCH", f"{URL}/{ID}", {"zone": "nowhere"}))[0] == 400
    assert (await api.call("PATCH", f"{URL}/{ID}", {"zone": None}))[1]["zone"] is None


async def test_a_device_behind_a_nat_is_shown_with_the_way_its_media_takes(api) -> None:
    await api.call("POST", URL, {"id": ID})
    assert (await api.call("GET", f"{URL}/{ID}"))[1]["media"] is None
    api.ctx.stores.registrations.put(Registration(ID, "UDP", "203.0.113.7", 5060, "", api.ctx.clock() + 60))
    ways = {
        "tcp_active": MediaWay("tcp_active", BehindNat("192.168.1.9", "203.0.113.7", "default")),
        "udp": MediaWay("udp"),
    }
    shown = {}
    for name, way in ways.items():
        api.ctx.media_way = lambda device_id, way=way: way
        shown[name] = (await api.call("GET", f"{URL}/{ID}"))[1]["media"]
    hidden = shown["tcp_active"]
    assert (hidden["configured"], hidden["transport"], hidden["behind_nat"]) == ("tcp_active", "tcp_passive", True)
    assert (hidden["own_address"], hidden["seen_address"]) == ("192.168.1.9", "203.0.113.7")
    assert "behind a NAT" in hidden["message"] and "NAT" in hidden["message_zh"]
    assert shown["udp"] == {
        "configured": "udp", "transport": "udp", "behind_nat": False, "own_address": "", "seen_address": "203.0.113.7",
        "message": "", "message_zh": "",
    }  # fmt: skip


CAMERA = {"id": "34020000001110000007", "kind": "rtsp", "url": "rtsp://192.0.2.1:8554/live?channel=1"}


async def test_an_rtsp_camera_is_entered_and_shown_with_its_channel(api) -> None:
    api.ctx.source_state = lambda peer_id: {
        "state": "online", "step": "", "message": "", "message_zh": "", "hint": "", "checked_at": 1.0,
        "video_codec": "H264", "audio_codec": None,
    }  # fmt: skip
    status, shown = await api.call("POST", URL, CAMERA | {"username": "u", "password": "s3cret"})
    assert status == 201 and shown["channel_id"] == "34020000001320000007"
    assert (shown["url"], shown["username"], shown["has_password"]) == (CAMERA["url"], "u", True)
    assert shown["online"] and shown["source"]["video_codec"] == "H264" and shown["rtsp_transport"] == "tcp"
    status, shown = await api.call("PATCH", f"{URL}/{CAMERA['id']}", {"channel_id": "34020000001310000001"})
    assert (status, shown["channel_id"]) == (200, "34020000001310000001")
    status, shown = await api.call("PATCH", f"{URL}/{CAMERA['id']}", {"channel_id": "", "rtsp_transport": "udp"})
    assert (shown["channel_id"], shown["rtsp_transport"], shown["always_on"]) == ("34020000001320000007", "udp", False)


async def test_a_login_written_into_the_address_goes_where_it_belongs(api) -> None:
    body = CAMERA | {"url": "rtsp://admin:s3%40cret@192.0.2.1/live"}
    answers = [await api.call("POST", URL, body), await api.call("GET", f"{URL}/{CAMERA['id']}")]
    device = api.ctx.stores.devices.require(CAMERA["id"])
    assert (device.url, device.username, device.password.reveal()) == ("rtsp://192.0.2.1/live", "admin", "s3@cret")
    answers.append(await api.call("PATCH", f"{URL}/{CAMERA['id']}", {"url": "rtsp://root:0ther@192.0.2.1/2"}))
    device = api.ctx.stores.devices.require(CAMERA["id"])
    assert (device.url, device.username, device.password.reveal()) == ("rtsp://192.0.2.1/2", "root", "0ther")
    await api.call(
        "PATCH", f"{URL}/{CAMERA['id']}", {"url": "rtsp://x:y@192.0.2.1/3", "username": "z", "password": "w"}
    )
    device = api.ctx.stores.devices.require(CAMERA["id"])
    assert (device.username, device.password.reveal()) == ("z", "w"), "what is given by its own name wins"
    written = f"{answers} {await api.ctx.ledger.entries(LedgerQuery())}"
    assert not any(secret in written for secret in ("s3@cret", "s3%40cret", "0ther"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": ""}, "url"),
        ({"url": "http://192.0.2.1/s3cret"}, "url"),
        ({"profile": "main"}, "profile"),
        ({"url": 7}, "url"),
        ({"channel_id": "34020000001110000001"}, "channel_id"),
        ({"channel_id": "17"}, "channel_id"),
        ({"id": "34020000001320000007", "channel_id": "34020000001320000007"}, "channel_id"),
        ({"rtsp_transport": "http"}, "rtsp_transport"),
        ({"kind": "device"}, "url"),
        ({"kind": "device", "url": "", "username": "u"}, "username"),
        ({"kind": "platform", "url": "", "always_on": True}, "always_on"),
    ],
)
async def test_a_mistake_in_an_rtsp_camera_is_named_by_its_field(api, change, field) -> None:
    status, body = await api.call("POST", URL, CAMERA | change)
    assert status == 400 and body["message"].startswith(f"{field}: ") and "s3cret" not in str(body)
    assert len(api.ctx.stores.devices) == 0


async def test_an_rtsp_camera_stays_one(api) -> None:
    await api.call("POST", URL, CAMERA)
    await api.call("POST", URL, {"id": ID})
    for device, kind in ((CAMERA["id"], "device"), (ID, "rtsp")):
        status, body = await api.call("PATCH", f"{URL}/{device}", {"kind": kind})
        assert status == 400 and body["message"].startswith("kind: ")
    assert (await api.call("PATCH", f"{URL}/{CAMERA['id']}", {"url": ""}))[1]["message"].startswith("url: ")
    assert (await api.call("PATCH", f"{URL}/{ID}", {"kind": "platform"}))[0] == 200
    assert (await api.call("DELETE", f"{URL}/{CAMERA['id']}"))[0] == 204


async def test_a_device_that_registers_has_no_source(api) -> None:
    await api.call("POST", URL, {"id": ID})
    assert (await api.call("GET", f"{URL}/{ID}"))[1]["source"] is None


ONVIF = {"id": "34020000001110000009", "kind": "onvif", "url": "https://u:p%40w@192.0.2.9/", "profile": "main"}


async def test_an_onvif_camera_is_entered_with_its_device_service(api) -> None:
    status, shown = await api.call("POST", URL, ONVIF | {"tolerances": ["onvif_any_certificate"]})
    assert status == 201 and shown["url"] == "https://192.0.2.9/onvif/device_service" and shown["profile"] == "main"
    assert (shown["channel_id"], shown["username"]) == ("34020000001320000009", "u") and "p@w" not in str(shown)
    assert api.ctx.stores.devices.require(ONVIF["id"]).password.reveal() == "p@w"
    status, shown = await api.call("PATCH", f"{URL}/{ONVIF['id']}", {"channel_id": "", "profile": ""})
    assert (status, shown["channel_id"], shown["profile"]) == (200, "34020000001320000009", "")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": ""}, "url"),
        ({"url": "rtsp://192.0.2.9/"}, "url"),
        ({"url": "http://192.0.2.9:0/"}, "url"),
        ({"channel_id": ONVIF["id"]}, "channel_id"),
        ({"channel_id": "34020000001320000007"}, "channel_id"),
    ],
)
async def test_a_mistake_in_an_onvif_camera_is_named_by_its_field(api, change, field) -> None:
    await api.call("POST", URL, CAMERA)
    status, body = await api.call("POST", URL, ONVIF | change)
    assert status == 400 and body["message"].startswith(f"{field}: "), body


async def test_an_onvif_camera_does_not_move_to_a_code_that_is_taken_and_stays_one(api) -> None:
    await api.call("POST", URL, CAMERA)
    await api.call("POST", URL, ONVIF)
    path = f"{URL}/{ONVIF['id']}"
    assert (await api.call("PATCH", path, {"channel_id": "34020000001320000007"}))[0] == 400
    assert (await api.call("PATCH", path, {"channel_id": "34020000001320000010"}))[0] == 200
    for kind in ("rtsp", "device"):
        status, body = await api.call("PATCH", path, {"kind": kind})
        assert status == 400 and body["message"].startswith("kind: ")
