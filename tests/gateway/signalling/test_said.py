"""What is said of every SIP peer, in both languages."""

from __future__ import annotations

from gateway.signalling.said import Said, peer_fault, reason_said
from sip import RemoteError, TransactionTimeout, TransportFailed


def test_a_sentence_reads_in_english_where_no_language_is_asked_for() -> None:
    assert f"{Said('closed', '已断开')}" == "closed"


def test_a_status_has_its_usual_meaning_in_chinese_and_else_the_peers_own_words() -> None:
    assert reason_said(403, "Forbidden") == Said("Forbidden", "禁止")
    assert reason_said(477, "Strange") == Said("Strange", "Strange")


def test_silence_what_cannot_be_sent_and_what_cannot_be_read_are_told_apart() -> None:
    assert peer_fault(TransactionTimeout("UDP 192.0.2.1:5060")) == Said(
        "UDP 192.0.2.1:5060: no answer in time", "UDP 192.0.2.1:5060 在规定时间内没有应答"
    )
    assert peer_fault(TransportFailed("upper.example", "name not known")).zh == "upper.example：域名无法解析"
    assert peer_fault(TransportFailed("192.0.2.1:5060", "refused", "111")).zh == "192.0.2.1:5060：refused（111）"
    assert peer_fault(RemoteError("body", "not XML")).zh == "通信错误：body: not XML"
