from __future__ import annotations

import pytest

URL = "/api/v1/rules"
CHANNEL = "34020000001320000001/34020000001310000001"


async def test_a_sharing_rule_is_added_shown_changed_and_removed(api) -> None:
    body = {"id": "city", "name": "市局", "mode": "list", "channels": [CHANNEL], "published": {CHANNEL: "5" * 20}}
    status, shown = await api.call("POST", URL, body)
    assert (status, shown["actions"], shown["used_by"]) == (201, ["live", "query"], [])
    upper = {"id": "34020000002000000099", "host": "192.0.2.10", "rule_id": "city"}
    await api.call("POST", "/api/v1/uppers", upper)
    status, shown = await api.call(
        "PATCH", f"{URL}/city", {"mode": "subtree", "channels": ["5401"], "actions": ["live"], "withhold": ["address"]}
    )
    assert (status, shown["mode"], shown["channels"], shown["used_by"]) == (200, "subtree", ["5401"], [upper["id"]])
    rule = api.ctx.stores.rules.require("city")
    assert rule.channels == ("5401",) and rule.published == {CHANNEL: "5" * 20}
    assert rule.withhold == tuple(shown["withhold"]) == ("address",)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "a b"},
        {"mode": "some"},
        {"channels": ["x/y/z"]},
        {"published": {CHANNEL: "short"}},
        {"actions": ["erase"]},
        {"withhold": ["colour"]},
        {"withhold": ["status"]},
        {"withhold": ["info." + "x" * 64]},
    ],
)
async def test_a_wrong_rule_is_refused(api, wrong) -> None:
    assert (await api.call("POST", URL, {"id": "city"} | wrong))[0] == 400


async def test_what_must_have_a_value_cannot_be_null(api) -> None:
    await api.call("POST", URL, {"id": "city"})
    assert (await api.call("PATCH", f"{URL}/city", {"mode": None}))[0] == 400
