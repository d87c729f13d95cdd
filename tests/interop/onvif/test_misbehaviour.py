"""Ways to misbehave."""

from __future__ import annotations

import pytest

from interop.onvif.misbehaviour import Misbehaviour, chosen, parse


def test_every_way_has_a_word() -> None:
    assert parse("silent") == Misbehaviour("silent")
    assert parse("garbage") == Misbehaviour("garbage")
    assert parse("oversized") == Misbehaviour("oversized")
    assert parse("slow:2.5") == Misbehaviour("slow", seconds=2.5)
    assert parse("fault:NotAuthorized") == Misbehaviour("fault", subcode="ter:NotAuthorized")


@pytest.mark.parametrize(
    "text", ["", "loud", "slow", "slow:", "slow:nan", "slow:-1", "fault", "fault:", "fault:a b", "silent:1"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


def test_the_narrowest_entry_wins() -> None:
    table = {"ptz:Stop": parse("silent"), "Stop": parse("garbage"), "*": parse("oversized")}
    assert chosen(table, "ptz", "Stop") == Misbehaviour("silent")
    assert chosen(table, "imaging", "Stop") == Misbehaviour("garbage")
    assert chosen(table, "ptz", "GetNodes") == Misbehaviour("oversized")
    assert chosen({}, "ptz", "Stop") is None
