"""What the operator reads of a registration."""

from __future__ import annotations

from gateway.signalling.said import Said
from gateway.signalling.uplink_status import MOST_STEPS, UplinkState, UplinkStatus
from gateway.signalling.uplink_words import HINTS


def test_a_registration_begins_stopped_and_without_a_problem() -> None:
    status = UplinkStatus()
    assert status.state is UplinkState.STOPPED and status.problem is None and not status.trace
    shown = status.to_json()
    assert (shown["state"], shown["problem"], shown["problem_zh"], shown["hint_zh"]) == ("stopped", None, None, None)


def test_only_the_last_twenty_steps_are_kept() -> None:
    status = UplinkStatus()
    for n in range(50):
        status.step(n, Said(str(n), str(n)))
    assert [step.at for step in status.trace] == list(range(50 - MOST_STEPS, 50))


def test_a_problem_what_to_do_about_it_and_every_step_are_shown_in_both_languages() -> None:
    status = UplinkStatus(problem=Said("403 Forbidden", "403 禁止"), hint=HINTS[403])
    status.step(12.5, Said("failed: 403 Forbidden", "失败：403 禁止"), failed=True)
    shown = status.to_json()
    assert (shown["problem"], shown["problem_zh"]) == ("403 Forbidden", "403 禁止")
    assert "refuses this id" in shown["hint"] and "拒绝此编码" in shown["hint_zh"]
    step = {"at": 12.5, "message": "failed: 403 Forbidden", "message_zh": "失败：403 禁止", "failed": True}
    assert shown["steps"] == [step]
