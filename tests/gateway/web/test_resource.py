from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from gateway.compliance.ledger import LedgerQuery
from gateway.store.rules import Rule
from gateway.web.errors import ApiError
from gateway.web.resource import Resource, Strict, loggable, refuse_null, secret, unguarded


class RuleBody(Strict):
    id: str


class NameBody(Strict):
    name: str


class Shown(Strict):
    id: str
    name: str


def show(rule: Rule) -> BaseModel:
    return Shown(id=rule.id, name=rule.name)


async def make(body: RuleBody) -> Rule:
    return Rule(body.id)


async def changes(_before: Rule, given: dict[str, Any]) -> dict[str, Any]:
    return given


def guard(_call: Any, before: Rule, after: Rule | None) -> None:
    if before.id == "fixed" or (after is not None and after.name == "bad"):
        raise ApiError(409, "guarded", "Guarded.", "受保护。")


async def start(start_api: Any) -> Any:
    holder: list[Any] = []

    api = await start_api()
    holder.append(Resource("thing", api.ctx.stores.rules, RuleBody, NameBody, Shown, show, make, changes, guard))
    return await start_api(extra=tuple(holder[0].routes())), holder[0].repository


async def test_the_five_routes_work_and_each_change_is_entered(start_api) -> None:
    api, repository = await start(start_api)
    url = "/api/v1/things"
    assert await api.call("POST", url, {"id": "b"}) == (201, {"id": "b", "name": ""})
    assert await api.call("POST", url, {"id": "a"}) == (201, {"id": "a", "name": ""})
    assert await api.call("PATCH", url + "/a", {"name": "Alpha"}) == (200, {"id": "a", "name": "Alpha"})
    assert await api.call("GET", url + "/a") == (200, {"id": "a", "name": "Alpha"})
    listed = (await api.call("GET", url + "?limit=1"))[1]
    assert listed == {"items": [{"id": "a", "name": "Alpha"}], "total": 2, "next": "a"}
    assert (await api.call("GET", url + "?text=ALPHA"))[1]["total"] == 1
    assert await api.call("DELETE", url + "/a") == (204, "")
    assert [rule.id for rule in repository.all()] == ["b"]
    actions = [row.entry.action for row in await api.ctx.ledger.entries(LedgerQuery())]
    assert actions == ["thing.remove", "thing.change", "thing.create", "thing.create"]


async def test_a_guard_keeps_a_record_as_it_is_and_nothing_is_entered(start_api) -> None:
    api, repository = await start(start_api)
    await repository.create(Rule("fixed"))
    await repository.create(Rule("free"))
    assert (await api.call("DELETE", "/api/v1/things/fixed"))[0] == 409
    assert (await api.call("PATCH", "/api/v1/things/free", {"name": "bad"}))[0] == 409
    assert repository.require("free").name == "" and api.ctx.ledger.head.seq == 0


def test_bodies_are_entered_without_secrets_and_with_lists() -> None:
    fields = {"password": SecretStr("s3cret"), "codes": ("a",), "name": "n"}
    assert loggable(fields) == {"password": "***", "codes": ["a"], "name": "n"}


def test_a_password_field_becomes_a_secret_and_none_becomes_empty() -> None:
    assert secret(SecretStr("s3cret")).reveal() == "s3cret" and not secret(None)


def test_null_is_refused_where_a_value_is_needed() -> None:
    refuse_null({"charset": None, "name": "x"}, ["charset"])
    with pytest.raises(ApiError, match="name: must not be null"):
        refuse_null({"name": None}, ["charset"])
    unguarded(None, None, None)  # type: ignore[arg-type]
