"""What commands give away of themselves."""

from __future__ import annotations

from media.worker.control import OpenPull, ProbeSource


def test_a_command_with_a_password_shows_it_to_nobody() -> None:
    pull = OpenPull(leg="p", url="rtsp://192.0.2.1/", ssrc=1, destination=("127.0.0.1", 1), password="s3cret")
    probe = ProbeSource(url="rtsp://192.0.2.1/", username="u", password="s3cret")
    for command in (pull, probe):
        assert "rtsp://192.0.2.1/" in repr(command)
        assert "s3cret" not in repr(command) and "s3cret" not in str(command) and "s3cret" not in f"{[command]}"
