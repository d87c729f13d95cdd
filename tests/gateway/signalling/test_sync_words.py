"""How reading a catalogue failed is said in both languages."""

from __future__ import annotations

import re

from gateway.signalling import sync_words as words
from gateway.signalling.exchange import QuestionRefused
from sip import TransactionTimeout


def test_every_outcome_has_words_in_both_languages() -> None:
    outcomes = (
        words.OFFLINE,
        words.INTERNAL,
        words.NO_ANSWER,
        words.missing_items(6),
        words.missing_items(None),
        words.not_taken(QuestionRefused(403, "Forbidden")),
        words.not_taken(TransactionTimeout("UDP 192.0.2.1:5060")),
    )
    for said in outcomes:
        assert said.en and not re.search("[一-鿿]", said.en) and re.search("[一-鿿]", said.zh)


def test_a_refusal_names_its_code_and_a_loss_its_size() -> None:
    assert words.not_taken(QuestionRefused(403, "Forbidden")).zh == "对方拒绝查询：403 禁止"
    assert words.not_taken(QuestionRefused(403, "Forbidden")).en == "the peer refused the query: 403 Forbidden"
    assert words.missing_items(6) == ("6 items did not come", "有 6 项未到")
