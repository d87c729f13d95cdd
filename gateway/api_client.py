"""A client of a running node's HTTP API, for the command line, and where its token is kept."""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.errors import GatewayError

DEFAULT_URL = "http://127.0.0.1:8080"
TIMEOUT_S = 60.0


class ApiFailure(GatewayError):
    """The node refused a request, or did not answer; ``status`` is 0 when it did not."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.status, self.body = status, dict(body)
        super().__init__(str(body.get("message", "")) or f"HTTP {status}")

    @property
    def hint(self) -> str:
        return str(self.body.get("hint", ""))


class ApiClient:
    """Calls one node. ``certificate`` is a PEM file to trust besides the system's."""

    def __init__(self, url: str, token: str | None = None, *, certificate: str | None = None) -> None:
        self.url, self.token = url.rstrip("/"), token
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if certificate is not None:
            handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=certificate)))
        self._opener = urllib.request.build_opener(*handlers)

    def call(self, method: str, path: str, body: Any = None, *, query: Mapping[str, Any] | None = None) -> Any:
        """The decoded answer (None for an empty one); raises :class:`ApiFailure`."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        address = self.url + path + (f"?{urllib.parse.urlencode(given)}" if given else "")
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(address, data, headers, method=method)
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as reply:
                content, kind = reply.read(), reply.headers.get_content_type()
        except urllib.error.HTTPError as error:
            with error:
                raise ApiFailure(error.code, _decoded(error.read())) from error
        except (OSError, ValueError) as error:
            hint = "Is the node running there? See --url, or the variable GBGATEWAY_URL."
            raise ApiFailure(0, {"message": f"{self.url} does not answer: {error}", "hint": hint}) from error
        if not content:
            return None
        if kind != "application/json":
            raise ApiFailure(0, {"message": f"{path} is {kind}, not JSON: fetch it with curl."})
        return json.loads(content)

    def pages(self, path: str, **query: Any) -> list[Any]:
        """Every item of a paged list."""
        items: list[Any] = []
        after: str | None = None
        while True:
            page = self.call("GET", path, query={"limit": 1000, "after": after, **query})
            items += page["items"]
            after = page["next"]
            if after is None:
                return items


def _decoded(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


@dataclass(frozen=True, slots=True)
class Login:
    """A login that is kept: the node's URL, the token, and the PEM file trusted for it."""

    url: str
    token: str
    certificate: str | None = None


class TokenFile:
    """Logins by the URL of their node, and which was the last, in a file of mode 0600."""

    def __init__(self, path: Path | None = None) -> None:
        home = Path(os.environ.get("XDG_CONFIG_HOME", "") or Path.home() / ".config")
        self.path = path or home / "gbgateway" / "tokens.json"

    def get(self, url: str) -> Login | None:
        """The login at a node."""
        url = url.rstrip("/")
        kept = self._read()["logins"].get(url)
        if not isinstance(kept, dict) or not isinstance(kept.get("token"), str):
            return None
        certificate = kept.get("certificate")
        return Login(url, kept["token"], certificate if isinstance(certificate, str) else None)

    def last(self) -> Login | None:
        """The newest login that was not ended."""
        url = self._read()["last"]
        return self.get(url) if isinstance(url, str) else None

    def put(self, login: Login) -> None:
        """Keep a login, which is the last now."""
        content, url = self._read(), login.url.rstrip("/")
        content["last"] = url
        content["logins"][url] = {"token": login.token, "certificate": login.certificate}
        self._write(content)

    def forget(self, url: str) -> None:
        """Forget the login at a node; if it was the last, there is no last."""
        content, url = self._read(), url.rstrip("/")
        content["logins"].pop(url, None)
        if content["last"] == url:
            content["last"] = None
        self._write(content)

    def _write(self, content: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self.path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file)
        draft.replace(self.path)

    def _read(self) -> dict[str, Any]:
        """`last` and `logins`; empty where there is no such file, or not one of ours."""
        try:
            content = _decoded(self.path.read_bytes())
        except OSError:
            content = {}
        logins = content.get("logins")
        return {"last": content.get("last"), "logins": logins if isinstance(logins, dict) else {}}
