"""Live views over the API (实时点播): start, list, show, end; and the traces of calls."""

from __future__ import annotations

from typing import Any, Protocol

from pydantic import Field

from catalog.store import CatalogStore
from gateway.compliance.access import Action
from gateway.compliance.grant import Grant
from gateway.config import Config
from gateway.errors import Failure, Reason
from gateway.relay.hub import StreamKey
from gateway.relay.inputs import LOOPBACK
from gateway.relay.views import View, Views
from gateway.signalling.live import LiveCalls
from gateway.telemetry.ladder import Ladder
from gateway.web.api_channels import granted, key_of
from gateway.web.resource import Strict
from gateway.web.route import Call, Route

MAX_VIEWS_PER_USER = 100
"""Views one user may have open: a wall or two, not every camera of a city."""
MOST_TRACES = 1000
"""Traces looked through for those of one channel."""


class ViewServices(Protocol):
    """What these routes need of the node."""

    catalog: CatalogStore
    views: Views
    live: LiveCalls
    ladder: Ladder
    config: Config

    def stream_url(self, key: StreamKey, seen_host: str, viewer: str) -> str: ...

    async def stream_status(self) -> list[dict[str, Any]]: ...


class ViewBody(Strict):
    """What to watch and why."""

    peer_id: str = Field(max_length=64)
    code: str = Field(max_length=64)
    purpose: str = Field("", max_length=256, description="Entered in the ledger")


def routes(node: ViewServices) -> list[Route]:
    """Routes of live views, streams and call traces."""

    def described(view: View) -> dict[str, Any]:
        return node.views.describe(view)

    async def start(call: Call) -> dict[str, Any]:
        body = call.body(ViewBody)
        key = StreamKey(body.peer_id, body.code)
        if sum(view.record.actor_id == call.actor.id for view in node.views.all()) >= MAX_VIEWS_PER_USER:
            raise Failure(Reason.BUSY, f"{MAX_VIEWS_PER_USER} views of {call.actor.id} are open", channel=key.code)
        grant = await granted(call, node.catalog, key, Action.LIVE, purpose=body.purpose)
        try:
            view, token = await node.views.open(key, grant)
        except Failure as failure:
            await _books_closed(call, grant, failure)
            raise
        root = node.stream_url(key, call.request.url.host or LOOPBACK, call.remote)
        live, whep = f"{root}/live/{view.record.id}", f"{root}/whep/{view.record.id}?token={token}"
        return described(view) | {
            "mp4_url": f"{live}.mp4?token={token}",
            "ws_url": f"{live.replace('http', 'ws', 1)}.ws?token={token}",
            "whep_url": whep if node.config.media.webrtc_viewers else None,
        }

    async def listed(call: Call) -> dict[str, Any]:
        mine = [view for view in node.views.all() if _may_see(call, view)]
        return {"items": [described(view) for view in mine]}

    def of(call: Call) -> View:
        view = node.views.get(call.path("id"))
        if view is None or not _may_see(call, view):
            raise Failure(Reason.UNKNOWN_DIALOG)
        return view

    async def show(call: Call) -> dict[str, Any]:
        return described(of(call))

    async def end(call: Call) -> None:
        view = of(call)
        await node.views.close(view.record.id, f"ended by {call.actor.id}")

    async def streams(call: Call) -> dict[str, Any]:
        return {"items": await node.stream_status()}

    async def traces(call: Call) -> dict[str, Any]:
        return {"items": [trace.to_json() for trace in node.ladder.recent()]}

    async def traces_of(call: Call) -> dict[str, Any]:
        stream = str(key_of(call))
        return {"items": [trace.to_json() for trace in node.ladder.recent(MOST_TRACES) if trace.stream == stream][:10]}

    async def trace(call: Call) -> dict[str, Any]:
        found = node.ladder.get(call.path("id"))
        if found is None:
            raise Failure(Reason.UNKNOWN_DIALOG)
        return found.to_json()

    reply = dict[str, Any]
    return [
        Route("POST", "/api/v1/views", start, "Start a live view", "viewer", "views", ViewBody, None, reply, 201),
        Route("GET", "/api/v1/views", listed, "Live views", "viewer", "views", reply=reply),
        Route("GET", "/api/v1/views/{id}", show, "Show a view", "viewer", "views", reply=reply),
        Route("DELETE", "/api/v1/views/{id}", end, "End a view", "viewer", "views", status=204),
        Route("GET", "/api/v1/streams", streams, "Streams and their counters", "operator", "streams", reply=reply),
        Route("GET", "/api/v1/traces", traces, "Traces of calls", "operator", "streams", reply=reply),
        Route(
            "GET", "/api/v1/channels/{peer_id}/{code}/traces", traces_of, "Latest calls of a channel", "operator",
            "streams", reply=reply,
        ),
        Route("GET", "/api/v1/traces/{id}", trace, "Trace of one call", "operator", "streams", reply=reply),
    ]  # fmt: skip


async def _books_closed(call: Call, grant: Grant, failure: Failure) -> None:
    call.ctx.metrics.failed(failure, "view")
    await call.ctx.grants.ended(grant, seconds=0, bytes_sent=0, reason=failure.step)


def _may_see(call: Call, view: View) -> bool:
    return call.role == "admin" or view.record.actor_id == call.actor.id
