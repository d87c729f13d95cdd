"""HTTP to cameras: bounded in time and size, never led to another host, logged in by digest or basic where asked."""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import aiohttp

from gateway.onvif.address import host_of
from gateway.secrets import Secret

MAX_REDIRECTS = 2
CHUNK = 64 * 1024


class HttpTrouble(Exception):
    """No answer was had; `what` says why in a few words."""

    def __init__(self, what: str, what_zh: str) -> None:
        self.what, self.what_zh = what, what_zh
        super().__init__(what)


class TooLarge(HttpTrouble):
    """The answer is larger than is allowed."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status and body of an answer."""

    status: int
    body: bytes
    content_type: str


@dataclass(slots=True)
class Login:
    """User and password of one camera, with what its server said of how it wants them."""

    username: str = ""
    password: Secret = field(default=Secret(""))
    basic: bool = False
    _digest: aiohttp.DigestAuthMiddleware | None = None

    @property
    def digest(self) -> aiohttp.DigestAuthMiddleware | None:
        """Answers digest challenges; kept, so that only the first request is challenged."""
        if self._digest is None and self.username:
            self._digest = aiohttp.DigestAuthMiddleware(self.username, self.password.reveal())
        return self._digest

    @property
    def basic_header(self) -> dict[str, str]:
        """The login in clear, for a server that has asked for nothing better."""
        if not self.basic:
            return {}
        text = f"{self.username}:{self.password.reveal()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(text).decode()}"}


class CameraHttp:
    """One pool of connections for all cameras. Times in seconds, sizes in bytes."""

    def __init__(self, *, answer_s: float = 8.0, max_bytes: int = 2 * 1024 * 1024) -> None:
        self._answer_s = answer_s
        self._max_bytes = max_bytes
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post(
        self, url: str, body: bytes, content_type: str, login: Login, *, verify: bool = True, longer_s: float = 0.0
    ) -> HttpAnswer:
        """Post to a service. `longer_s`: what the camera may take beyond the usual time. Raises HttpTrouble."""
        headers = {"Content-Type": content_type}
        return await self._request(
            "POST", url, login, body, headers, verify, self._answer_s + longer_s, self._max_bytes
        )

    async def get(self, url: str, login: Login, *, verify: bool = True, max_bytes: int | None = None) -> HttpAnswer:
        """Fetch a picture. Raises HttpTrouble."""
        return await self._request("GET", url, login, None, {}, verify, self._answer_s, max_bytes or self._max_bytes)

    async def _request(
        self,
        method: str,
        url: str,
        login: Login,
        body: bytes | None,
        headers: dict[str, str],
        verify: bool,
        within_s: float,
        max_bytes: int,
    ) -> HttpAnswer:
        first = url
        try:
            async with asyncio.timeout(within_s):
                for _ in range(MAX_REDIRECTS + 1):
                    try:
                        answer, location = await self._once(method, url, login, body, headers, verify, max_bytes)
                    except aiohttp.ServerDisconnectedError:  # an idle connection it closed just now (RFC 9112 9.3.1)
                        answer, location = await self._once(method, url, login, body, headers, verify, max_bytes)
                    if answer.status == 401 and login.basic and not location:
                        answer, location = await self._once(method, url, login, body, headers, verify, max_bytes)
                    if not location:
                        return answer
                    url = _onward(first, url, location)
        except TimeoutError as error:
            raise HttpTrouble(f"no answer within {within_s:g} s", f"{within_s:g} 秒内无应答") from error
        except ssl.SSLError as error:
            raise _certificate() from error
        except aiohttp.ClientSSLError as error:
            raise _certificate() from error
        except aiohttp.ClientConnectorDNSError as error:
            raise HttpTrouble("its name cannot be resolved", "域名无法解析") from error
        except aiohttp.ClientConnectorError as error:
            raise HttpTrouble(_strerror(error.os_error), "无法连接") from error
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            raise HttpTrouble("it broke the connection off", "连接被对方中断") from error
        except aiohttp.ClientError as error:
            raise HttpTrouble(f"it does not speak HTTP ({type(error).__name__})", "对方不是 HTTP 服务") from error
        except (ValueError, OSError) as error:
            raise HttpTrouble(type(error).__name__, "无法连接") from error
        raise HttpTrouble("it redirects in a circle", "重定向循环")

    async def _once(
        self,
        method: str,
        url: str,
        login: Login,
        body: bytes | None,
        headers: dict[str, str],
        verify: bool,
        max_bytes: int,
    ) -> tuple[HttpAnswer, str]:
        """One answer, and where it leads on to."""
        given = headers | {"Accept-Encoding": "identity"} | login.basic_header
        digest = login.digest if not login.basic else None
        async with self._open().request(
            method,
            url,
            data=body,
            headers=given,
            allow_redirects=False,
            ssl=verify,
            middlewares=(digest,) if digest is not None else (),
        ) as response:
            challenge = response.headers.get("WWW-Authenticate", "").lower()
            if response.status == 401 and challenge.startswith("basic") and login.username:
                login.basic = True
            location = response.headers.get("Location", "") if response.status in (301, 302, 303, 307, 308) else ""
            content_type = response.headers.get("Content-Type", "")
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise HttpTrouble("it compresses what nobody asked it to", "应答使用了未请求的压缩")
            return HttpAnswer(response.status, await _body(response, max_bytes), content_type), location

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, limit_per_host=4, keepalive_timeout=4),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session


async def _body(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    read = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK):
        read += chunk
        if len(read) > max_bytes:
            raise TooLarge(f"its answer is larger than {max_bytes} bytes", f"应答超过 {max_bytes} 字节")
    return bytes(read)


def _onward(first: str, url: str, location: str) -> str:
    """Where a redirection leads: to the same host or nowhere."""
    target = urljoin(url, location[:2048])
    if host_of(target) != host_of(first) or urlsplit(target).scheme not in ("http", "https"):
        raise HttpTrouble("it redirects to another host", "被重定向到其他主机")
    if urlsplit(url).scheme == "https" != urlsplit(target).scheme:
        raise HttpTrouble("it redirects from https to http", "从 https 被重定向到 http")
    return target


def _strerror(error: OSError) -> str:
    """What the system says; the loop puts the address into its own text."""
    return os.strerror(error.errno) if error.errno else "it cannot be connected to"


def _certificate() -> HttpTrouble:
    return HttpTrouble(
        "its TLS certificate is not trusted (tolerance onvif_any_certificate lets it pass)",
        "TLS 证书不受信任（可允许容差 onvif_any_certificate）",
    )
