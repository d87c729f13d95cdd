"""The sessions of a device as the calls meet them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from gateway.device_health.session_limit import SessionLimits, SessionPolicy
from gateway.errors import Failure, Reason
from gateway.relay.hub import StreamKey
from gateway.signalling.call_environment import LowerTarget
from gateway.signalling.device_sessions import DeviceSessions
from sip import Peer
from tests.gateway.signalling.raw import Clock

NVR = "34020000001110000001"
TARGET = LowerTarget(StreamKey(NVR, "34020000001320000001"), Peer("UDP", "192.0.2.1", 5060), "udp")
BUSY = Failure(Reason.REJECTED, "486 Busy Here", code=486)


@pytest.fixture
def sessions(clock: Clock) -> DeviceSessions:
    return DeviceSessions(SessionLimits(SessionPolicy(lifetime_s=3600, probe_s=600)), clock)


def test_a_device_that_said_busy_is_not_called_in_vain_again(sessions: DeviceSessions, clock: Clock) -> None:
    assert sessions.admits(TARGET, 4)
    sessions.failed(TARGET, BUSY, 4)
    assert sessions.admits(TARGET, 3) and not sessions.admits(TARGET, 4)
    refusal = sessions.refusal(TARGET)
    assert refusal.reason is Reason.DEVICE_SESSIONS_USED and refusal.peer_id == NVR
    assert "it refused more than 4 before" in refusal.message and "超过 4 路" in refusal.message_zh
    assert refusal.words.hint
    clock.now += 600
    with capture_logs() as logs:
        assert sessions.admits(TARGET, 4)
    assert [one["event"] for one in logs] == ["one session more is tried"]
    sessions.succeeded(TARGET, 5)
    assert sessions.admits(TARGET, 4)
    sessions.forget(NVR)
    assert sessions.limits.learned(NVR, clock.now) is None


@pytest.mark.parametrize(
    ("failure", "platform"),
    [
        (Failure(Reason.REJECTED, "480 Temporarily Unavailable", code=480), False),
        (Failure(Reason.NO_ANSWER), False),
        (Failure(Reason.REJECTED, "486 Busy Here"), False),
        (BUSY, True),
    ],
)
def test_what_says_nothing_of_sessions_teaches_nothing(
    sessions: DeviceSessions, failure: Failure, platform: bool
) -> None:
    sessions.failed(replace(TARGET, platform=platform), failure, 4)
    assert sessions.admits(TARGET, 4) and sessions.refusal(TARGET).detail == ""


def test_the_limit_set_by_hand_wins_and_is_named(sessions: DeviceSessions) -> None:
    sessions.failed(TARGET, BUSY, 1)
    by_hand = replace(TARGET, max_sessions=3)
    assert sessions.admits(by_hand, 2) and not sessions.admits(by_hand, 3)
    assert "max_sessions is 3" in sessions.refusal(by_hand).message
    assert "max_sessions 为 3" in sessions.refusal(by_hand).message_zh
