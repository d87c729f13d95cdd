"""Where answers to our requests may come from."""

from __future__ import annotations

import pytest

from sip.core.answer_source import AnswerSources, is_made_from, nowhere_else
from sip.message import Request, Response, parse_message
from sip.peer import Peer

UPPER, OTHER_CARD = Peer("UDP", "203.0.113.1", 5060), Peer("UDP", "203.0.113.2", 5060)
ASKED = parse_message(
    b"REGISTER sip:34020000002000000001@3402000000 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bK0123456789abcdef\r\n"
    b"From: <sip:34020000001180000001@3402000000>;tag=us\r\nTo: <sip:34020000001180000001@3402000000>\r\n"
    b"Call-ID: ours-1\r\nCSeq: 7 REGISTER\r\nContent-Length: 0\r\n\r\n"
)
ANSWER = (
    b"SIP/2.0 200 OK\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.10:5060;rport=5060;received=192.0.2.10;branch=z9hG4bK0123456789abcdef\r\n"
    b"From: <sip:34020000001180000001@3402000000>;tag=us\r\nTo: <sip:34020000001180000001@3402000000>;tag=up\r\n"
    b"Call-ID: ours-1\r\nCSeq: 7 REGISTER\r\nContent-Length: 0\r\n\r\n"
)
assert isinstance(ASKED, Request)
REQUEST = ASKED


def answer(before: bytes = b"", after: bytes = b"") -> Response:
    assert before in ANSWER
    message = parse_message(ANSWER.replace(before, after, 1))
    assert isinstance(message, Response)
    return message


@pytest.mark.parametrize(
    ("asked", "source", "same"),
    [
        (UPPER, UPPER, True),
        (UPPER, OTHER_CARD, False),
        (UPPER, Peer("UDP", UPPER.host, 5061), False),
        (UPPER, Peer("TCP", UPPER.host, 5060, 1), False),
        (Peer("TCP", UPPER.host, 5060, 7), Peer("TCP", UPPER.host, 5060, 7), True),
        (Peer("TCP", UPPER.host, 5060, 7), Peer("TCP", UPPER.host, 5060, 8), False),
    ],
    ids=["the same", "another host", "another port", "another transport", "the connection", "another connection"],
)
def test_the_address_asked_is_host_and_port_or_the_connection(asked: Peer, source: Peer, same: bool) -> None:
    assert AnswerSources.is_address_asked(asked, source) is same


def test_the_tolerance_is_off_unless_a_policy_turns_it_on_for_the_peer_asked() -> None:
    assert not nowhere_else(UPPER, OTHER_CARD)
    assert not AnswerSources().may_answer_for(UPPER, OTHER_CARD, REQUEST, answer())
    tolerant = AnswerSources(lambda asked, source: asked.host == UPPER.host)
    assert tolerant.may_answer_for(UPPER, OTHER_CARD, REQUEST, answer())
    assert not tolerant.may_answer_for(Peer("UDP", "203.0.113.9", 5060), OTHER_CARD, REQUEST, answer())


def test_on_a_stream_no_policy_helps() -> None:
    tolerant = AnswerSources(lambda asked, source: True)
    stream = Peer("TCP", UPPER.host, 5060, 1)
    assert not tolerant.may_answer_for(stream, OTHER_CARD, REQUEST, answer())
    assert not tolerant.may_answer_for(UPPER, stream, REQUEST, answer())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b""),
        (b";rport=5060;received=192.0.2.10", b""),
        (b"192.0.2.10:5060;rport=5060", b"192.0.2.10:5060;rport=1024"),
        (b"SIP/2.0/UDP", b"SIP / 2.0 / udp"),
    ],
    ids=["as a server makes it", "RFC 2543 server", "behind a NAT", "spelt loosely"],
)
def test_an_answer_made_from_the_request_is_known(before: bytes, after: bytes) -> None:
    assert is_made_from(REQUEST, answer(before, after))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"z9hG4bK0123456789abcdef", b"z9hG4bK0123456789abcdee"),
        (b"192.0.2.10:5060", b"192.0.2.11:5060"),
        (b"192.0.2.10:5060", b"192.0.2.10:5061"),
        (b"192.0.2.10:5060", b"192.0.2.10"),
        (b"SIP/2.0/UDP", b"SIP/2.0/TCP"),
        (b"CSeq: 7 ", b"CSeq: 8 "),
        (b"7 REGISTER", b"7 MESSAGE"),
        (b"Call-ID: ours-1", b"Call-ID: ours-2"),
        (b";tag=us", b";tag=guess"),
        (b";tag=us", b""),
        (b"From:", b"Via: SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKx\r\nFrom:"),
        (b"CSeq: 7 REGISTER", b"CSeq: x"),
        (b"Via: SIP/2.0/UDP 192.0.2.10", b"Via: SIP/2.0/UDP 192.0.2.10,"),
    ],
)
def test_whoever_gets_one_word_wrong_has_not_seen_the_request(before: bytes, after: bytes) -> None:
    assert not is_made_from(REQUEST, answer(before, after))


def test_each_other_address_of_a_peer_is_news_once() -> None:
    sources = AnswerSources()
    assert [sources.is_news(UPPER, OTHER_CARD) for _ in range(3)] == [True, False, False]
    assert not sources.is_news(UPPER, Peer("UDP", OTHER_CARD.host, 40001))
    assert sources.is_news(UPPER, Peer("UDP", "203.0.113.3", 5060))
    assert sources.is_news(Peer("UDP", "203.0.113.9", 5060), OTHER_CARD)


def test_only_so_much_news_is_remembered() -> None:
    sources = AnswerSources()
    for number in range(5000):
        assert sources.is_news(Peer("UDP", "203.0.113.1", number), OTHER_CARD)
    assert sources.is_news(Peer("UDP", "203.0.113.1", 0), OTHER_CARD)
    assert not sources.is_news(Peer("UDP", "203.0.113.1", 4999), OTHER_CARD)
