"""What the operator reads of a registration."""

from __future__ import annotations

from gateway.signalling.uplink_status import CLOSED_AGAIN_HINT, CLOSED_HINT, HINTS, HINTS_ZH, UplinkState, UplinkStatus


def test_a_registration_begins_stopped_and_without_a_problem() -> None:
    status = UplinkStatus()
    assert status.state is UplinkState.STOPPED and status.problem is None and status.trace == []


def test_only_the_last_twenty_steps_are_kept() -> None:
    status = UplinkStatus()
    for n in range(50):
        status.step(str(n))
    assert status.trace == [str(n) for n in range(30, 50)]


def test_every_hint_says_what_to_look_at() -> None:
    assert all(text.endswith(".") for text in (*HINTS.values(), CLOSED_HINT, CLOSED_AGAIN_HINT))
    assert set(HINTS) == {401, 403, 404, 408, 423, 503}


def test_every_hint_is_said_in_chinese_too() -> None:
    assert set(HINTS_ZH) == {*HINTS.values(), CLOSED_HINT, CLOSED_AGAIN_HINT}
    assert all(text.endswith("。") for text in HINTS_ZH.values())
