"""Declared routes: one declaration gives handler, least role, what is taken and returned, and the OpenAPI entry.

A module of routes has ``def routes(...) -> list[Route]``. A handler takes one :class:`Call` and returns a pydantic
model, a dict or list (sent as JSON), None (204), or a response of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel

from gateway.compliance.access import Actor
from gateway.store.users import Role
from gateway.web.auth import Identity
from gateway.web.context import WebContext

Access = Literal["public", "viewer", "operator", "admin"]
M = TypeVar("M", bound=BaseModel)


@dataclass(slots=True)
class Call:
    """One authenticated, validated request."""

    request: web.Request
    ctx: WebContext
    who: Identity | None
    raw_body: BaseModel | None = None
    raw_query: BaseModel | None = None

    @property
    def identity(self) -> Identity:
        """The caller; every route but a public one has one."""
        assert self.who is not None
        return self.who

    @property
    def actor(self) -> Actor:
        return self.identity.actor

    @property
    def role(self) -> Role:
        return self.identity.role

    @property
    def remote(self) -> str:
        """The caller's address."""
        return self.request.remote or ""

    def path(self, name: str) -> str:
        """A variable of the path."""
        return self.request.match_info[name]

    def body(self, model: type[M]) -> M:
        """The validated body (of the route's ``body`` model)."""
        assert isinstance(self.raw_body, model)
        return self.raw_body

    def query(self, model: type[M]) -> M:
        """The validated query (of the route's ``query`` model)."""
        assert isinstance(self.raw_query, model)
        return self.raw_query


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One route. ``access`` is the least role, or "public"; ``status`` the one of success."""

    method: str
    path: str
    handler: Handler
    summary: str
    access: Access
    tag: str
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    reply: Any = None
    status: int = 200
