from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from gateway.web.route import Call, Route


class Body(BaseModel):
    n: int


class Query(BaseModel):
    q: str = ""


async def test_a_call_gives_the_handler_path_query_body_and_caller(start_api) -> None:
    async def handler(call: Call) -> dict[str, Any]:
        with pytest.raises(AssertionError):
            call.body(Query)
        values = {"path": call.path("id"), "n": call.body(Body).n, "q": call.query(Query).q}
        return values | {
            "who": call.identity.user.id,
            "role": call.role,
            "actor": str(call.actor),
            "remote": call.remote,
        }

    api = await start_api(extra=(Route("POST", "/x/{id}", handler, "x", "viewer", "x", body=Body, query=Query),))
    assert await api.call("POST", "/x/7?q=东", {"n": 3}) == (
        200,
        {
            "path": "7",
            "n": 3,
            "q": "东",
            "who": "root",
            "role": "admin",
            "actor": "user:root",
            "remote": "127.0.0.1",
        },
    )


async def test_a_public_call_has_no_caller(start_api) -> None:
    async def handler(call: Call) -> dict[str, Any]:
        with pytest.raises(AssertionError):
            _ = call.identity
        return {"who": call.who}

    api = await start_api(extra=(Route("GET", "/x", handler, "x", "public", "x"),))
    assert await api.call("GET", "/x", user=None) == (200, {"who": None})
