"""Why a device is offline, in both languages."""

from __future__ import annotations

from string import Formatter
from typing import Any

import pytest

from gateway.device_health.offline_reason import MAX_FACT, OURS, TABLE, Offline, OfflineReason
from gateway.store import schema


@pytest.mark.parametrize("reason", OfflineReason)
def test_every_reason_has_words_in_both_languages_that_name_the_same_facts(reason: OfflineReason) -> None:
    words = TABLE[reason]
    named = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in words]
    assert words.en.isascii() or "×" in words.en
    assert any("\u4e00" <= char <= "\u9fff" for char in words.zh) and named[0] == named[1]


def test_the_silence_is_told_with_what_it_was_measured_by() -> None:
    facts = {"silent": 180, "interval": 60, "misses": 3}
    learned = Offline.of(1.0, OfflineReason.NO_KEEPALIVE, **facts, basis="learned")
    assert learned.message == "no keepalive for 180 s (learned interval 60 s × 3)"
    assert learned.message_zh == "180 秒内未收到心跳（学习到的间隔 60 秒 × 3 次）"
    configured = Offline.of(1.0, OfflineReason.NO_KEEPALIVE, **facts, basis="configured")
    assert "(configured interval" in configured.message and "配置的间隔" in configured.message_zh


def test_reasons_without_facts_and_texts_of_sockets() -> None:
    assert Offline.of(1.0, OfflineReason.UNREGISTERED) == Offline(1.0, OfflineReason.UNREGISTERED, "")
    assert Offline(1.0, OfflineReason.UNREGISTERED).message == "unregistered by itself"
    closed = Offline.of(1.0, OfflineReason.CONNECTION_CLOSED, why="{" + "x" * 1000)
    assert closed.message.startswith("TCP connection closed: {xxx") and len(closed.facts) < MAX_FACT + 20


@pytest.mark.parametrize("odd", ["\0", "\U0001f600", '"', "长"])
def test_facts_fit_into_their_column_whatever_a_peer_wrote(odd: str) -> None:
    column: Any = schema.offline_events.c.facts.type
    closed = Offline.of(1.0, OfflineReason.CONNECTION_CLOSED, why=odd * 1000)
    assert len(closed.facts) <= column.length and closed.message.count(odd) == MAX_FACT


def test_a_fact_that_was_not_noted_is_a_question_mark() -> None:
    assert Offline(1.0, OfflineReason.MOVED).message == "registered again from ?"
    assert "?" in Offline(1.0, OfflineReason.NO_KEEPALIVE, '{"silent": 9}').message_zh


def test_our_own_reasons_are_not_the_devices() -> None:
    assert OfflineReason.RESTART in OURS and OfflineReason.REMOVED in OURS and OfflineReason.EXPIRED not in OURS
