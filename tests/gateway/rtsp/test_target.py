"""Where an RTSP camera's stream is to be had, and the channel it appears as."""

from __future__ import annotations

import pytest

from gateway.relay.hub import StreamKey
from gateway.rtsp.target import RtspTarget, derived_channel_id, item_of, settled
from gateway.secrets import Secret
from gateway.store.devices import Device

CAMERA = Device(
    "34010200001110000001",
    name="东门",
    kind="rtsp",
    url="rtsp://192.0.2.1:8554/live",
    username="u",
    password=Secret("s3cret"),
    channel_id="34010200001320000009",
    rtsp_transport="udp",
)


def test_a_target_is_what_is_configured_and_shows_no_password() -> None:
    target = RtspTarget.of(CAMERA)
    assert target.key == StreamKey(CAMERA.id, "34010200001320000009")
    assert (target.peer, target.remote, target.transport) == ("rtsp://192.0.2.1:8554", ("192.0.2.1", 8554), "rtsp_udp")
    assert target.password.reveal() == "s3cret" and "s3cret" not in f"{target} {target!r}"


@pytest.mark.parametrize(
    ("device", "channel"),
    [
        ("34010200001110000001", "34010200001320000001"),
        ("34010200001310000001", "34010200001320000001"),
        ("34010200001320000001", "34010200001310000001"),
    ],
)
def test_the_channel_of_a_camera_is_a_code_of_its_own(device: str, channel: str) -> None:
    assert derived_channel_id(device) == channel
    assert settled(Device(device, kind="rtsp")).channel_id == channel


def test_a_channel_that_was_given_stays_and_others_have_none() -> None:
    assert settled(CAMERA) is CAMERA
    assert settled(Device(CAMERA.id)).channel_id == ""


def test_the_channel_hangs_below_its_device_under_its_name() -> None:
    item = item_of(CAMERA)
    assert (item.code, item.peer_id, item.name) == (CAMERA.channel_id, CAMERA.id, "东门")
    assert (item.civil_code, item.parent_ids, item.parental, item.status) == ("340102", (CAMERA.id,), False, "ON")
    assert not item.ip_address and item.port is None
    assert item_of(Device(CAMERA.id, kind="rtsp", channel_id=CAMERA.channel_id)).name == CAMERA.channel_id


def test_a_password_in_the_path_is_no_part_of_the_address_in_words() -> None:
    target = RtspTarget(StreamKey("a", "b"), "rtsp://192.0.2.1/user=admin_password=s3cret?pwd=s3cret")
    assert target.peer == "rtsp://192.0.2.1" and "s3cret" not in target.peer
    assert RtspTarget(StreamKey("a", "b"), "rtsp://u:s3cret@/").peer == "no address"
