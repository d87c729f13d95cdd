from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from gateway.web.openapi import describe
from gateway.web.route import Call, Route


class Inner(BaseModel):
    x: int


class Body(BaseModel):
    inner: Inner


class Query(BaseModel):
    limit: int = Field(10, ge=1)
    after: str


async def handler(_call: Call) -> None:
    return None


def document(**options: Any) -> dict[str, Any]:
    route = Route("POST", "/api/v1/things/{id:[0-9]+}", handler, "Do", options.pop("access", "admin"), "t", **options)
    return describe([route], title="node", version="1")


def test_a_route_is_described_with_path_query_body_and_reply() -> None:
    described = document(body=Body, query=Query, reply=Inner, status=201)
    operation = described["paths"]["/api/v1/things/{id}"]["post"]
    assert {(p["name"], p["in"], p["required"]) for p in operation["parameters"]} == {
        ("id", "path", True),
        ("limit", "query", False),
        ("after", "query", True),
    }
    assert operation["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Body"}
    assert operation["responses"]["201"]["content"]["application/json"]["schema"]["$ref"].endswith("/Inner")
    assert described["components"]["schemas"].keys() == {"Error", "Body", "Inner"}
    assert operation["security"] == [{"bearer": []}] and operation["x-least-role"] == "admin"


def test_a_public_route_needs_no_token_and_a_plain_reply_is_described_in_place() -> None:
    operation = document(access="public", reply=dict[str, Any])["paths"]["/api/v1/things/{id}"]["post"]
    assert operation["security"] == []
    assert operation["responses"]["200"]["content"]["application/json"]["schema"]["type"] == "object"
    assert operation["responses"]["default"]["description"] == "Error"
