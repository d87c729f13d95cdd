"""What an RTSP camera is when nothing is said."""

from __future__ import annotations

from interop.rtsp.settings import Fault, RtspSettings


def test_a_camera_is_well_open_and_carries_both_transports_unless_told_otherwise() -> None:
    settings = RtspSettings()
    assert settings.fault is Fault.NONE
    assert not settings.username
    assert settings.transports == {"TCP", "UDP"}
    assert [stream.path for stream in settings.streams] == ["/live"]


def test_a_password_is_never_shown() -> None:
    assert "s3cret" not in repr(RtspSettings(username="u", password="s3cret"))
