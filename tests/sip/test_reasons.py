"""Reason phrases."""

from __future__ import annotations

from sip.reasons import REASONS


def test_every_status_is_one_of_sip_and_has_a_plain_phrase() -> None:
    assert all(100 <= status <= 699 for status in REASONS)
    assert all(phrase.isascii() and phrase.strip() == phrase for phrase in REASONS.values())
    assert (REASONS[200], REASONS[401], REASONS[481]) == ("OK", "Unauthorized", "Call/Transaction Does Not Exist")
