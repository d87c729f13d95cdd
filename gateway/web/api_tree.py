"""The trees of the catalogue over the API, for whoever shows them: by peer, by civil division, by business group.

A level is read by position: `offset` and `limit` cut a window out of `total` rows, so that a list of a hundred thousand
can be scrolled anywhere. Objects the caller must not be told of (保密属性) are not counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import Field

from catalog.division import nearest
from catalog.store import CatalogStore
from catalog.store.reading import Listed
from gateway.store.devices import Device
from gateway.store.stores import Stores
from gateway.web.api_channels import shown
from gateway.web.resource import Strict
from gateway.web.route import Call, Route

REGIONS_KEPT_S = 5.0
"""How long the counts per civil division are good: they are a scan of the catalogue."""


class TreeServices(Protocol):
    """What these routes need of the node."""

    catalog: CatalogStore
    stores: Stores


class WindowQuery(Strict):
    """A window of the registered devices and lower platforms."""

    offset: int = Field(0, ge=0, le=10_000_000)
    limit: int = Field(100, ge=1, le=500)


class ChildrenQuery(WindowQuery):
    """A window of what hangs under an object."""

    peer_id: str = Field(max_length=64)
    parent: str = Field("", max_length=64, description="Children of this object; empty: the peer's root")


class RegionQuery(Strict):
    """Which division's parts."""

    parent: str = Field("", pattern=r"^([0-9]{2}){0,4}$", description="Civil code (行政区划); empty: the whole country")


class RegionWindowQuery(WindowQuery):
    """A window of what is filed under exactly one civil code."""

    code: str = Field(pattern=r"^[0-9]{0,8}$", description="Civil code (行政区划); empty: filed under none")


@dataclass(slots=True)
class Regions:
    """The number of objects per civil division, secret ones included or not. `clock` in seconds."""

    secret: bool = True
    clock: Callable[[], float] = time.monotonic
    _counts: dict[str, int] = field(default_factory=dict)
    _until: float = 0.0

    async def below(self, catalog: CatalogStore, parent: str) -> list[dict[str, Any]]:
        """The divisions directly inside `parent` that have objects, by code."""
        if self.clock() >= self._until:
            self._counts = await catalog.regions(secret=self.secret)
            self._until = self.clock() + REGIONS_KEPT_S
        total: dict[str, int] = {}
        deeper: set[str] = set()
        for code, count in self._counts.items():
            part = _part_of(code, parent)
            if part is not None:
                total[part] = total.get(part, 0) + count
                if code != part:
                    deeper.add(part)
        return [
            {
                "code": code,
                "name": _name(code),
                "total": total[code],
                "direct": self._counts.get(code, 0),
                "has_parts": code in deeper,
            }
            for code in sorted(total)
        ]


def _part_of(code: str, parent: str) -> str | None:
    """The part of `parent` that `code` lies in: the next two digits; codes that are no division stand at the top."""
    if not code.isdigit() or nearest(code) is None:
        return code if parent == "" else None
    if not code.startswith(parent) or code == parent:
        return None
    return code[: len(parent) + 2]


def _name(code: str) -> str:
    """The division's own name; for a part smaller than the table knows (基层单位), the name of what it is in."""
    known = nearest(code)
    if known is None:
        return ""
    length = len(code.rstrip("0")) + len(code.rstrip("0")) % 2
    return known.name if len(known.code) >= length else f"{known.name} {code[len(known.code) :]}"


def _sees_secrets(call: Call) -> bool:
    return call.identity.at_least("operator")


def _rows(listed: list[Listed]) -> list[dict[str, Any]]:
    return [shown(row.stored, has_children=row.has_children) for row in listed]


def routes(node: TreeServices) -> list[Route]:
    """Routes of ``/api/v1/tree``."""
    divisions = {secret: Regions(secret) for secret in (False, True)}

    async def peers(call: Call) -> dict[str, Any]:
        query = call.query(WindowQuery)
        everybody = node.stores.devices.all()
        window = everybody[query.offset : query.offset + query.limit]
        return {"items": [await described(call, device) for device in window], "total": len(everybody)}

    async def described(call: Call, device: Device) -> dict[str, Any]:
        binding = node.stores.registrations.get(device.id)
        source = call.ctx.source_state(device.id) if device.is_called else None
        online = binding is not None and binding.expires_at > call.ctx.clock()
        online = online or (source is not None and source["state"] == "online")
        total = await node.catalog.count_children(device.id, device.id, secret=_sees_secrets(call))
        return {"peer_id": device.id, "name": device.name, "kind": device.kind, "online": online, "total": total}

    async def children(call: Call) -> dict[str, Any]:
        query, secret = call.query(ChildrenQuery), _sees_secrets(call)
        parent = query.parent or query.peer_id
        page = await node.catalog.children(query.peer_id, parent, limit=query.limit, offset=query.offset, secret=secret)
        total = await node.catalog.count_children(query.peer_id, parent, secret=secret)
        return {"items": _rows(page.rows), "total": total}

    async def regions(call: Call) -> dict[str, Any]:
        return {"items": await divisions[_sees_secrets(call)].below(node.catalog, call.query(RegionQuery).parent)}

    async def region(call: Call) -> dict[str, Any]:
        query = call.query(RegionWindowQuery)
        page = await node.catalog.in_region(
            query.code, limit=query.limit, offset=query.offset, secret=_sees_secrets(call)
        )
        return {"items": _rows(page.rows)}

    async def groups(call: Call) -> dict[str, Any]:
        rows = _rows(await node.catalog.groups(secret=_sees_secrets(call)))
        return {"items": rows, "total": len(rows)}

    base, reply = "/api/v1/tree", dict[str, Any]
    return [
        Route("GET", f"{base}/peers", peers, "Roots by peer", "viewer", "tree", None, WindowQuery, reply),
        Route("GET", f"{base}/children", children, "What hangs under it", "viewer", "tree", None, ChildrenQuery, reply),
        Route("GET", f"{base}/regions", regions, "Parts of a division", "viewer", "tree", None, RegionQuery, reply),
        Route("GET", f"{base}/region", region, "Filed under it", "viewer", "tree", None, RegionWindowQuery, reply),
        Route("GET", f"{base}/groups", groups, "Business groups", "viewer", "tree", reply=reply),
    ]
