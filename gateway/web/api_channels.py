"""The catalogue over the API (目录): browse, search, show, synchronise, PTZ, snapshot."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from typing import Any, Literal, Protocol

from aiohttp import web
from pydantic import Field

from catalog import Item, civil_code_of, is_playable
from catalog.store import BadCursor, CatalogStore, Page, StoredItem
from gateway.compliance.access import AccessRequest, Action, Facts
from gateway.compliance.grant import Grant
from gateway.errors import Denied, Failure, Reason
from gateway.relay.hub import StreamKey
from gateway.signalling.control import Controls
from gateway.signalling.sync import CatalogueSync
from gateway.web.resource import Strict
from gateway.web.route import Call, Route
from media.worker.control import SnapshotTaken
from sip.manscdp import ptz

PtzAction = Literal[
    "stop", "up", "down", "left", "right", "up_left", "up_right", "down_left", "down_right", "zoom_in", "zoom_out",
    "focus_near", "focus_far", "iris_open", "iris_close", "lens_stop", "preset_set", "preset_call", "preset_delete",
]  # fmt: skip
HIDDEN = frozenset({"ip_address", "port", "password"})
"""Elements of a camera that nobody is shown."""
PTZ_FIXED = "3"
"""PTZType (摄像机结构类型) of a camera that does not turn (GB/T 28181-2022 A.2.1.9: 3 固定枪机)."""
MOTIONS = {
    "up": ptz.Motion(tilt=1),
    "down": ptz.Motion(tilt=-1),
    "left": ptz.Motion(pan=-1),
    "right": ptz.Motion(pan=1),
    "up_left": ptz.Motion(pan=-1, tilt=1),
    "up_right": ptz.Motion(pan=1, tilt=1),
    "down_left": ptz.Motion(pan=-1, tilt=-1),
    "down_right": ptz.Motion(pan=1, tilt=-1),
    "zoom_in": ptz.Motion(zoom=1),
    "zoom_out": ptz.Motion(zoom=-1),
}
LENSES = {
    "focus_near": ptz.Lens(focus=1),
    "focus_far": ptz.Lens(focus=-1),
    "iris_open": ptz.Lens(iris=1),
    "iris_close": ptz.Lens(iris=-1),
    "lens_stop": ptz.Lens(),
}


class ChannelServices(Protocol):
    """What these routes need of the node."""

    catalog: CatalogStore
    sync: CatalogueSync
    controls: Controls

    def snapshot(self, key: StreamKey, grant: Grant) -> Awaitable[SnapshotTaken]: ...


class ChannelQuery(Strict):
    """A page of the catalogue. With `text`: a search; with `parent`: children; else everything that can be played."""

    peer_id: str = Field("", max_length=64, description="Only objects of this peer")
    parent: str | None = Field(None, max_length=64, description="Children of this object; the peer's id is its root")
    region: str | None = Field(None, max_length=8, description="Objects filed under this civil code (行政区划)")
    text: str = Field("", max_length=64, description="Words in name or code; one character is enough")
    after: str | None = Field(None, max_length=1024, description="Cursor of the page before")
    limit: int = Field(200, ge=1, le=1000)


class PtzBody(Strict):
    """A PTZ action. Speeds 0-255 (zoom 0-15)."""

    action: PtzAction
    speed: int = Field(64, ge=0, le=255)
    preset: int = Field(1, ge=1, le=255)
    purpose: str = Field("", max_length=256)


def shown(
    stored: StoredItem, *, has_children: bool | None = None, full: bool = False, unknown: bool = False
) -> dict[str, Any]:
    """An object as the API shows it; address, port and password of a camera are never shown.

    `full` adds every element the standard knows, `unknown` also those of the vendor: nobody knows what is in them (A7).
    """
    item = stored.item
    body: dict[str, Any] = {
        "peer_id": item.peer_id,
        "code": item.code,
        "name": item.name,
        "kind": item.kind.value,
        "status": item.status,
        "online": stored.online,
        "playable": is_playable(item.code),
        "region": item.region,
        "parent_ids": list(item.parent_ids),
        "manufacturer": item.manufacturer,
        "model": item.model,
        "address": item.address,
        "longitude": item.longitude,
        "latitude": item.latitude,
    }
    if has_children is not None:
        body["has_children"] = has_children
    if full:
        elements = _published(item.document()) or {}
        body["item"] = elements if unknown else {name: elements[name] for name in elements if name != "extra"}
        body["changed_at"] = stored.changed_at
    return body


def no_ptz(item: Item, controls: Controls) -> str:
    """Why a camera cannot be turned: ``no_commands`` (it takes none, as where it speaks RTSP only), ``fixed`` (the
    catalogue calls it a fixed one; its lens may yet move); "" where it can or nobody knows."""
    if controls.no_commands(item.peer_id):
        return "no_commands"
    return "fixed" if item.info.get("PTZType", "").strip() == PTZ_FIXED else ""


def _published(elements: dict[str, Any] | None) -> dict[str, Any] | None:
    """The elements of an object without where and how its camera is reached (A7)."""
    return None if elements is None else {name: value for name, value in elements.items() if name not in HIDDEN}


def _sees_secrets(call: Call) -> bool:
    """Whether the caller is told of secret objects (保密属性), be it by a number: they are for operators (N8)."""
    return call.identity.at_least("operator")


def _may_see(call: Call, stored: StoredItem) -> bool:
    return not stored.item.is_secret or _sees_secrets(call)


def _unknown(key: StreamKey | Item) -> Failure:
    return Failure(Reason.UNKNOWN_CHANNEL, peer_id=key.peer_id, channel=key.code)


async def known_item(catalog: CatalogStore, key: StreamKey) -> StoredItem:
    """The catalogue's entry of a channel. Raises Failure (unknown channel)."""
    stored = await catalog.get(key.peer_id, key.code)
    if stored is None:
        raise _unknown(key)
    return stored


async def granted(
    call: Call,
    catalog: CatalogStore,
    key: StreamKey,
    action: Action,
    *,
    purpose: str = "",
    destination: str = "browser",
) -> Grant:
    """A grant for what the caller asks, entered in the ledger before anything else happens. Raises Denied, Failure."""
    stored = await catalog.get(key.peer_id, key.code)
    facts = Facts(role=call.role, secret=stored is not None and stored.item.is_secret, known=stored is not None)
    request = AccessRequest(
        call.actor, action, key.peer_id, key.code, purpose, f"{destination} {call.remote}", facts=facts
    )
    try:
        return await call.ctx.grants.issue(request)
    except Denied as denied:
        # Entered as refused; what the caller is not told of is unknown rather than forbidden, whether it exists or not.
        raise (denied if stored is not None and _may_see(call, stored) else _unknown(key)) from None


def key_of(call: Call) -> StreamKey:
    return StreamKey(call.path("peer_id"), call.path("code"))


def routes(node: ChannelServices) -> list[Route]:
    """Routes of the catalogue and of what is done with one channel."""

    async def browse(call: Call) -> dict[str, Any]:
        query = call.query(ChannelQuery)
        try:
            page = await _page(node.catalog, query, secret=_sees_secrets(call))
        except BadCursor as error:
            raise Failure(Reason.BAD_REQUEST, "`after` is not the cursor of a page") from error
        items = [shown(row.stored, has_children=row.has_children) for row in page.rows]
        return {"items": items, "next": page.cursor}

    async def show(call: Call) -> dict[str, Any]:
        stored = await known_item(node.catalog, key_of(call))
        if not _may_see(call, stored):
            raise _unknown(stored.item)
        body = shown(stored, full=True, unknown=call.identity.at_least("operator"))
        return {**body, "no_ptz": no_ptz(stored.item, node.controls)}

    async def regions(call: Call) -> dict[str, Any]:
        return {"regions": await node.catalog.regions(secret=_sees_secrets(call))}

    async def counts(call: Call) -> dict[str, Any]:
        found = await node.catalog.counts(secret=_sees_secrets(call))
        return {kind.value: {"total": entry.total, "online": entry.online} for kind, entry in found.items()}

    async def history(call: Call) -> dict[str, Any]:
        key = key_of(call)
        entries = await node.catalog.history(key.peer_id, key.code)
        rows = [
            {"at": e.at, "who": e.who, "event": e.event, "old": _published(e.old), "new": _published(e.new)}
            for e in entries
        ]
        return {"items": rows}

    async def synchronise(call: Call) -> dict[str, Any]:
        device = call.ctx.stores.devices.require(call.path("peer_id"))
        node.sync.start(device.id)
        return {"state": "started"}

    async def sync_status(call: Call) -> dict[str, Any]:
        status = node.sync.status.get(call.path("peer_id"))
        if status is None:
            return {"state": "never"}
        return status.to_json()

    async def move(call: Call) -> dict[str, Any]:
        key, body = key_of(call), call.body(PtzBody)
        grant = await granted(call, node.catalog, key, Action.PTZ, purpose=body.purpose)
        command = ptz_command(body)
        try:
            await node.controls.ptz(grant, command)
        except Failure as failure:
            await call.ctx.grants.ended(grant, seconds=0, bytes_sent=0, reason=failure.step)
            raise
        await call.ctx.grants.ended(grant, seconds=0, bytes_sent=0, reason=f"sent {command}")
        return {"sent": command}

    async def snapshot(call: Call) -> web.Response:
        key = key_of(call)
        grant = await granted(call, node.catalog, key, Action.SNAPSHOT)
        started = call.ctx.clock()
        try:
            picture = await node.snapshot(key, grant)
        except Failure as failure:
            await call.ctx.grants.ended(grant, seconds=call.ctx.clock() - started, bytes_sent=0, reason=failure.step)
            raise
        size = len(picture.jpeg)
        await call.ctx.grants.ended(grant, seconds=call.ctx.clock() - started, bytes_sent=size, reason="taken")
        headers = {"X-Picture-Size": f"{picture.width}x{picture.height}", "X-Picture-Codec": picture.codec}
        return web.Response(body=picture.jpeg, content_type="image/jpeg", headers=headers)

    one = "/api/v1/channels/{peer_id}/{code}"
    reply = dict[str, Any]
    return [
        Route("GET", "/api/v1/channels", browse, "Browse or search", "viewer", "channels", None, ChannelQuery, reply),
        Route("GET", "/api/v1/regions", regions, "Objects per civil code", "viewer", "channels", reply=reply),
        Route("GET", "/api/v1/counts", counts, "Objects per kind", "viewer", "channels", reply=reply),
        Route("GET", one, show, "Show a channel", "viewer", "channels", reply=reply),
        Route("GET", f"{one}/history", history, "Changes of a channel", "operator", "channels", reply=reply),
        Route("POST", f"{one}/ptz", move, "Move the camera", "operator", "channels", PtzBody, reply=reply),
        Route("GET", f"{one}/snapshot", snapshot, "One picture (JPEG)", "viewer", "channels"),
        Route(
            "POST", "/api/v1/devices/{peer_id}/catalog-sync", synchronise, "Read a catalogue", "operator", "devices",
            reply=reply, status=202,
        ),
        Route(
            "GET", "/api/v1/devices/{peer_id}/catalog-sync", sync_status, "How it went", "operator", "devices",
            reply=reply,
        ),
    ]  # fmt: skip


async def _page(catalog: CatalogStore, query: ChannelQuery, *, secret: bool) -> Page:
    peer_id, limit, after = query.peer_id or None, query.limit, query.after
    if query.text:
        return await catalog.search(query.text, peer_id=peer_id, limit=limit, after=after, secret=secret)
    if query.region is not None:
        region = civil_code_of(query.region) or query.region
        return await catalog.in_region(region, limit=limit, after=after, secret=secret)
    if query.parent is not None or peer_id is not None:
        parent = query.parent if query.parent is not None else query.peer_id
        return await catalog.children(query.peer_id, parent, limit=limit, after=after, secret=secret)
    return await catalog.playable(limit=limit, after=after, secret=secret)


def ptz_command(body: PtzBody) -> str:
    """The 16 hex digits of A.3 for an action."""
    speed, zoom = body.speed, max(1, body.speed >> 4)
    match body.action:
        case "preset_set":
            command: ptz.PtzCommand = ptz.Preset("set", body.preset)
        case "preset_call":
            command = ptz.Preset("call", body.preset)
        case "preset_delete":
            command = ptz.Preset("delete", body.preset)
        case "stop":
            command = ptz.STOP
        case lens if lens in LENSES:
            still = LENSES[lens]
            command = replace(still, focus_speed=speed if still.focus else 0, iris_speed=speed if still.iris else 0)
        case _:
            motion = MOTIONS[body.action]
            command = replace(
                motion,
                pan_speed=speed if motion.pan else 0,
                tilt_speed=speed if motion.tilt else 0,
                zoom_speed=zoom if motion.zoom else 0,
            )
    return ptz.encode(command)
