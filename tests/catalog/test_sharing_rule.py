from __future__ import annotations

from typing import Any

import orjson
import pytest

from catalog.item import ChannelKey
from catalog.sharing_rule import NEVER_PUBLISHED, RuleError, ShareMode, SharingRule

RULE = SharingRule(
    id="r1",
    upper_id="34000000002000000001",
    name="市局",
    mode=ShareMode.SUBTREE,
    roots=frozenset({ChannelKey("p", "p"), ChannelKey("", "3402")}),
    exclude=frozenset({ChannelKey("p", "c")}),
    withhold=frozenset({"address", "info.ContactInfo"}),
    actions=frozenset({"play", "ptz"}),
)


def test_a_rule_survives_being_stored() -> None:
    assert SharingRule.from_document(orjson.loads(orjson.dumps(RULE.to_document()))) == RULE


def test_a_rule_permits_what_it_names() -> None:
    assert RULE.permits("ptz") and not RULE.permits("playback")


def test_a_rule_allows_live_pictures_unless_it_says_otherwise() -> None:
    assert SharingRule(id="r", upper_id="u").actions == {"play"}


@pytest.mark.parametrize("name", ["colour", "code", "status", "parent_ids", *sorted(NEVER_PUBLISHED)])
def test_fields_that_are_always_or_never_published_cannot_be_withheld(name: str) -> None:
    with pytest.raises(RuleError) as refused:
        SharingRule(id="r", upper_id="u", withhold=frozenset({name}))
    assert (refused.value.where, refused.value.value) == ("withhold", name)


@pytest.mark.parametrize(
    ("where", "wrong"),
    [("mode", {"mode": "some"}), ("roots", {"roots": ["abc"]}), ("exclude", {"exclude": [1]})],
)
def test_a_stored_rule_that_cannot_be_meant_is_named(where: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(RuleError) as refused:
        SharingRule.from_document({"id": "r", "upper_id": "u", **wrong})
    assert refused.value.where == where
