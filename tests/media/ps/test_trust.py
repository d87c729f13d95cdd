from __future__ import annotations

from media.ps.trust import NEEDED, BoundaryTrust


def test_trust_takes_fifty_good_ends_and_one_bad_to_lose() -> None:
    trust = BoundaryTrust()
    for _ in range(NEEDED - 1):
        trust.confirm()
    assert not trust.trusted
    trust.confirm()
    assert trust.trusted
    trust.deny()
    assert not trust.trusted
    trust.confirm()
    assert not trust.trusted
