"""Addresses of RTSP streams, and the logins people write into them."""

from __future__ import annotations

import pytest

from media.errors import LocalError
from media.rtsp.address import MAX_LENGTH, RtspAddress, split


@pytest.mark.parametrize(
    ("text", "host", "port", "path"),
    [
        ("rtsp://192.0.2.1/live", "192.0.2.1", 554, "/live"),
        ("RTSP://Camera.example:8554/a/b?channel=1&subtype=0", "camera.example", 8554, "/a/b?channel=1&subtype=0"),
        ("rtsp://[2001:db8::7]:554/", "2001:db8::7", 554, "/"),
        ("  rtsp://192.0.2.1  ", "192.0.2.1", 554, ""),
    ],
)
def test_an_address_is_host_port_and_path(text: str, host: str, port: int, path: str) -> None:
    assert RtspAddress.parse(text) == RtspAddress(host, port, path)


def test_the_usual_port_is_not_written() -> None:
    assert str(RtspAddress.parse("rtsp://192.0.2.1:554/x")) == "rtsp://192.0.2.1/x"
    assert str(RtspAddress("2001:db8::7", 8554, "/x")) == "rtsp://[2001:db8::7]:8554/x"


def test_user_and_password_are_taken_out_of_what_people_write() -> None:
    address, user, password = split("rtsp://admin:p%40ss%3Aw@192.0.2.1/live")
    assert (str(address), user, password) == ("rtsp://192.0.2.1/live", "admin", "p@ss:w")
    assert split("rtsp://192.0.2.1/live")[1:] == ("", "")


def test_they_are_written_back_so_that_no_character_breaks_the_address() -> None:
    address = RtspAddress("192.0.2.1", 554, "/live")
    assert address.with_login("a/b", "p@ss:w/?#") == "rtsp://a%2Fb:p%40ss%3Aw%2F%3F%23@192.0.2.1/live"
    assert address.with_login("", "") == "rtsp://192.0.2.1/live"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("http://192.0.2.1/s3cret", "begins with rtsp://"),
        ("rtsp:///s3cret", "names no host"),
        ("rtsp://192.0.2.1:0/s3cret", "port 0"),
        ("rtsp://192.0.2.1:99999/s3cret", "no address"),
        ("rtsp://[::1/s3cret", "no address"),
        ("rtsp://192.0.2.1/s3cret \r\nX: y", "no spaces"),
        ("rtsp://192.0.2.1/门s3cret", "beyond ASCII"),
        ("rtsp://192.0.2.1/" + "s3cret" * MAX_LENGTH, "at most"),
        ("rtsp://admin:s3cret@192.0.2.1/", "do not belong"),
    ],
)
def test_what_is_no_address_is_refused_without_being_repeated(text: str, problem: str) -> None:
    with pytest.raises(LocalError, match=problem) as refused:
        RtspAddress.parse(text)
    assert "s3cret" not in str(refused.value)
