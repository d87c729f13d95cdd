"""What is known of a camera that is called, as it is shown."""

from __future__ import annotations

from gateway.errors import Failure, Reason
from gateway.rtsp.state import CameraDetails, SourceState


def test_a_camera_nobody_has_asked_is_unknown_and_has_every_key() -> None:
    shown = SourceState().to_json()
    assert shown["state"] == "unknown" and shown["checked_at"] is None and shown["step"] == shown["warning"] == ""
    assert shown["manufacturer"] is shown["clock_offset_s"] is shown["video_codec"] is None


def test_a_failure_is_shown_in_its_words() -> None:
    shown = SourceState(False, Failure(Reason.ONVIF_REFUSED, "why", detail_zh="为何")).to_json()
    assert (shown["state"], shown["step"]) == ("offline", "onvif_refused")
    assert shown["message"].endswith("why") and shown["message_zh"].endswith("为何") and shown["hint"]


def test_what_an_onvif_camera_says_of_itself_is_shown() -> None:
    details = CameraDetails("Acme", "D-7", "1.0", "42", -63_072_000.04, "Its clock is off.", "时钟偏差")
    shown = SourceState(True, None, 5.0, "H265", "AAC", details).to_json()
    assert (shown["state"], shown["checked_at"], shown["audio_codec"]) == ("online", 5.0, "AAC")
    assert (shown["manufacturer"], shown["model"], shown["firmware"], shown["serial"]) == ("Acme", "D-7", "1.0", "42")
    assert shown["clock_offset_s"] == -63_072_000.0 and shown["warning"] and shown["warning_zh"]
