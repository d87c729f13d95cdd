"""How many streams a device sends, learned from its refusals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.device_health.session_limit import Admission, SessionLimits, SessionPolicy, is_busy

NVR = "34020000001110000001"
POLICY = SessionPolicy(lifetime_s=3600, probe_s=600)


@pytest.fixture
def limits() -> SessionLimits:
    return SessionLimits(POLICY, max_devices=2)


@pytest.mark.parametrize(
    ("status", "phrase", "busy"),
    [
        (486, "486 Busy Here", True),
        (480, "480 Max Sessions Reached", True),
        (600, "600 Busy Everywhere", True),
        (480, "480 Temporarily Unavailable", False),
        (404, "404 busy", False),
        (503, "503 Service Unavailable", False),
    ],
)
def test_which_refusals_say_that_no_session_is_left(status: int, phrase: str, busy: bool) -> None:
    assert is_busy(status, phrase) is busy


def test_a_device_that_never_refused_has_no_limit(limits: SessionLimits) -> None:
    assert limits.admit(NVR, 500, None, 0.0) is Admission.FREE and len(limits) == 0


def test_what_it_carried_when_it_refused_is_its_limit(limits: SessionLimits) -> None:
    limits.busy(NVR, 4, 0.0)
    assert limits.admit(NVR, 3, None, 1.0) is Admission.FREE
    assert limits.admit(NVR, 4, None, 1.0) is Admission.REFUSED
    known = limits.learned(NVR, 1.0)
    assert known is not None and known.sessions == 4 and limits.expires_at(known) == 3600


def test_a_refusal_with_nothing_running_teaches_nothing(limits: SessionLimits) -> None:
    limits.busy(NVR, 0, 0.0)
    assert limits.learned(NVR, 0.0) is None


def test_the_operators_word_wins_over_what_was_learned(limits: SessionLimits) -> None:
    limits.busy(NVR, 2, 0.0)
    assert limits.admit(NVR, 5, 6, 1.0) is Admission.FREE
    assert limits.admit(NVR, 6, 6, 1e9) is Admission.REFUSED
    assert limits.admit(NVR, 1, 1, 1.0) is Admission.REFUSED


def test_now_and_then_one_call_more_is_tried(limits: SessionLimits) -> None:
    limits.busy(NVR, 2, 0.0)
    assert limits.admit(NVR, 2, None, 599.0) is Admission.REFUSED
    assert limits.admit(NVR, 2, None, 600.0) is Admission.PROBE
    assert limits.admit(NVR, 2, None, 601.0) is Admission.REFUSED  # one at a time
    limits.busy(NVR, 2, 602.0)
    assert limits.admit(NVR, 2, None, 1201.0) is Admission.REFUSED


def test_a_probe_that_succeeds_raises_the_limit_and_the_next_is_tried_at_once(limits: SessionLimits) -> None:
    limits.busy(NVR, 2, 0.0)
    assert limits.admit(NVR, 2, None, 600.0) is Admission.PROBE
    limits.succeeded(NVR, 3, 601.0)
    known = limits.learned(NVR, 601.0)
    assert known is not None and known.sessions == 3
    assert limits.admit(NVR, 3, None, 602.0) is Admission.PROBE
    limits.succeeded(NVR, 2, 603.0)
    limits.succeeded("another", 9, 603.0)
    assert limits.learned(NVR, 603.0).sessions == 3 and len(limits) == 1  # type: ignore[union-attr]


def test_a_learned_limit_is_forgotten_in_time_or_on_demand(limits: SessionLimits) -> None:
    limits.busy(NVR, 2, 0.0)
    assert limits.learned(NVR, 3600.0) is None and limits.admit(NVR, 2, None, 3600.0) is Admission.FREE
    limits.busy(NVR, 2, 0.0)
    limits.forget(NVR)
    limits.forget(NVR)
    assert len(limits) == 0


def test_no_more_devices_are_remembered_than_allowed(limits: SessionLimits) -> None:
    for name in ("a", "b", "c", "c"):
        limits.busy(name, 1, 0.0)
    assert len(limits) == 2 and limits.learned("a", 0.0) is None


@given(st.integers(1, 8), st.lists(st.tuples(st.booleans(), st.floats(0.1, 900)), max_size=80))
def test_a_device_with_a_hidden_limit_is_rarely_asked_in_vain_and_used_to_the_full(
    hidden: int, wishes: list[tuple[bool, float]]
) -> None:
    limits, now, running, vain = SessionLimits(POLICY), 0.0, 0, list[float]()
    for come, pause in wishes:
        now += pause
        if not come:
            running = max(0, running - 1)
        elif limits.admit(NVR, running, None, now) is not Admission.REFUSED:
            if running < hidden:
                running += 1
                limits.succeeded(NVR, running, now)
            else:
                vain.append(now)
                limits.busy(NVR, running, now)
        else:
            assert running == hidden  # never refused while there was room
    gaps = [later - earlier for earlier, later in zip(vain, vain[1:], strict=False)]
    assert all(gap >= POLICY.probe_s for gap in gaps)
