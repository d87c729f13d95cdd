"""Wire events."""

from __future__ import annotations

import dataclasses

import pytest

from sip.aio.wire import WireEvent
from sip.peer import Peer


def test_a_wire_event_cannot_be_changed() -> None:
    event = WireEvent("<", Peer("UDP", "192.0.2.1", 5060), ("192.0.2.9", 5060), b"x", 1.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.data = b"y"  # type: ignore[misc]
