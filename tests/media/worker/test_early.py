"""Packets that came before the answer: the newest of the first few senders."""

from __future__ import annotations

from media.worker.early import BYTES_PER_SENDER, MOST_SENDERS, PACKETS_PER_SENDER, EarlyPackets


def test_the_newest_packets_of_each_sender_are_kept_in_order() -> None:
    early = EarlyPackets()
    buffer = bytearray(b"xx")
    for n in range(PACKETS_PER_SENDER + 5):
        buffer[:] = n.to_bytes(2, "big")
        early.put(("10.0.0.1", 5), memoryview(buffer))
        early.put(("10.0.0.2", 5), b"other")
    assert early.of(("10.0.0.1", 5)) == [n.to_bytes(2, "big") for n in range(5, PACKETS_PER_SENDER + 5)]
    assert early.counts == {("10.0.0.1", 5): PACKETS_PER_SENDER + 5, ("10.0.0.2", 5): PACKETS_PER_SENDER + 5}
    early.clear()
    assert early.counts == {}


def test_the_bytes_of_a_sender_are_bounded() -> None:
    early = EarlyPackets()
    for _ in range(10):
        early.put(("10.0.0.1", 5), bytes(BYTES_PER_SENDER // 3))
    assert len(early.of(("10.0.0.1", 5))) == 3


def test_more_senders_than_a_few_are_not_kept() -> None:
    early = EarlyPackets()
    for n in range(MOST_SENDERS + 1):
        early.put(("10.0.0.1", n), b"x")
    assert list(early.counts) == [("10.0.0.1", n) for n in range(MOST_SENDERS)]
