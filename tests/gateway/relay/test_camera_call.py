"""Calls over GB/T 28181 and over RTSP are the same to the node."""

from __future__ import annotations

import pytest

from gateway.relay.camera_call import CameraCall, CameraTarget
from gateway.rtsp.call import RtspCall
from gateway.rtsp.target import RtspTarget
from gateway.signalling.call_environment import LowerTarget
from gateway.signalling.lower_call import LowerCall

INSTANCE = {"id", "key", "target", "ssrc", "established", "route_path"}
"""What a call has from when it is made."""


def names(protocol: type) -> set[str]:
    return {name for name in vars(protocol) if not name.startswith("_")}


@pytest.mark.parametrize("call", [LowerCall, RtspCall])
def test_each_kind_of_call_has_what_the_node_needs_of_one(call: type) -> None:
    assert names(CameraCall) - INSTANCE <= set(dir(call))


@pytest.mark.parametrize("target", [LowerTarget, RtspTarget])
def test_each_kind_of_target_says_where_and_how(target: type) -> None:
    assert names(CameraTarget) <= set(dir(target)) | set(target.__dataclass_fields__)
