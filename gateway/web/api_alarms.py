"""The latest alarms (报警) over the API."""

from __future__ import annotations

from typing import Any, Protocol

from pydantic import Field

from catalog.store import CatalogStore
from gateway.alarms.book import KEPT, AlarmBook
from gateway.web.resource import Strict
from gateway.web.route import Call, Route


class AlarmServices(Protocol):
    """What these routes need of the node."""

    alarms: AlarmBook
    catalog: CatalogStore


class AlarmQuery(Strict):
    """Which alarms."""

    device_id: str = Field("", max_length=32, description="Only those of this device")
    code: str = Field("", max_length=32, description="Only those of this channel")
    limit: int = Field(100, ge=1, le=KEPT)


def routes(node: AlarmServices) -> list[Route]:
    """The route of ``/api/v1/alarms``."""

    async def latest(call: Call) -> dict[str, Any]:
        query = call.query(AlarmQuery)
        found = node.alarms.latest(KEPT, peer_id=query.device_id, code=query.code)
        if not call.identity.at_least("operator"):  # of secret channels (N8) others are not told
            secret = {}
            for key in {alarm.key for alarm in found}:
                stored = await node.catalog.get(*key)
                secret[key] = stored is not None and stored.item.is_secret
            found = [alarm for alarm in found if not secret[alarm.key]]
        return {"items": [alarm.to_json() for alarm in found[: query.limit]]}

    return [
        Route(
            "GET", "/api/v1/alarms", latest, "The latest alarms, newest first", "viewer", "alarms", None, AlarmQuery,
            dict[str, Any],
        )
    ]  # fmt: skip
