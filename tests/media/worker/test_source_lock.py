"""Whose packets a source takes: addresses, the answer's port, the agreed SSRC and the tolerance for another one."""

from __future__ import annotations

from typing import Any

import pytest

from media.worker.control import Event, ForeignSource, OtherSsrc
from media.worker.source_lock import RELOCK_S, STRANGE_SSRC_S, SourceLock, Verdict

HOST = "10.0.0.1"
CAMERA = (HOST, 6000)
OTHER_PORT = (HOST, 5000)
THIRD_PORT = (HOST, 7000)
STRANGER = ("10.0.0.2", 6000)

REFUSED, FIRST, MOVED, REPLACED = Verdict.REFUSED, Verdict.FIRST, Verdict.MOVED, Verdict.REPLACED


class Subject:
    """A lock as a source uses it: asked only when sender or SSRC differ, knowing when the locked one last spoke."""

    def __init__(self, ssrc: int | None = 200, accept_from: tuple[str, ...] = (HOST,), **answer: Any) -> None:
        self.events: list[Event] = []
        self.lock = SourceLock("in", ssrc, list(accept_from), self.events.append)
        self.last: float | None = None
        if answer:
            self.lock.update(ssrc, list(accept_from), answer.get("expect_port"), answer.get("any_ssrc", True))

    def send(self, remote: tuple[str, int] = CAMERA, ssrc: int = 200, now: float = 0.0) -> Verdict | None:
        """The verdict on a packet; None: it is of the locked sender and SSRC."""
        if (remote, ssrc) == (self.lock.remote, self.lock.ssrc):
            self.last = now
            return None
        verdict = self.lock.judge(remote, ssrc, now, self.last)
        if verdict is not REFUSED:
            self.last = now
        return verdict

    def told(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def test_the_first_packet_with_the_agreed_ssrc_locks_its_sender() -> None:
    subject = Subject()
    assert subject.send() is FIRST
    assert (subject.lock.remote, subject.lock.ssrc) == (CAMERA, 200)
    assert subject.send(now=1.0) is None and subject.events == []


def test_a_foreign_address_is_held_back_and_told_now_and_then() -> None:
    subject = Subject()
    assert {subject.send(STRANGER, now=t) for t in (0.0, 1.0, 4.9, 5.0)} == {REFUSED}
    assert subject.told(ForeignSource) == [
        ForeignSource(leg="in", remote=STRANGER, count=1),
        ForeignSource(leg="in", remote=STRANGER, count=4),
    ]


def test_another_port_of_the_same_host_must_wait_for_silence() -> None:
    subject = Subject()
    subject.send(now=0.0)
    assert subject.send(OTHER_PORT, now=RELOCK_S - 0.1) is REFUSED
    assert subject.lock.foreign == 1
    assert subject.send(OTHER_PORT, now=RELOCK_S + 0.1) is MOVED
    assert subject.send(CAMERA, now=RELOCK_S + 0.2) is REFUSED


def test_a_gone_connection_is_replaced_at_once() -> None:
    subject = Subject()
    subject.send()
    subject.lock.release()
    assert subject.send(OTHER_PORT) is MOVED


# --- another SSRC than agreed -----------------------------------------------------------------------------------------


def test_another_ssrc_is_taken_after_a_second_without_the_agreed_one_and_told() -> None:
    subject = Subject()
    assert subject.send(ssrc=100, now=10.0) is REFUSED
    assert subject.send(ssrc=100, now=10.0 + STRANGE_SSRC_S - 0.01) is REFUSED
    assert subject.send(ssrc=100, now=10.0 + STRANGE_SSRC_S) is FIRST
    assert subject.told(OtherSsrc) == [
        OtherSsrc(leg="in", expected=200, got=100, count=1),
        OtherSsrc(leg="in", expected=200, got=100, count=2, taken=True),
    ]
    assert subject.lock.other_ssrc == 2


def test_the_agreed_ssrc_takes_the_lock_back_at_once_from_any_accepted_port() -> None:
    """What a device still sends of a call that is over must not keep the picture of this call out."""
    subject = Subject()
    subject.send(OTHER_PORT, ssrc=100, now=0.0)
    assert subject.send(OTHER_PORT, ssrc=100, now=1.0) is FIRST
    assert subject.send(CAMERA, ssrc=200, now=1.01) is REPLACED
    assert (subject.lock.remote, subject.lock.ssrc) == (CAMERA, 200)
    assert subject.send(OTHER_PORT, ssrc=100, now=1.02) is REFUSED
    assert subject.send(OTHER_PORT, ssrc=100, now=99.0) is REFUSED, "source and SSRC both contradict"


def test_while_the_agreed_ssrc_is_heard_no_other_is_taken() -> None:
    subject = Subject()
    subject.send(CAMERA, now=0.0)
    assert [subject.send(CAMERA, ssrc=100, now=t / 10) for t in range(1, 30)] == [REFUSED] * 29


def test_an_ssrc_changed_in_mid_call_is_taken_from_the_same_sender_after_silence() -> None:
    subject = Subject()
    subject.send(CAMERA, now=0.0)
    assert subject.send(CAMERA, ssrc=100, now=RELOCK_S) is MOVED
    assert subject.send(OTHER_PORT, ssrc=200, now=RELOCK_S) is REPLACED


def test_a_new_connection_with_the_ssrc_taken_before_goes_on_at_once() -> None:
    subject = Subject()
    subject.send(ssrc=100, now=0.0)
    subject.send(ssrc=100, now=1.0)
    subject.lock.release()
    assert subject.send(OTHER_PORT, ssrc=100, now=1.1) is MOVED
    subject.lock.release()
    assert subject.send(THIRD_PORT, ssrc=101, now=1.2) is REFUSED
    assert subject.send(THIRD_PORT, ssrc=101, now=2.2) is MOVED


def test_without_the_tolerance_another_ssrc_is_never_taken_but_told() -> None:
    subject = Subject(any_ssrc=False)
    assert {subject.send(ssrc=100, now=float(t)) for t in range(20)} == {REFUSED}
    assert subject.lock.other_ssrc == 20
    assert subject.told(OtherSsrc) == [OtherSsrc(leg="in", expected=200, got=100, count=1)]


def test_with_any_address_accepted_only_the_right_ssrc_is_latched_to() -> None:
    subject = Subject(accept_from=())
    assert {subject.send(STRANGER, ssrc=100, now=float(t)) for t in range(5)} == {REFUSED}
    assert subject.send(CAMERA) is FIRST
    assert subject.send(STRANGER, ssrc=200) is REFUSED
    assert (subject.lock.foreign, subject.lock.other_ssrc) == (1, 5)


def test_with_any_address_accepted_a_stranger_cannot_take_a_changed_ssrc_back() -> None:
    subject = Subject(accept_from=())
    subject.send(CAMERA, now=0.0)
    assert subject.send(CAMERA, ssrc=100, now=RELOCK_S) is MOVED
    assert subject.send(STRANGER, ssrc=200, now=RELOCK_S) is REFUSED
    assert subject.send(OTHER_PORT, ssrc=200, now=RELOCK_S) is REPLACED


def test_reports_about_strange_ssrcs_and_their_memory_are_bounded() -> None:
    subject = Subject()
    for ssrc in range(2, 50):
        assert subject.send(ssrc=ssrc) is REFUSED
    assert len(subject.told(OtherSsrc)) == 8 and subject.lock.other_ssrc == 48
    assert subject.send(ssrc=49, now=5.0) is REFUSED, "not one of those that are remembered"
    assert subject.send(ssrc=2, now=5.0) is FIRST


# --- no SSRC agreed ---------------------------------------------------------------------------------------------------


def test_without_an_agreed_ssrc_the_first_is_taken_and_a_changed_one_after_silence() -> None:
    subject = Subject(ssrc=None)
    assert subject.send(ssrc=5, now=0.0) is FIRST
    assert subject.send(ssrc=6, now=1.0) is REFUSED
    assert subject.send(ssrc=6, now=4.0) is MOVED
    assert not subject.told(OtherSsrc) and subject.lock.other_ssrc == 1


# --- the port the answer names ----------------------------------------------------------------------------------------


def test_the_port_of_the_answer_wins_over_another_port_with_the_same_ssrc() -> None:
    subject = Subject(expect_port=CAMERA[1])
    assert subject.send(OTHER_PORT) is FIRST, "many devices send from another port than they answered"
    assert subject.send(CAMERA, now=0.1) is REPLACED
    assert subject.send(OTHER_PORT, now=0.2) is REFUSED
    assert subject.send(THIRD_PORT, now=0.2) is REFUSED


def test_without_an_agreed_ssrc_the_port_of_the_answer_still_wins() -> None:
    subject = Subject(ssrc=None, expect_port=CAMERA[1])
    assert subject.send(OTHER_PORT, ssrc=100) is FIRST
    assert subject.send(CAMERA, ssrc=77, now=0.1) is REPLACED


def test_another_ssrc_from_another_port_than_the_answers_is_never_taken() -> None:
    subject = Subject(expect_port=CAMERA[1])
    assert {subject.send(OTHER_PORT, ssrc=100, now=float(t)) for t in range(30)} == {REFUSED}
    assert subject.send(CAMERA, ssrc=100, now=30.0) is REFUSED
    assert subject.send(CAMERA, ssrc=100, now=31.0) is FIRST


def test_the_same_port_at_an_unnamed_address_is_not_the_expected_one() -> None:
    subject = Subject(accept_from=(), expect_port=CAMERA[1])
    subject.send(OTHER_PORT)
    assert subject.send(STRANGER, now=0.1) is REFUSED


# --- the answer -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "loses"),
    [
        ((200, [HOST], None, True), False),
        ((200, [HOST], CAMERA[1], False), False),
        ((None, [HOST], None, True), False),
        ((200, [], None, True), False),
        ((200, ["10.0.0.2"], None, True), True),
        ((201, [HOST], None, True), True),
    ],
)
def test_an_answer_that_contradicts_the_locked_sender_unlocks_it(answer: Any, loses: bool) -> None:
    subject = Subject()
    subject.send()
    assert subject.lock.update(*answer) is loses
    assert (subject.lock.remote, subject.lock.ssrc) == ((None, None) if loses else (CAMERA, 200))


def test_repeating_the_answer_keeps_an_ssrc_taken_by_tolerance_and_ending_the_tolerance_drops_it() -> None:
    subject = Subject()
    subject.send(ssrc=100, now=0.0)
    subject.send(ssrc=100, now=1.0)
    assert not subject.lock.update(200, [HOST], None, True)
    assert subject.lock.update(200, [HOST], None, False)
    assert subject.lock.ssrc is None
