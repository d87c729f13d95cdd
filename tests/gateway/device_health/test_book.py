"""The health of every device: what is noted, what is told, and what it costs."""

from __future__ import annotations

import tracemalloc

import pytest

from gateway.device_health.book import CLOCK_FAR_OFF_S, HealthBook
from gateway.device_health.keepalives import KeepalivePolicy
from gateway.device_health.offline_reason import Offline, OfflineReason
from gateway.device_health.standing import FlapPolicy, Standing, Tell
from sip import Peer

ID, HERE = "34020000001110000001", Peer("UDP", "192.0.2.1", 5060)
GONE = Offline.of(0.0, OfflineReason.UNREGISTERED)


@pytest.fixture
def written() -> list[tuple[str, Offline]]:
    return []


@pytest.fixture
def book(written: list[tuple[str, Offline]]) -> HealthBook:
    return HealthBook(
        KeepalivePolicy(configured_s=20),
        FlapPolicy(allowed=1, window_s=600, settle_s=50),
        history=lambda device_id, offline: written.append((device_id, offline)),
    )


def lost(at: float, reason: OfflineReason) -> Offline:
    return Offline.of(at, reason)


def test_of_a_device_nobody_knows_there_is_nothing(book: HealthBook) -> None:
    assert book.get(ID) is None and book.contacts(ID) == [] and book.standing(ID) is Standing.OFFLINE
    assert book.rhythm(ID).interval_s == 20 and len(book) == 0
    book.forget(ID)


def test_contacts_and_keepalives_are_noted(book: HealthBook) -> None:
    book.heard(ID, 1.0, "REGISTER", HERE)
    for second in (10.0, 40.0, 70.0, 100.0):
        book.heard(ID, second, "MESSAGE Keepalive", HERE, keepalive=True)
    assert [one.kind for one in book.contacts(ID)] == ["MESSAGE Keepalive"] * 4 + ["REGISTER"]
    assert book.rhythm(ID).interval_s == 30 and book.rhythm(ID).learned


@pytest.mark.parametrize(("silence", "over"), [(30, False), (65, False), (66, True), (1000, True)])
def test_a_device_is_missed_after_the_misses_of_its_interval(book: HealthBook, silence: float, over: bool) -> None:
    book.came(ID, 100.0)
    why = book.silent(ID, 100.0, 100.0 + silence)
    assert (why is not None) is over
    if why is not None:
        assert why.message == f"no keepalive for {silence} s (configured interval 20 s × 3)"


def test_a_slow_device_is_missed_once_and_then_known(book: HealthBook, written: list[tuple[str, Offline]]) -> None:
    assert book.came(ID, 0.0) == (Tell.ONLINE,)
    book.heard(ID, 1.0, "MESSAGE Keepalive", HERE, keepalive=True)
    why = book.silent(ID, 1.0, 67.0)
    assert why is not None and book.went(ID, 67.0, why) == (Tell.OFFLINE,)
    assert book.came(ID, 121.0) == (Tell.ONLINE,) and book.rhythm(ID).interval_s == 120
    assert book.silent(ID, 121.0, 480.0) is None and written == [(ID, why)]


def test_whoever_returns_too_often_is_on_trial_until_it_stayed(book: HealthBook) -> None:
    told = []
    for second in (0.0, 20.0, 40.0):
        told += [book.came(ID, second), book.went(ID, second + 10, lost(second + 10, OfflineReason.EXPIRED))]
    assert told == [(Tell.ONLINE,), (Tell.OFFLINE,)] * 2 + [(), (Tell.ENDED,)] and book.settling() == []
    assert book.came(ID, 60.0) == () and book.settling() == [ID]
    assert book.looked_at(ID, 100.0, 90.0) == () and book.looked_at(ID, 110.0, 90.0) == (Tell.ONLINE,)
    assert book.settling() == [] and book.standing(ID) is Standing.ONLINE


@pytest.mark.parametrize("reason", [OfflineReason.RESTART, OfflineReason.DISABLED, OfflineReason.PASSWORD_CHANGED])
def test_what_we_did_ourselves_is_no_flapping(book: HealthBook, reason: OfflineReason) -> None:
    for second in (0.0, 20.0, 40.0, 60.0):
        assert book.came(ID, second) == (Tell.ONLINE,)
        book.went(ID, second + 10, lost(second + 10, reason))


def test_a_device_that_moves_is_told_to_have_moved(book: HealthBook, written: list[tuple[str, Offline]]) -> None:
    book.came(ID, 0.0)
    moved = lost(1.0, OfflineReason.MOVED)
    assert book.moved(ID, 1.0, moved) == (Tell.OFFLINE, Tell.ONLINE)
    assert book.moved(ID, 2.0, moved) == (Tell.OFFLINE,) and len(written) == 2
    book.forget(ID)
    assert book.settling() == [] and book.get(ID) is None


def test_after_a_restart_it_stands_as_it_stood(book: HealthBook, written: list[tuple[str, Offline]]) -> None:
    book.recall([(ID, GONE), ("b", GONE)])
    book.restored("b", 5.0, settled=False)
    book.restored("c", 5.0, settled=True)
    book.lost_at_restart("d", lost(6.0, OfflineReason.RESTART))
    assert book.get(ID).last_offline == GONE and book.settling() == ["b"]  # type: ignore[union-attr]
    assert book.standing("c") is Standing.ONLINE and [one for one, _ in written] == ["d"]


def test_a_clock_far_off_is_named(book: HealthBook) -> None:
    book.heard(ID, 1.0, "REGISTER", HERE)
    health = book.get(ID)
    assert health is not None and not health.clock_far_off
    for offset, far in ((-3.0, False), (CLOCK_FAR_OFF_S + 1, True), (-28_800.0, True)):
        book.told_the_time(ID, offset)
        assert health.clock_offset_s == offset and health.clock_far_off is far


def test_a_device_costs_less_than_a_kilobyte() -> None:
    count, book = 1000, HealthBook()
    ids = [f"{34020000001110000000 + number}" for number in range(count)]
    tracemalloc.start()
    try:
        for number, device_id in enumerate(ids):
            book.came(device_id, 1000.0)
            for beat in range(12):
                source = Peer("UDP", f"10.0.{number // 250}.{number % 250}", 5060)
                book.heard(device_id, 1000.0 + 60 * beat, "MESSAGE Keepalive", source, keepalive=True)
            why = Offline.of(9e9, OfflineReason.NO_KEEPALIVE, silent=180, interval=60, misses=3, basis="learned")
            book.went(device_id, 2000.0, why)
            book.told_the_time(device_id, 1.5 + number)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(book) == count and used / count < 1024, used / count
