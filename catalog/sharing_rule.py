"""What the operator decides about sharing with an upper platform (共享规则)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from catalog.item import ChannelKey, Item

NEVER_PUBLISHED = frozenset({"ip_address", "port", "extra", "raw", "peer_id"})
"""Fields of an item no upper platform ever sees; `extra` and `raw` because nobody knows what is in them."""

_MUST_BE_PUBLISHED = frozenset({"code", "name", "parent_ids", "status", "secrecy", "business_group_id"})
_WITHHOLDABLE = frozenset(entry.name for entry in fields(Item)) - NEVER_PUBLISHED - _MUST_BE_PUBLISHED


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
    """Which objects an upper platform sees, which of their fields, and what it may do with them.

    A root of a subtree is an object, a whole peer (`ChannelKey(peer, peer)`) or a region (`ChannelKey("", "3402")`). An
    excluded object takes everything under it along. `withhold` names fields of `Item`, or single children of Info as
    `info.ContactInfo`. An empty `actions` allows nothing but the catalogue.
    """

    id: str
    upper_id: str
    name: str = ""
    mode: ShareMode = ShareMode.ALL
    roots: frozenset[ChannelKey] = frozenset()
    """Roots of subtrees, or the listed objects."""
    exclude: frozenset[ChannelKey] = frozenset()
    withhold: frozenset[str] = frozenset()
    actions: frozenset[str] = frozenset({"play"})

    def __post_init__(self) -> None:
        for name in self.withhold:
            if name not in _WITHHOLDABLE and not name.startswith("info."):
                raise RuleError("withhold", "no field that can be withheld", name)

    def permits(self, action: str) -> bool:
        """Whether the upper platform may do this with what it sees."""
        return action in self.actions

    def to_document(self) -> dict[str, Any]:
        """The rule as a JSON-able dict."""
        return {
            "id": self.id,
            "upper_id": self.upper_id,
            "name": self.name,
            "mode": self.mode.value,
            "roots": sorted(map(list, self.roots)),
            "exclude": sorted(map(list, self.exclude)),
            "withhold": sorted(self.withhold),
            "actions": sorted(self.actions),
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> SharingRule:
        """The inverse of `to_document`. Raises RuleError."""
        try:
            mode = ShareMode(document.get("mode", ShareMode.ALL))
        except ValueError as error:
            raise RuleError("mode", "must be all, subtree or list", str(document["mode"])) from error
        return cls(
            id=document["id"],
            upper_id=document["upper_id"],
            name=document.get("name", ""),
            mode=mode,
            roots=_keys(document, "roots"),
            exclude=_keys(document, "exclude"),
            withhold=frozenset(document.get("withhold", ())),
            actions=frozenset(document.get("actions", ())),
        )


def _keys(document: dict[str, Any], where: str) -> frozenset[ChannelKey]:
    try:
        return frozenset(ChannelKey(peer_id, code) for peer_id, code in document.get(where, ()))
    except (TypeError, ValueError) as error:
        raise RuleError(where, "must be pairs of peer and code", str(document[where])[:200]) from error
