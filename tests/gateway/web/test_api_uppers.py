from __future__ import annotations

import pytest

from gateway.config import Config, UplinkConfig
from gateway.config_zones import ZoneConfig

ID = "34020000002000000099"
URL = "/api/v1/uppers"
NEW = {"id": ID, "name": "市局", "host": "192.0.2.10", "password": "s3cret", "source_addresses": ["192.0.2.11"]}


async def test_an_upper_platform_is_added_shown_changed_and_removed(api) -> None:
    api.ctx.upper_state = lambda upper_id: {"registered": upper_id == ID}
    status, shown = await api.call("POST", URL, NEW)
    assert status == 201 and shown["has_password"] and shown["state"] == {"registered": True}
    assert shown["source_addresses"] == ["192.0.2.11"] and "s3cret" not in str(shown)
    upper = api.ctx.stores.uppers.require(ID)
    assert (upper.password.reveal(), upper.realm, upper.source_addresses) == ("s3cret", ID[:10], ("192.0.2.11",))
    status, shown = await api.call("PATCH", f"{URL}/{ID}", {"transport": "tcp", "password": "n3w"})
    assert (status, shown["transport"]) == (200, "tcp")
    assert api.ctx.stores.uppers.require(ID).password.reveal() == "n3w"
    assert (await api.call("DELETE", f"{URL}/{ID}"))[0] == 204


async def test_its_sharing_rule_must_exist_and_cannot_be_removed_under_it(api) -> None:
    status, body = await api.call("POST", URL, NEW | {"rule_id": "city"})
    assert (status, body["error"]) == (409, "in_use")
    await api.call("POST", "/api/v1/rules", {"id": "city"})
    assert (await api.call("POST", URL, NEW | {"rule_id": "city"}))[0] == 201
    assert (await api.call("DELETE", "/api/v1/rules/city"))[0] == 409
    assert (await api.call("PATCH", f"{URL}/{ID}", {"rule_id": None}))[0] == 200
    assert (await api.call("DELETE", "/api/v1/rules/city"))[0] == 204


async def test_times_left_out_are_the_nodes(start_api) -> None:
    api = await start_api(Config(uplink=UplinkConfig(register_expires_seconds=7200, keepalive_seconds=30)))
    shown = (await api.call("POST", URL, NEW | {"keepalive_seconds": 20}))[1]
    assert (shown["register_expires_seconds"], shown["keepalive_seconds"]) == (7200, 20)


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": ""},
        {"host": "a b"},
        {"port": 0},
        {"source_addresses": ["nowhere"]},
        {"domain": "12"},
        {"local_id": "x"},
    ],
)
async def test_a_wrong_upper_is_refused(api, wrong) -> None:
    assert (await api.call("POST", URL, NEW | wrong))[0] == 400


async def test_what_must_have_a_value_cannot_be_null(api) -> None:
    await api.call("POST", URL, NEW)
    assert (await api.call("PATCH", f"{URL}/{ID}", {"port": None}))[0] == 400


async def test_media_may_go_anywhere_unless_the_tolerance_is_taken_away(api) -> None:
    assert (await api.call("POST", URL, NEW))[1]["tolerances"] == ["media_to_any_address"]
    status, shown = await api.call("PATCH", f"{URL}/{ID}", {"tolerances": [], "media_transport": "tcp_passive"})
    assert (status, shown["tolerances"], shown["media_transport"]) == (200, [], "tcp_passive")
    assert api.ctx.stores.uppers.require(ID).tolerances == ()
    assert (await api.call("PATCH", f"{URL}/{ID}", {"media_transport": None}))[0] == 200


@pytest.mark.parametrize("path", [URL, "/api/v1/devices"])
async def test_a_tolerance_nobody_knows_is_refused_with_those_that_are(api, path) -> None:
    body = {"id": ID, "tolerances": ["anything_goes"]} | ({"host": "192.0.2.10"} if path == URL else {})
    status, answer = await api.call("POST", path, body)
    known = ["media_to_any_address", "answer_from_elsewhere"] if path == URL else ["media_source_any", "ssrc_any"]
    assert status == 400 and all(name in answer["message"] for name in ("tolerances", *known))


async def test_a_zone_is_one_of_those_configured(start_api) -> None:
    api = await start_api(Config(zones={"above": ZoneConfig(sip_host="10.2.0.1")}))
    wanted = {"id": ID, "host": "192.0.2.9"}
    status, body = await api.call("POST", URL, wanted | {"zone": "nowhere"})
    assert (status, body["message"]) == (400, "zone: no zone 'nowhere'; there are default, above")
    assert "网络区域" in body["message_zh"] and body["hint"]
    assert (await api.call("POST", URL, wanted | {"zone": "above"}))[1]["zone"] == "above"
    assert (await api.call("PATCH", f"{URL}/{ID}", {"zone": "default"}))[1]["zone"] == "default"
    assert (await api.call("PATCH", f"{URL}/{ID}", {"zone": "nowhere"}))[0] == 400
    assert (await api.call("PATCH", f"{URL}/{ID}", {"zone": None}))[1]["zone"] is None
