"""docs/api.md: the HTTP API, from the routes a node declares."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

import gateway.web
from gateway.compliance.grant import Grants
from gateway.compliance.ledger import Ledger
from gateway.config import Config
from gateway.store.stores import Stores
from gateway.telemetry.metrics import Metrics
from gateway.web import openapi
from gateway.web.context import WebContext
from gateway.web.resource import ListQuery
from gateway.web.route import Route
from gateway.web.server import ROUTE_MODULES, core_routes
from tools.pages.text import code, table

_HEAD = """# HTTP API

JSON over HTTP below the address of `[http]`; `GET /api/openapi.json` gives the same as OpenAPI 3.1. Every route but
those marked public needs `Authorization: Bearer TOKEN`, with a token of `POST /api/v1/login` (a session) or
`gbgateway keys add` (for programs). The roles are viewer, operator and admin; each may do what the ones before it may.

Lists of records are pages: `items`, and `next`, to be given as `after` for the following page (null: that was the
last). They take `limit` (1-1000) and `text`, which is searched in ids and names.

An error is `{"error", "step", "message", "message_zh", "hint"}`: `error` is a stable name; `step` names what failed
when an operation failed ([failures.md](failures.md)); `message` is for a person. Fields a body does not know are
refused. An error `invalid` names what is wrong with which field in `fields`: `[{"field", "problem", "problem_zh"}]`.
"""
_TITLES = {
    "setup": "Set-up",
    "session": "Login",
    "users": "Accounts",
    "tokens": "Sessions and keys",
    "devices": "Lower devices and platforms (下级)",
    "uppers": "Upper platforms (上级)",
    "rules": "Sharing rules (共享规则)",
    "channels": "Catalogue (目录)",
    "tree": "Trees of the catalogue",
    "onvif": "ONVIF cameras",
    "alarms": "Alarms (报警)",
    "views": "Live views (实时点播)",
    "streams": "Streams and traces",
    "ledger": "Ledger (台账)",
    "system": "System",
}
_NOTES = {
    "views": """A view has three addresses, all with the same token and for as long as its grant; the picture is the
camera's own, H.264 or H.265, never transcoded:

* `mp4_url`: fragmented MP4 over HTTP, for players.
* `ws_url`: the same over a WebSocket, for Media Source Extensions: one JSON text (`codec`, `mime`, `width`, `height`,
  `watermark`), then init segments and fragments.
* `whep_url`: WebRTC by WHEP (WebRTC-HTTP egress), the least delay; null where `media.webrtc_viewers` is 0. H.264 and
  G.711 only.

A page plays `whep_url` like this; there is nothing to wait for before the POST and nothing to trickle after it:

```js
const pc = new RTCPeerConnection();                        // no ICE servers: the node has host candidates only
const stream = new MediaStream();
pc.ontrack = (event) => stream.addTrack(event.track);
pc.addTransceiver('video', {direction: 'recvonly'});
pc.addTransceiver('audio', {direction: 'recvonly'});
await pc.setLocalDescription();
const reply = await fetch(view.whep_url, {
  method: 'POST', headers: {'Content-Type': 'application/sdp'}, body: pc.localDescription.sdp,
});
if (reply.status !== 201) { pc.close(); /* (await reply.json()).step says why: go on with ws_url */ }
const session = new URL(reply.headers.get('Location'), reply.url);
await pc.setRemoteDescription({type: 'answer', sdp: await reply.text()});
video.srcObject = stream;                                  // muted, or after a click
// at the end: fetch(session, {method: 'DELETE', keepalive: true}); pc.close();
```

`Audio-Left-Out` in the answer says why a stream that has sound comes without. A refusal is the usual error: 400
`bad_request` (no SDP), 403 `token`, 404 `unknown_view`, 406 `codec_unplayable` (H.265, B frames) or `not_acceptable`
(the offer takes no H.264), 408, 413 and 415 (not an SDP of at most 64 KB within 10 s), 410 `expired` or `ended`, 503
`busy`, 504 the step without which there is no picture. B frames are noticed within one group of pictures: who came
before is ended then, and refused when he comes again. Take `ws_url` instead when the view's `codec` is known and not
`H264`, when the POST is refused with 406 or 503, or when `pc.connectionState` is not `connected` after 5 s (UDP does
not get through). `pc.connectionState` `failed`, `closed` or `disconnected` for more than 5 s means that the view or
the node ended it: look at `GET /api/v1/views/{id}`, then POST again. `DELETE` at the session, `pc.close()` and a
closed tab all end the viewer; one that vanishes without a word is ended after about 30 s. PATCH (trickle, ICE
restart) is 405.
""",
}


async def declared_routes() -> list[Route]:
    """Every route of a node: those of the server itself and of each `gateway/web/api_*.py`.

    Declaring a route touches nothing of the running node, so the modules that take one are given none.
    """
    with tempfile.TemporaryDirectory() as folder:
        stores = await Stores.open(Path(folder))
        ledger = await asyncio.to_thread(Ledger.open, Path(folder))
        try:
            grants = Grants(ledger, lifetime_seconds=1)
            context = WebContext.build(Config(), stores, ledger, grants, Metrics(), announce=lambda _code: None)
            routes = core_routes(context)
        finally:
            await ledger.close()
            await stores.close()
    for name in sorted(found.name for found in pkgutil.iter_modules(gateway.web.__path__)):
        module = importlib.import_module(f"gateway.web.{name}")
        if name.startswith("api_") and module not in ROUTE_MODULES:
            routes += module.routes(None)
    return routes


async def page() -> str:
    """The text of docs/api.md."""
    routes = await declared_routes()
    schemas = openapi.describe(routes, title="", version="")["components"]["schemas"]
    lines, bodies = [_HEAD], dict[str, Any]()
    for tag, found in groupby(sorted(routes, key=lambda one: list(_TITLES).index(one.tag)), key=lambda one: one.tag):
        rows = list(found)
        lines += [f"## {_TITLES[tag]}", ""]
        lines += table(("route", "role", "what", "body", "answer"), [_row(route) for route in rows])
        lines += [_NOTES[tag]] if tag in _NOTES else []
        for route in rows:
            if route.query is not None and route.query is not ListQuery:
                lines += [f"Query of `{route.method} {route.path}`:", ""]
                lines += _fields(route.query.model_json_schema(ref_template="{model}"))
            for name in (getattr(route.body, "__name__", ""), _answer(route)):
                if name in schemas:
                    bodies[name] = schemas[name]
    lines += ["## Bodies and answers", ""]
    for name in sorted(bodies):
        lines += [f"### {name}", "", " ".join(bodies[name].get("description", "").split()), "", *_fields(bodies[name])]
    return "\n".join(lines)


def _row(route: Route) -> tuple[str, str, str, str, str]:
    listed = getattr(route.reply, "__origin__", None) is list
    answer = _answer(route)
    link = _link(answer) if answer and answer != "dict" else ""
    shown = f"{route.status} {'list of ' if listed and link else ''}{link}".strip()
    body = _link(route.body.__name__) if route.body is not None else ""
    return code(f"{route.method} {route.path}"), route.access, route.summary, body, shown


def _answer(route: Route) -> str:
    """Name of the model a route answers with, or with a list of."""
    model = route.reply.__args__[0] if getattr(route.reply, "__origin__", None) is list else route.reply
    return str(getattr(model, "__name__", ""))


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _fields(schema: dict[str, Any]) -> list[str]:
    required = schema.get("required", [])
    rows = []
    for name, field in schema.get("properties", {}).items():
        default = "required" if name in required else _shown(field.get("default"))
        rows.append((code(name), _type(field), default, field.get("description", "")))
    return table(("field", "type", "default", "meaning"), rows)


def _shown(value: Any) -> str:
    if value in ("", None, [], {}):
        return ""
    return code(str(value).lower() if isinstance(value, bool) else ", ".join(value) if isinstance(value, list)
                else str(value))  # fmt: skip


def _type(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(one) for one in field["anyOf"])
    if "enum" in field:
        return ", ".join(code(str(one)) for one in field["enum"])
    if "const" in field:
        return code(str(field["const"]))
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[-1]
    kind = str(field.get("type", "any"))
    if kind == "array":
        return "list of " + _type(field.get("items", {}))
    bounds = [str(field[one]) for one in ("minimum", "maximum") if one in field]
    return f"{kind} {'-'.join(bounds)}" if len(bounds) == 2 else kind
