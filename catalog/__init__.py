"""The catalogue of a GB/T 28181 node: codes, civil divisions, objects, trees, sharing rules, change feed and store.

Knows no SIP and no media. This is the front door; `catalog.store` is the one to the database.
"""

from __future__ import annotations

from catalog.change import Change, Changes, Event, ItemEvent, event_between
from catalog.code import CodeError, DeviceCode, Kind, civil_code_of, is_playable, kind_of, type_of
from catalog.code_names import Edition, industry_name, network_name, type_name
from catalog.division import Division, division_of, full_name
from catalog.item import LOCAL, OFF, ON, ChannelKey, Item
from catalog.pages import Complete, Incomplete, PageCollector
from catalog.published_ids import OutOfCodes, PublishedIds
from catalog.share import (
    EMPTY,
    LeftOut,
    Preview,
    PublishedChange,
    PublishedSet,
    Unmountable,
    diff,
    evaluate,
)
from catalog.sharing_rule import RuleError, ShareMode, SharingRule, can_be_withheld
from catalog.tree import TOP, claims_of, resolve_parents, resolve_tree, split_parent_ids

__all__ = [
    "Change",
    "Changes",
    "ChannelKey",
    "CodeError",
    "Complete",
    "DeviceCode",
    "Division",
    "EMPTY",
    "Edition",
    "Event",
    "Incomplete",
    "Item",
    "ItemEvent",
    "Kind",
    "LOCAL",
    "LeftOut",
    "OFF",
    "ON",
    "OutOfCodes",
    "PageCollector",
    "Preview",
    "PublishedChange",
    "PublishedIds",
    "PublishedSet",
    "RuleError",
    "ShareMode",
    "SharingRule",
    "TOP",
    "Unmountable",
    "can_be_withheld",
    "civil_code_of",
    "claims_of",
    "diff",
    "division_of",
    "evaluate",
    "event_between",
    "full_name",
    "industry_name",
    "is_playable",
    "kind_of",
    "network_name",
    "resolve_parents",
    "resolve_tree",
    "split_parent_ids",
    "type_name",
    "type_of",
]
