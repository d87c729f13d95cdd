from __future__ import annotations

from gateway.store.rules import SHARED_ACTIONS, Rule, Rules


async def test_a_rule_is_read_back_whole(database, box) -> None:
    rules = await Rules(database, box).load()
    rule = await rules.create(
        Rule("city", "市局", "subtree", ("5401",), ("p/1",), {"p/2": "9" * 20}, SHARED_ACTIONS, 3.0)
    )
    assert (await Rules(database, box).load()).all() == [rule]
    assert Rule("x").actions == ("live", "query")
