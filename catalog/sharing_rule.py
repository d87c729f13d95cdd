"""What the operator decides about sharing with an upper platform (共享规则)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

from catalog.item import ChannelKey, Item

NEVER_PUBLISHED = frozenset({"ip_address", "port", "extra", "raw", "peer_id"})
"""Fields of an item no upper platform ever sees; `extra` and `raw` because nobody knows what is in them."""

_MUST_BE_PUBLISHED = frozenset({"code", "name", "parent_ids", "status", "secrecy", "business_group_id"})
_WITHHOLDABLE = frozenset(entry.name for entry in fields(Item)) - NEVER_PUBLISHED - _MUST_BE_PUBLISHED


def can_be_withheld(name: str) -> bool:
    """Whether a rule may withhold the field of that name (of `Item`, or a child of Info as `info.ContactInfo`)."""
    return name in _WITHHOLDABLE or (name.startswith("info.") and len(name) > len("info."))


class ShareMode(StrEnum):
    """How the objects of a rule are chosen."""

    ALL = "all"
    SUBTREE = "subtree"
    LIST = "list"


class RuleError(ValueError):
    """A sharing rule that cannot be meant. `where` is the field, `what` the complaint, `value` what it holds."""

    def __init__(self, where: str, what: str, value: str) -> None:
        super().__init__(f"{where}: {what}: {value!r}")
        self.where = where
        self.what = what
        self.value = value


@dataclass(frozen=True, slots=True)
class SharingRule:
    """Which objects an upper platform sees, and which of their fields.

    A root of a subtree is an object, a whole peer (`ChannelKey(peer, peer)`) or a region (`ChannelKey("", "3402")`). An
    excluded object takes everything under it along. `withhold` names fields of `Item`, or single children of Info as
    `info.ContactInfo`.
    """

    id: str
    upper_id: str
    name: str = ""
    mode: ShareMode = ShareMode.ALL
    roots: frozenset[ChannelKey] = frozenset()
    """Roots of subtrees, or the listed objects."""
    exclude: frozenset[ChannelKey] = frozenset()
    withhold: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name in self.withhold:
            if not can_be_withheld(name):
                raise RuleError("withhold", "no field that can be withheld", name)
