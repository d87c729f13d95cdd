"""Sharing rules over the API (共享规则)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from catalog import can_be_withheld
from gateway.store.rules import Rule, RuleMode
from gateway.web.context import WebContext
from gateway.web.resource import Resource, Strict, refuse_null, unguarded
from gateway.web.route import Route


def _withheld(name: str) -> str:
    if not can_be_withheld(name):
        raise ValueError("no field that can be withheld")
    return name


Channel = Annotated[str, StringConstraints(pattern=r"^([0-9A-Za-z_-]{1,32}/)?[0-9]{2,20}$")]
PublishedCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{20}$")]
Withheld = Annotated[str, StringConstraints(max_length=64), AfterValidator(_withheld)]
SharedAction = Literal["live", "playback", "download", "ptz", "query", "alarm"]


class RuleChange(Strict):
    """What can be changed of a sharing rule; what is left out stays."""

    name: str = Field("", max_length=256)
    mode: RuleMode = "list"
    channels: tuple[Channel, ...] = Field((), max_length=200_000, description="Roots or members: peer/code or code")
    exclude: tuple[Channel, ...] = Field((), max_length=200_000, description="What is left out: peer/code or code")
    published: dict[Channel, PublishedCode] = Field(default_factory=dict, description="Real key to published code")
    actions: tuple[SharedAction, ...] = Field(("live", "query"), description="What the upper may do")
    withhold: tuple[Withheld, ...] = Field(
        (), max_length=64, description="Fields of an object it is not told: longitude, address, info.ContactInfo"
    )


class RuleNew(RuleChange):
    """A new sharing rule."""

    id: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")


class RuleShown(Strict):
    """A sharing rule as shown; ``used_by`` names the upper platforms it applies to."""

    id: str
    name: str
    mode: str
    channels: tuple[str, ...]
    exclude: tuple[str, ...]
    published: dict[str, str]
    actions: tuple[str, ...]
    withhold: tuple[str, ...]
    created_at: float
    used_by: tuple[str, ...]


def routes(ctx: WebContext) -> list[Route]:
    """Routes of ``/api/v1/rules``."""

    def show(rule: Rule) -> RuleShown:
        plain = {name: getattr(rule, name) for name in RuleShown.model_fields if hasattr(rule, name)}
        used_by = tuple(upper.id for upper in ctx.stores.uppers.all() if upper.rule_id == rule.id)
        return RuleShown(**plain, used_by=used_by)

    async def make(body: RuleNew) -> Rule:
        return Rule(**body.model_dump(), created_at=ctx.clock())

    async def changes(_before: Rule, given: dict[str, Any]) -> dict[str, Any]:
        refuse_null(given, ())
        return given

    resource = Resource("rule", ctx.stores.rules, RuleNew, RuleChange, RuleShown, show, make, changes, unguarded)
    return resource.routes()
