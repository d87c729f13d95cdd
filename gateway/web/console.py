"""The console: its built files, served at `/` with what keeps a browser from doing anything they do not ask for.

Files are read once, from the package. Those with a hash in their name never change and are kept for ever; `index.html`
is asked for again each time. A path without a file ending is a page of the console: it gets `index.html`. Nothing is
looked up by a name from outside but a dictionary of the files there are.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from urllib.parse import urlsplit

from aiohttp import hdrs, web

INDEX = "index.html"
FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
HASHED = "assets/"
"""Files below it have the hash of their content in their name."""
WORTH_PACKING = ("text/", "application/javascript", "application/json", "image/svg+xml")
NOT_OURS = r"(?!api(?:/|$)|healthz$|metrics$)"
"""What of the paths is not the console's, whatever becomes of it there."""

StreamOrigins = Callable[[str, str], Iterable[str]]
"""The base addresses of the streams, for a viewer who reached us at that host from that address."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One built file, as it is and packed (empty: not worth it)."""

    content_type: str
    body: bytes
    packed: bytes
    etag: str

    @classmethod
    def of(cls, name: str, body: bytes) -> Asset:
        """The asset of a file's name and content."""
        kind = (
            "text/javascript" if name.endswith(".js") else mimetypes.guess_type(name)[0] or "application/octet-stream"
        )
        packed = gzip.compress(body, 6, mtime=0) if kind.startswith(WORTH_PACKING) and len(body) > 1024 else b""
        return cls(kind, body, packed, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def built_files(folder: Traversable) -> dict[str, Asset]:
    """Every file below `folder` by its path; none where the console was not built."""
    found: dict[str, Asset] = {}
    if not folder.is_dir():
        return found
    waiting = [("", folder)]
    while waiting:
        prefix, place = waiting.pop()
        for entry in place.iterdir():
            if entry.is_dir():
                waiting.append((f"{prefix}{entry.name}/", entry))
            else:
                found[prefix + entry.name] = Asset.of(entry.name, entry.read_bytes())
    return found


def policy(streams: Iterable[str]) -> str:
    """The Content-Security-Policy of the console: scripts of its own only, streams from the workers at `streams`."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "media-src 'self' blob:",
            " ".join(("connect-src 'self'", *_connectable(streams))),
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _connectable(streams: Iterable[str]) -> list[str]:
    """The origins of addresses, for HTTP and for WebSocket."""
    origins: set[str] = set()
    for address in streams:
        parts = urlsplit(address)
        secure = "s" if parts.scheme in ("https", "wss") else ""
        origins |= {f"http{secure}://{parts.netloc}", f"ws{secure}://{parts.netloc}"}
    return sorted(origins)


class Console:
    """The files of the console and how they are answered."""

    def __init__(self, streams: StreamOrigins, folder: Traversable | None = None) -> None:
        self._streams = streams
        self._assets = built_files(files("gateway.web").joinpath("console") if folder is None else folder)

    def mount(self, app: web.Application) -> None:
        """Serve the console at every path that is not the API's."""
        if INDEX in self._assets:
            app.router.add_get(f"/{{path:{NOT_OURS}.*}}", self._answer)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        name = path if path in self._assets else INDEX
        if name == INDEX and "." in path.rpartition("/")[2] and path != INDEX:
            raise web.HTTPNotFound
        asset = self._assets[name]
        headers: dict[str, str] = {
            hdrs.ETAG: asset.etag,
            hdrs.CACHE_CONTROL: FOREVER if name.startswith(HASHED) else ASK_AGAIN,
            hdrs.VARY: hdrs.ACCEPT_ENCODING,
        }
        if name == INDEX:
            headers["Content-Security-Policy"] = policy(self._streams(request.url.host or "", request.remote or ""))
        if asset.etag in request.headers.get(hdrs.IF_NONE_MATCH, ""):
            return web.Response(status=304, headers=headers)
        body = asset.body
        if asset.packed and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
            body, headers[hdrs.CONTENT_ENCODING] = asset.packed, "gzip"
        kind = f"{asset.content_type}; charset=utf-8" if asset.content_type.startswith("text/") else asset.content_type
        return web.Response(body=body, headers=headers | {hdrs.CONTENT_TYPE: kind})
