"""Login, logout, one's own account, and keys for other programs."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SecretStr

from gateway.store.users import ROLES, Role, Token
from gateway.web.audit import audited
from gateway.web.context import WebContext
from gateway.web.errors import ApiError
from gateway.web.resource import Strict
from gateway.web.route import Call, Route

YEAR_SECONDS = 31_622_400


class LoginBody(Strict):
    """Name and password."""

    username: str = Field(max_length=64)
    password: SecretStr = Field(max_length=128)


class Session(Strict):
    """A bearer token, shown this once."""

    token: str
    expires_at: float
    role: Role
    username: str


class Me(Strict):
    """The caller."""

    username: str
    name: str
    role: Role
    token_id: str
    expires_at: float


class PasswordBody(Strict):
    """A change of one's own password."""

    old: SecretStr = Field(max_length=128)
    new: SecretStr = Field(max_length=128)


class KeyNew(Strict):
    """A key for another program; ``role`` is at most the caller's."""

    name: str = Field(min_length=1, max_length=128)
    role: Role = "viewer"
    lifetime_seconds: int = Field(7_776_000, ge=60, le=YEAR_SECONDS)


class KeyShown(Strict):
    """A token as shown: never the token itself."""

    id: str
    user_id: str
    kind: str
    name: str
    role: Role
    remote: str
    created_at: float
    expires_at: float


class KeyIssued(KeyShown):
    """A new key, with the token shown this once."""

    token: str


def _shown(token: Token) -> dict[str, Any]:
    return {name: getattr(token, name) for name in KeyShown.model_fields}


async def _login(call: Call) -> Session:
    body = call.body(LoginBody)
    text, token = await call.ctx.auth.login(body.username, body.password.get_secret_value(), call.remote)
    return Session(token=text, expires_at=token.expires_at, role=token.role, username=token.user_id)


async def _logout(call: Call) -> None:
    await call.ctx.auth.logout(call.identity)


async def _me(call: Call) -> Me:
    user, token = call.identity.user, call.identity.token
    return Me(username=user.id, name=user.name, role=call.role, token_id=token.id, expires_at=token.expires_at)


async def _password(call: Call) -> None:
    body = call.body(PasswordBody)
    await call.ctx.auth.change_password(call.identity, body.old.get_secret_value(), body.new.get_secret_value())


async def _keys(call: Call) -> dict[str, Any]:
    everyone = call.identity.at_least("admin")
    tokens = [token for token in call.ctx.stores.tokens.all() if everyone or token.user_id == call.identity.user.id]
    return {"items": [_shown(token) for token in tokens], "total": len(tokens), "next": None}


async def _new_key(call: Call) -> KeyIssued:
    body = call.body(KeyNew)
    if call.identity.token.kind != "session":
        # Or a key that got about would renew itself for ever.
        raise ApiError(403, "forbidden", "Keys are issued to people who have logged in.", "密钥只能由登录用户签发。")
    if ROLES.index(body.role) > ROLES.index(call.role):
        raise ApiError(403, "forbidden", "A key cannot do more than its owner.", "密钥权限不能高于本人权限。")
    async with audited(call, "token.create", call.identity.user.id, body.model_dump()):
        text, token = await call.ctx.auth.issue_key(call.identity.user, body.name, body.role, body.lifetime_seconds)
    return KeyIssued(**_shown(token), token=text)


async def _remove_key(call: Call) -> None:
    token = call.ctx.stores.tokens.get(call.path("id"))
    if token is None or (token.user_id != call.identity.user.id and not call.identity.at_least("admin")):
        raise ApiError(404, "not_found", "No such token.", "令牌不存在。")
    async with audited(call, "token.remove", token.id, {"user": token.user_id}):
        await call.ctx.stores.tokens.delete(token.id)


def routes(_ctx: WebContext) -> list[Route]:
    """Routes of login and tokens."""
    return [
        Route("POST", "/api/v1/login", _login, "Log in", "public", "session", LoginBody, None, Session),
        Route("POST", "/api/v1/logout", _logout, "Log out", "viewer", "session", status=204),
        Route("GET", "/api/v1/me", _me, "Who am I", "viewer", "session", reply=Me),
        Route(
            "POST",
            "/api/v1/me/password",
            _password,
            "Change own password",
            "viewer",
            "session",
            PasswordBody,
            status=204,
        ),
        Route("GET", "/api/v1/tokens", _keys, "List tokens", "viewer", "tokens", reply=dict[str, Any]),
        Route("POST", "/api/v1/tokens", _new_key, "Issue a key", "viewer", "tokens", KeyNew, None, KeyIssued, 201),
        Route("DELETE", "/api/v1/tokens/{id}", _remove_key, "Revoke a token", "viewer", "tokens", status=204),
    ]
