from __future__ import annotations

from gateway.operations.checks.finding import Level, ok, problem, warning, worst


def test_the_worst_finding_is_the_outcome() -> None:
    assert worst([]) == 0
    assert worst([ok("a", "b"), warning("a", "b", "c")]) is Level.WARNING == 1
    assert worst([problem("a", "b", "c"), ok("a", "b")]) is Level.PROBLEM == 2


def test_a_finding_is_told_with_what_to_change() -> None:
    told = problem("disk", "full", "make room").as_dict()
    assert told == {"level": "problem", "subject": "disk", "text": "full", "change": "make room"}
