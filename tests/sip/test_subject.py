"""The Subject header names the stream an INVITE means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.subject import Subject

LIVE = "34020000001320000001:0200000001,34020000002000000001:0"


def test_the_usual_form_is_read_and_written() -> None:
    subject = Subject.parse(LIVE)
    assert subject == Subject("34020000001320000001", "0200000001", "34020000002000000001", "0")
    assert str(subject) == LIVE


def test_a_sender_sequence_beginning_with_1_is_history() -> None:
    assert Subject("34", "1200000001").is_history
    assert not Subject("34", "0200000001").is_history


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" 34 : 02 , 35 : 1 ", Subject("34", "02", "35", "1")),
        ("34:02", Subject("34", "02", "", "")),
        ("34,35", Subject("34", "", "35", "")),
        ("34", Subject("34", "", "", "")),
        ("34:0:9,35:0", Subject("34", "0:9", "35", "0")),
    ],
)
def test_incomplete_forms_are_read_as_far_as_they_go(text: str, expected: Subject) -> None:
    assert Subject.parse(text) == expected


@pytest.mark.parametrize("text", [None, "", " ", ",35:0", ":0,35:0", "3" * 600])
def test_without_a_sender_there_is_no_subject(text: str | None) -> None:
    assert Subject.parse(text) is None


@given(st.text())
def test_no_text_makes_it_fail(text: str) -> None:
    Subject.parse(text)
