"""The alarms of the last while."""

from __future__ import annotations

from gateway.alarms.alarm import Alarm
from gateway.alarms.book import KEPT, AlarmBook


def alarm(number: int, peer: str = "p", code: str = "c") -> Alarm:
    return Alarm(float(number), peer, code, "5", "2", time=f"t{number}")


def test_the_newest_come_first_by_device_and_channel() -> None:
    book = AlarmBook()
    for number, (peer, code) in enumerate((("p", "a"), ("p", "b"), ("q", "a"))):
        assert book.raise_(alarm(number, peer, code))
    assert [one.at for one in book.latest()] == [2.0, 1.0, 0.0]
    assert [one.at for one in book.latest(peer_id="p")] == [1.0, 0.0]
    assert [one.at for one in book.latest(code="a", limit=1)] == [2.0]
    assert [one.at for one in book.latest(peer_id="q", code="b")] == []


def test_the_same_message_again_is_told_to_nobody_and_another_to_everybody_once() -> None:
    book, told = AlarmBook(), list[Alarm]()
    book.told += [told.append, lambda _alarm: None]
    assert book.raise_(alarm(1)) and not book.raise_(alarm(1)) and book.raise_(alarm(2))
    assert [one.at for one in told] == [1.0, 2.0] and book.counters == {"raised": 2, "repeated": 1}


def test_alarms_without_a_time_are_never_the_same() -> None:
    book = AlarmBook()
    untimed = Alarm(0.0, "p", "c", "2")
    assert book.raise_(untimed) and book.raise_(untimed)


def test_only_the_last_thousand_are_kept() -> None:
    book = AlarmBook()
    for number in range(KEPT + 10):
        book.raise_(alarm(number))
    assert len(book.latest()) == KEPT == len(book._same) and book.latest()[-1].at == 10.0
    assert book.raise_(alarm(0))
