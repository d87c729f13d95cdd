"""First-run set-up over the API: the one-time code makes the first administrator."""

from __future__ import annotations

import asyncio

from pydantic import Field, SecretStr

from gateway.compliance.entry import Entry
from gateway.store.users import User
from gateway.web.api_users import LoginName
from gateway.web.context import WebContext
from gateway.web.errors import ApiError
from gateway.web.resource import Strict
from gateway.web.route import Call, Route


class SetupState(Strict):
    """Whether set-up is still to be done."""

    needed: bool


class SetupBody(Strict):
    """The code shown at start, and the first administrator."""

    code: str = Field(max_length=64)
    username: str = LoginName
    password: SecretStr = Field(max_length=128)


async def _state(call: Call) -> SetupState:
    return SetupState(needed=call.ctx.setup.needed)


def routes(ctx: WebContext) -> list[Route]:
    """Routes of ``/api/v1/setup``."""
    one_at_a_time = asyncio.Lock()

    async def complete(call: Call) -> SetupState:
        body = call.body(SetupBody)
        ctx.auth.admit(call.remote)
        async with one_at_a_time:
            if not ctx.setup.needed:
                raise ApiError(409, "already_set_up", "This node is set up already.", "系统已完成初始化。")
            if not ctx.setup.matches(body.code):
                refused = Entry("user", body.username, "setup", "refused", destination=call.remote, clause="O9")
                await ctx.ledger.append(refused)
                raise ApiError(
                    403,
                    "wrong_code",
                    "The set-up code is wrong.",
                    "初始化代码错误。",
                    hint="It is printed by `gbgateway run` at the first start.",
                )
            hashed = await ctx.auth.new_hash(body.password.get_secret_value(), body.username)
            now = ctx.clock()
            await ctx.ledger.append(Entry("user", body.username, "setup", "done", destination=call.remote, clause="O9"))
            await ctx.stores.users.create(
                User(body.username, password_hash=hashed, role="admin", password_changed_at=now, created_at=now)
            )
            ctx.setup.spent()
        return SetupState(needed=False)

    return [
        Route("GET", "/api/v1/setup", _state, "Is set-up needed", "public", "setup", reply=SetupState),
        Route("POST", "/api/v1/setup", complete, "Set up", "public", "setup", SetupBody, None, SetupState, 201),
    ]
