"""A running API over real sockets on 127.0.0.1, with an adjustable clock and cheap password hashing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from argon2 import PasswordHasher

from gateway.compliance.grant import Grants
from gateway.compliance.ledger import Ledger
from gateway.config import Config
from gateway.store.stores import Stores
from gateway.store.users import Role, User
from gateway.telemetry.metrics import Metrics
from gateway.web.auth import Auth
from gateway.web.context import WebContext
from gateway.web.passwords import Passwords
from gateway.web.route import Route
from gateway.web.server import HttpServer, create_app
from gateway.web.setup_code import SetupCode

GOOD_PASSWORD = "Correct-Horse-7"


@dataclass
class Api:
    """The running API as a client sees it, and what is behind it."""

    ctx: WebContext
    url: str
    http: aiohttp.ClientSession
    announced: list[str]
    now: list[float]
    tokens: dict[str, str] = field(default_factory=dict)

    async def call(
        self, method: str, path: str, body: Any = None, *, user: str | None = "root", **options: Any
    ) -> tuple[int, Any]:
        """Status and decoded body of one request made as ``user``."""
        headers = {"Authorization": f"Bearer {self.tokens[user]}"} if user else {}
        headers |= options.pop("headers", {})
        async with self.http.request(method, self.url + path, json=body, headers=headers, **options) as reply:
            text = await reply.text()
            return reply.status, await reply.json() if reply.content_type == "application/json" and text else text

    async def add_user(self, name: str, role: Role, password: str = GOOD_PASSWORD) -> None:
        """An account with a session of its own."""
        hashed = await self.ctx.auth.passwords.hash(password)
        user = await self.ctx.stores.users.create(User(name, password_hash=hashed, role=role))
        expires = self.now[0] + self.ctx.config.http.session_seconds
        self.tokens[name], _ = await self.ctx.auth._issue(user, "session", role, expires, "", "127.0.0.1")


@dataclass
class Factory:
    """Starts APIs, each with its own directory."""

    base: Path
    running: list[tuple[HttpServer, WebContext, aiohttp.ClientSession]] = field(default_factory=list)

    async def __call__(
        self, config: Config | None = None, extra: tuple[Route, ...] = (), *, fresh: bool = False
    ) -> Api:
        config = config or Config()
        config = replace(config, http=replace(config.http, port=0))
        data_dir = self.base / str(len(self.running))
        now = [1_700_000_000.0]
        announced: list[str] = []
        stores = await Stores.open(data_dir)
        ledger = Ledger.open(data_dir, clock=lambda: now[0])
        metrics = Metrics()
        passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        auth = Auth(
            stores.users, stores.tokens, ledger, config.http, metrics, passwords=passwords, clock=lambda: now[0]
        )
        grants = Grants(ledger, clock=lambda: now[0])
        setup = SetupCode(stores.users, announced.append)
        ctx = WebContext(config, stores, ledger, grants, metrics, auth, setup, lambda: now[0])
        setup.start()
        server = HttpServer(create_app(ctx, extra), config.http)
        port = await server.start()
        session = aiohttp.ClientSession()
        self.running.append((server, ctx, session))
        api = Api(ctx, f"http://127.0.0.1:{port}", session, announced, now)
        if not fresh:
            await api.add_user("root", "admin")
        return api

    async def close(self) -> None:
        for server, ctx, session in self.running:
            await session.close()
            await server.stop()
            await ctx.ledger.close()
            await ctx.stores.close()


@pytest.fixture
async def start_api(tmp_path: Path) -> AsyncIterator[Factory]:
    factory = Factory(tmp_path)
    try:
        yield factory
    finally:
        await factory.close()


@pytest.fixture
async def api(start_api: Factory) -> Api:
    """An API with the administrator ``root`` logged in."""
    return await start_api()
