"""Who connects, for every pair of setup lines."""

from __future__ import annotations

import pytest

from sip.sdp_setup import WHO_CONNECTS, Connecting, answer_setup, is_usable_port, who_connects


@pytest.mark.parametrize(
    ("offered", "answered", "first", "fallback"),
    [
        ("passive", "active", "answerer", None),
        ("active", "passive", "offerer", None),
        ("passive", None, "answerer", None),
        (None, None, "answerer", None),
        (None, "active", "answerer", None),
        (None, "passive", "answerer", "offerer"),
        ("passive", "passive", "answerer", "offerer"),
        ("active", "active", "offerer", "answerer"),
        ("active", None, "offerer", "answerer"),
        ("actpass", "active", "answerer", None),
        ("actpass", "passive", "offerer", None),
        ("actpass", None, "answerer", None),
        ("holdconn", "actpass", "answerer", None),
    ],
)
def test_the_setup_table(offered: str | None, answered: str | None, first: str, fallback: str | None) -> None:
    decided = who_connects(offered, answered)
    assert (decided.first, decided.fallback) == (first, fallback)


def test_the_table_is_complete() -> None:
    assert set(WHO_CONNECTS) == {
        (o, a) for o in ("active", "passive", "actpass", None) for a in ("active", "passive", None)
    }


def test_an_echoed_passive_is_dialled_only_after_two_seconds_of_silence() -> None:
    assert who_connects("passive", "passive").fallback_after_s == 2.0


def test_without_setup_the_device_connects_also_when_it_is_the_offerer() -> None:
    assert who_connects(None, "passive", offerer_is_device=True) == Connecting("offerer")
    assert who_connects(None, "active", offerer_is_device=True) == Connecting("offerer", "answerer")


@pytest.mark.parametrize(
    ("offered", "answer"),
    [("passive", "active"), ("active", "passive"), ("actpass", "active"), (None, "active"), ("holdconn", "active")],
)
def test_an_answer_takes_the_other_role(offered: str | None, answer: str) -> None:
    assert answer_setup(offered) == answer


def test_ports_0_and_9_are_placeholders() -> None:
    assert [is_usable_port(p) for p in (0, 9, 1024, 65535, 65536)] == [False, False, True, True, False]
