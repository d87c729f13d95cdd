"""Sharing rules (共享规则) as stored; :mod:`catalog.share` evaluates them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gateway.store import schema
from gateway.store.repository import Repository

RuleMode = Literal["all", "subtree", "list"]
SHARED_ACTIONS = ("live", "playback", "download", "ptz", "query", "alarm")


@dataclass(frozen=True, slots=True)
class Rule:
    """One sharing rule.

    ``channels`` are the roots of mode "subtree" or the members of mode "list", ``exclude`` what is left out; each is
    ``peer_id/code`` (or a bare code: at every peer). ``published`` gives real keys another code towards the upper.
    ``actions`` are what the upper may do beyond seeing the catalogue, ``withhold`` the fields of items it is not told.
    """

    id: str
    name: str = ""
    mode: RuleMode = "list"
    channels: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    published: dict[str, str] = field(default_factory=dict)
    actions: tuple[str, ...] = ("live", "query")
    created_at: float = 0.0
    withhold: tuple[str, ...] = ()


class Rules(Repository[Rule]):
    """All sharing rules."""

    TABLE = schema.rules
    RECORD = Rule
