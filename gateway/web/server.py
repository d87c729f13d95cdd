"""The HTTP server: routes, authentication, errors, limits and headers in one place.

Every route but the public ones needs a bearer token, and every body and query is validated before the handler sees it.
Other parts of the program add their own :class:`Route` lists through ``extra`` of :func:`create_app`.
"""

from __future__ import annotations

import asyncio
import ssl
import unicodedata
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import ip_address
from typing import Any

import structlog
from aiohttp import web
from pydantic import BaseModel

from gateway.config import HttpConfig
from gateway.telemetry.metrics import CONTENT_TYPE
from gateway.web import (
    api_devices,
    api_ledger,
    api_rules,
    api_tokens,
    api_uppers,
    api_users,
    api_zones,
    openapi,
    setup,
)
from gateway.web.auth import Identity
from gateway.web.context import WebContext
from gateway.web.errors import ApiError, error_response, internal_response
from gateway.web.reply import json_response
from gateway.web.route import Call, M, Route

_log = structlog.get_logger("gateway.web")
VERSION = "1"
ROUTE_MODULES = (setup, api_tokens, api_users, api_devices, api_uppers, api_rules, api_ledger, api_zones)
"""Modules with ``routes(ctx)`` that need nothing but the context."""

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob: http: https:; "
        "connect-src 'self' ws: wss: http: https:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
    ),
}
PUBLIC_BODY_BYTES = 16_384
"""The largest body taken from somebody who has not logged in."""
BODY_S = 30.0
"""A body that has not come in after so many seconds is not waited for."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


def core_routes(ctx: WebContext) -> list[Route]:
    """The routes of :data:`ROUTE_MODULES` and of the server itself."""
    routes = [route for module in ROUTE_MODULES for route in module.routes(ctx)]
    return [
        *routes,
        Route("GET", "/healthz", _healthz, "Health", "public", "system", reply=dict[str, Any]),
        Route("GET", "/metrics", _metrics, "Prometheus metrics", "public", "system"),
    ]


def create_app(ctx: WebContext, extra: Iterable[Route] = ()) -> web.Application:
    """The application with the core routes and ``extra`` ones."""
    app = web.Application(
        middlewares=[_outer(ctx), _cors(ctx.config.http)], client_max_size=ctx.config.http.max_body_bytes
    )
    routes = [*core_routes(ctx), *extra]
    document = openapi.describe(routes, title=ctx.config.node.name, version=VERSION)

    async def describe(_call: Call) -> dict[str, Any]:
        return document

    routes.append(Route("GET", "/api/openapi.json", describe, "This description", "viewer", "system"))
    for route in routes:
        app.router.add_route(route.method, route.path, _serve(ctx, route))
    return app


def _serve(ctx: WebContext, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler of a declared route."""

    async def handle(request: web.Request) -> web.StreamResponse:
        who = identify(ctx, request)
        if route.access != "public":
            if who is None:
                raise ApiError(
                    401, "unauthenticated", "Log in first.", "请先登录。", headers={"WWW-Authenticate": "Bearer"}
                )
            if not who.at_least(route.access):
                raise ApiError(403, "forbidden", f"This needs the role {route.access}.", "当前角色没有该权限。")
        call = Call(request, ctx, who)
        if route.query is not None:
            call.raw_query = _printable(route.query.model_validate(dict(request.query)))
        if route.body is not None:
            limit = PUBLIC_BODY_BYTES if who is None else ctx.config.http.max_body_bytes
            call.raw_body = await _body(request, route.body, min(limit, ctx.config.http.max_body_bytes))
        result = await route.handler(call)
        if isinstance(result, web.StreamResponse):
            return result
        if result is None:
            return web.Response(status=204)
        return json_response(result, status=route.status)

    return handle


async def _body(request: web.Request, model: type[BaseModel], limit: int) -> BaseModel:
    if request.content_type != "application/json":
        raise ApiError(415, "unsupported_media_type", "Send application/json.", "请使用 application/json。")
    return _printable(model.model_validate_json(await _read(request, limit)))


def _printable(given: M) -> M:
    """Refuses control characters: texts end up in logs, in SIP headers and on terminals."""
    for name in type(given).model_fields:
        value = getattr(given, name)
        if isinstance(value, str) and any(unicodedata.category(char) in ("Cc", "Cs") for char in value):
            raise ApiError(400, "invalid", f"{name}: has control characters", "参数含有控制字符。")
    return given


async def _read(request: web.Request, limit: int) -> bytes:
    """The whole body, of at most so many bytes, sent in reasonable time."""
    if (request.content_length or 0) > limit:
        raise web.HTTPRequestEntityTooLarge(limit, request.content_length or 0)
    try:
        async with asyncio.timeout(BODY_S):
            await request.content.readexactly(limit + 1)
    except asyncio.IncompleteReadError as whole:
        return whole.partial
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    raise web.HTTPRequestEntityTooLarge(limit, limit + 1)


def identify(ctx: WebContext, request: web.Request) -> Identity | None:
    """Who sent ``request``, by its bearer token."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return ctx.auth.identify(token.strip()) if scheme.lower() == "bearer" else None


def _outer(ctx: WebContext) -> Any:
    """The outermost middleware: errors to JSON, security headers, metrics. The task boundary of a request."""

    @web.middleware
    async def outer(request: web.Request, handler: Next) -> web.StreamResponse:
        started = ctx.clock()
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = error_response(error) or error
        except Exception as error:  # a request's boundary: no handler's fault may end the server
            known = error_response(error)
            if known is None:
                _log.exception("request failed", method=request.method, path=request.path)
            response = known or internal_response()
        if not response.prepared:
            _dress(request, response)
        method = request.method if request.method in METHODS else "other"
        ctx.metrics.http_requests.labels(method, str(response.status)).inc()
        ctx.metrics.http_seconds.observe(max(0.0, ctx.clock() - started))
        return response

    return outer


def _dress(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if request.secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.path.startswith("/api/"):
        response.headers.setdefault("Cache-Control", "no-store")


def _cors(config: HttpConfig) -> Any:
    """Lets the configured other origins call the API; nobody else."""

    @web.middleware
    async def cors(request: web.Request, handler: Next) -> web.StreamResponse:
        origin = request.headers.get("Origin", "")
        if origin not in config.allowed_origins:
            return await handler(request)
        allowed = {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            preflight = {
                "Access-Control-Allow-Methods": "GET, POST, PATCH, PUT, DELETE",
                "Access-Control-Allow-Headers": "Authorization, Content-Type",
                "Access-Control-Max-Age": "600",
            }
            return web.Response(status=204, headers=allowed | preflight)
        try:
            response = await handler(request)
        except Exception as error:
            known = error_response(error)
            if known is None:
                raise
            response = known
        if not response.prepared:
            response.headers.update(allowed)
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response

    return cors


async def _healthz(call: Call) -> web.Response:
    problems = {name: problem for name, check in call.ctx.checks.items() if (problem := check()) is not None}
    status = 503 if problems else 200
    return json_response({"status": "failing" if problems else "ok", "problems": problems}, status=status)


async def _metrics(call: Call) -> web.Response:
    if call.who is None and not (_is_loopback(call.remote) and _is_direct(call.request)):
        raise ApiError(401, "unauthenticated", "Metrics need a token from here.", "请提供访问令牌。")
    return web.Response(body=call.ctx.metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})


def _is_direct(request: web.Request) -> bool:
    """Whether no proxy on this machine says that it speaks for somebody else."""
    return not any(name in request.headers for name in ("Forwarded", "Via", "X-Forwarded-For", "X-Real-IP"))


def _is_loopback(remote: str) -> bool:
    try:
        return ip_address(remote).is_loopback
    except ValueError:
        return False


class HttpServer:
    """The listening server."""

    def __init__(self, app: web.Application, config: HttpConfig) -> None:
        self._config = config
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=5.0)

    async def start(self) -> int:
        """Listen; the port bound."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._config.host, self._config.port, ssl_context=_tls(self._config))
        await site.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening and end the requests that are running."""
        await self._runner.cleanup()


def _tls(config: HttpConfig) -> ssl.SSLContext | None:
    if not config.tls_certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(config.tls_certificate, config.tls_key)
    return context
