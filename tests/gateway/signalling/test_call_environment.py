from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from gateway.relay.hub import StreamKey
from gateway.signalling.call_environment import MEDIA_SOURCE_ANY, SSRC_ANY, CallEnvironment, LowerTarget
from sip.aio import Peer


def test_a_target_is_strict_unless_its_peer_has_a_tolerance() -> None:
    target = LowerTarget(
        StreamKey("34020000001110000001", "34020000001320000001"), Peer("UDP", "192.0.2.7", 5060), "udp"
    )
    assert (target.any_source, target.any_ssrc, target.platform) == (False, False, False)
    with pytest.raises(FrozenInstanceError):
        target.any_source = True  # type: ignore[misc]


def test_the_tolerances_have_names_of_their_own() -> None:
    assert MEDIA_SOURCE_ANY != SSRC_ANY


def test_every_duration_says_its_unit() -> None:
    numbers = [field.name for field in fields(CallEnvironment) if field.type == "float"]
    assert numbers
    assert all(name.endswith("_s") for name in numbers)
