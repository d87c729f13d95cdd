"""What transactions report."""

from __future__ import annotations

import dataclasses
from typing import get_args

from sip.errors import ParseError
from sip.peer import Peer
from sip.transaction import events


def test_every_event_class_is_part_of_event() -> None:
    classes = {value for value in vars(events).values() if dataclasses.is_dataclass(value)}
    assert classes == set(get_args(events.Event))
    assert all("__slots__" in vars(found) for found in classes)


def test_a_malformed_message_is_reported_with_its_source_and_fault() -> None:
    error = ParseError("CSeq", "not a number and a method", "x")
    event = events.MalformedReceived(Peer("UDP", "192.0.2.1", 5060), error, answered=True)
    assert (event.source.host, event.error.where, event.answered) == ("192.0.2.1", "CSeq", True)
