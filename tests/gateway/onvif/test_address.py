"""Addresses of ONVIF services."""

from __future__ import annotations

import pytest

from gateway.errors import LocalError
from gateway.onvif.address import device_service, host_of, reached

DEVICE = "http://10.0.0.5:8080/onvif/device_service"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (DEVICE, DEVICE),
        (" 10.0.0.5 ", "http://10.0.0.5/onvif/device_service"),
        ("10.0.0.5:8080", "http://10.0.0.5:8080/onvif/device_service"),
        ("https://camera.example/", "https://camera.example/onvif/device_service"),
        ("http://[fe80::1]:80/x?y=1#z", "http://[fe80::1]:80/x?y=1"),
    ],
)
def test_an_address_is_completed_as_people_leave_it_out(text: str, url: str) -> None:
    assert device_service(text) == (url, "", "")


def test_user_and_password_are_taken_out_of_an_address() -> None:
    assert device_service("http://admin:p%40w@10.0.0.5/a") == ("http://10.0.0.5/a", "admin", "p@w")


@pytest.mark.parametrize(
    "text",
    ["", "ftp://10.0.0.5/", "http:///x", "http://a b/", "http://h:99999/", "http://h:0/", "http://摄像机/", "h" * 2000],
)
def test_what_is_no_address_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(LocalError) as refused:
        device_service(text)
    assert not text or text not in str(refused.value)


def test_the_host_of_the_device_service_counts_for_everything_a_camera_names() -> None:
    assert reached("http://192.168.1.9/onvif/media", DEVICE) == "http://10.0.0.5/onvif/media"
    assert reached("rtsp://u:p@192.168.1.9:554/main?x=1", DEVICE) == "rtsp://10.0.0.5:554/main?x=1"
    assert reached("rtsp://192.168.1.9:554/main", DEVICE, other_hosts=True) == "rtsp://192.168.1.9:554/main"
    assert reached("rtsp://a/main", "http://[fe80::1]/x") == "rtsp://[fe80::1]/main"


@pytest.mark.parametrize("url", ["", "nothing", "rtsp://h:x/", "rtsp://h/" + "a" * 3000])
def test_a_camera_that_names_no_address_is_told_apart(url: str) -> None:
    with pytest.raises(LocalError):
        reached(url, DEVICE)


def test_the_host_of_what_is_no_address_is_empty() -> None:
    assert (host_of("http://Camera:80/x"), host_of("rtsp://[::1]/"), host_of("http://[x/")) == ("camera", "::1", "")


def test_what_was_entered_with_tls_is_not_asked_without_it() -> None:
    device = "https://10.0.0.5:8443/onvif/device_service"
    assert reached("http://192.168.1.9/onvif/media", device) == "https://10.0.0.5:8443/onvif/media"
    assert reached("https://192.168.1.9:444/onvif/media", device) == "https://10.0.0.5:444/onvif/media"
    assert reached("rtsp://192.168.1.9:554/main", device) == "rtsp://10.0.0.5:554/main"
    assert reached("http://10.0.0.9/x", device, other_hosts=True) == "http://10.0.0.9/x"
