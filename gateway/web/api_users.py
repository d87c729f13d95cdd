"""Accounts over the API."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SecretStr

from gateway.store.users import Role, User
from gateway.web.context import WebContext
from gateway.web.errors import ApiError
from gateway.web.resource import Resource, Strict, refuse_null
from gateway.web.route import Call, Route

LoginName = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$", description="Login name")


class UserChange(Strict):
    """What can be changed of an account; what is left out stays. A new password ends the user's sessions."""

    name: str = Field("", max_length=256)
    role: Role = "viewer"
    enabled: bool = True
    password: SecretStr = Field(SecretStr(""), max_length=128)


class UserNew(Strict):
    """A new account."""

    id: str = LoginName
    name: str = Field("", max_length=256)
    role: Role = "viewer"
    enabled: bool = True
    password: SecretStr = Field(max_length=128)


class UserShown(Strict):
    """An account as shown."""

    id: str
    name: str
    role: Role
    enabled: bool
    locked_until: float
    password_changed_at: float
    created_at: float


def routes(ctx: WebContext) -> list[Route]:
    """Routes of ``/api/v1/users``; all for administrators."""

    def show(user: User) -> UserShown:
        return UserShown(**{name: getattr(user, name) for name in UserShown.model_fields})

    async def make(body: UserNew) -> User:
        now = ctx.clock()
        hashed = await ctx.auth.new_hash(body.password.get_secret_value(), body.id)
        plain = body.model_dump(exclude={"password"})
        return User(**plain, password_hash=hashed, password_changed_at=now, created_at=now)

    async def changes(before: User, given: dict[str, Any]) -> dict[str, Any]:
        refuse_null(given, ())
        password = given.pop("password", None)
        if password is None:
            return given
        hashed = await ctx.auth.new_hash(password.get_secret_value(), before.id)
        lifted = {"failed_logins": 0, "locked_until": 0.0}
        return given | lifted | {"password_hash": hashed, "password_changed_at": ctx.clock()}

    def guard(call: Call, before: User, after: User | None) -> None:
        if after is None and before.id == call.identity.user.id:
            raise ApiError(409, "own_account", "One's own account cannot be removed.", "不能删除自己的账号。")
        loses_admin = after is None or after.role != "admin" or not after.enabled
        if loses_admin and [user.id for user in ctx.stores.users.admins()] == [before.id]:
            raise ApiError(409, "last_admin", "The last administrator stays.", "必须保留至少一名管理员。")

    resource = Resource(
        "user", ctx.stores.users, UserNew, UserChange, UserShown, show, make, changes, guard, read="admin"
    )
    return resource.routes()
