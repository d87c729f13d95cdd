"""SSRC leases."""

from __future__ import annotations

import pytest

from gateway.relay.ssrc import CAPACITY, QUARANTINE_S, SsrcExhausted, SsrcPool

NODE = "34020100002000000001"


def test_a_value_says_live_the_domain_and_a_number() -> None:
    pool = SsrcPool(NODE)
    # 34020100 -> digits 4 to 8: 20100
    assert [pool.lease("a", 0), pool.lease("b", 0)] == ["0201000001", "0201000002"]
    assert SsrcPool(NODE, "1").lease("c", 0) == "1201000001"
    assert len(pool) == 2 and pool.owners() == {"a", "b"}


def test_a_value_given_back_rests_before_it_is_used_again() -> None:
    pool = SsrcPool(NODE)
    for number in range(CAPACITY):
        pool.lease(str(number), 0)
    with pytest.raises(SsrcExhausted):
        pool.lease("one more", 0)
    pool.release("0201000007", 10)
    with pytest.raises(SsrcExhausted):
        pool.lease("too early", 10 + QUARANTINE_S / 2)
    assert pool.lease("later", 10 + QUARANTINE_S) == "0201000007"


def test_a_value_of_before_a_restart_is_taken_over() -> None:
    pool = SsrcPool(NODE)
    pool.adopt("0201000001", "old")
    assert pool.lease("new", 0) == "0201000002"
    assert pool.owners() == {"old", "new"}


@pytest.mark.parametrize("text", ["0999990001", "", "0201000009", "abc"])
def test_a_value_that_is_not_ours_is_left_alone(text: str) -> None:
    pool = SsrcPool(NODE)
    pool.lease("a", 0)
    pool.release(text, 0)
    pool.adopt("0999990001", "foreign")
    assert pool.owners() == {"a"}
