"""Encoders and sources as trees."""

from __future__ import annotations

from dataclasses import replace

from interop.onvif import encodings
from interop.onvif.settings import VideoSource
from interop.onvif.state import CameraState, SourceState
from tests.interop.onvif.conftest import FIXED, MAIN, SETTINGS, SUB, THERMAL, URIS, Found


def test_an_h264_encoder_of_media_has_its_gop_and_whole_rates() -> None:
    found = Found(encodings.encoder("trt:Configurations", SUB))
    assert (found.one("tt:H264/tt:GovLength"), found.one("tt:RateControl/tt:FrameRateLimit")) == ("25", "12")
    assert Found(encodings.encoder("trt:Configurations", THERMAL)).all("tt:H264") == []


def test_an_encoder_of_media2_has_its_gop_as_attribute_and_its_exact_rate() -> None:
    found = Found(encodings.encoder2("tr2:Configurations", SUB))
    assert (found.one("@GovLength"), found.one(".//tt:FrameRateLimit")) == ("25", "12.5")
    assert Found(encodings.encoder2("tr2:Configurations", MAIN)).one("tt:Encoding") == "H265"
    assert Found(encodings.encoder2("tr2:Configurations", THERMAL)).all("@GovLength") == []


def test_the_sensor_is_as_large_as_its_largest_profile(camera_state: CameraState) -> None:
    assert encodings.size_of(camera_state.source("lens_1")) == (3840, 2160)
    assert encodings.size_of(SourceState(VideoSource("blind", ()), SETTINGS)) == (1920, 1080)
    found = Found(encodings.source_configuration("trt:Configurations", camera_state.source("lens_1")))
    assert (found.one("@token"), found.one("tt:SourceToken"), found.one("tt:Bounds/@width")) == (
        "config_lens_1", "lens_1", "3840",
    )  # fmt: skip


def test_only_a_movable_source_has_a_ptz_configuration(camera_state: CameraState) -> None:
    assert encodings.ptz_configuration("tr2:PTZ", camera_state.source("lens_2"), camera_state) is None
    found = encodings.ptz_configuration("tr2:PTZ", camera_state.source("lens_1"), camera_state)
    assert found is not None and found.tag == f"{{{URIS['tr2']}}}PTZ"


def test_a_camera_behind_nat_names_its_inner_address(camera_state: CameraState) -> None:
    assert encodings.stream_uri(MAIN, camera_state) == "rtsp://127.0.0.1:8554/main"
    inner = CameraState(replace(SETTINGS, stream_uri_host="192.168.1.64"), camera_state.clock)
    assert encodings.stream_uri(MAIN, inner) == "rtsp://192.168.1.64:8554/main"
    assert encodings.stream_uri(FIXED.profiles[0], inner) == "rtsp://192.168.1.64/thermal"


def test_tokens_and_the_place_of_a_snapshot() -> None:
    assert encodings.encoder_token(MAIN) == "encoder_main"
    assert encodings.snapshot_uri(MAIN, "http://127.0.0.1:80") == "http://127.0.0.1:80/onvif/snapshot/main"
