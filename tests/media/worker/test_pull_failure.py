"""Why a pull ended, told from what was raised."""

from __future__ import annotations

import errno

import av.error
import pytest

from media.errors import RemoteError
from media.worker.pull_failure import PullEnded, ended_by

URL = "rtsp://admin:s3cret@192.0.2.1/live"


def ffmpeg(kind: type[av.error.FFmpegError]) -> av.error.FFmpegError:
    return kind(1, "it failed", URL)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ffmpeg(av.error.HTTPUnauthorizedError), "not_authorised"),
        (ffmpeg(av.error.HTTPForbiddenError), "not_authorised"),
        (ffmpeg(av.error.HTTPNotFoundError), "not_found"),
        (ffmpeg(av.error.HTTPOtherClientError), "refused"),
        (ffmpeg(av.error.HTTPServerError), "refused"),
        (ffmpeg(av.error.ConnectionRefusedError), "connect_refused"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "connect_refused"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "ended"),
        (ffmpeg(av.error.ExitError), "timeout"),
        (TimeoutError(), "timeout"),
        (ffmpeg(av.error.EOFError), "ended"),
        (ffmpeg(av.error.ProtocolNotFoundError), "refused"),
        (ffmpeg(av.error.InvalidDataError), "bad_stream"),
        (RemoteError("PES", "length is wrong"), "bad_stream"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "unreachable"),
        (ffmpeg(av.error.DecoderNotFoundError), "bad_stream"),
    ],
)
def test_each_error_has_its_reason_and_none_gives_the_password_away(error: BaseException, reason: str) -> None:
    ended = ended_by(error, running=False)
    assert ended.reason == reason
    assert "s3cret" not in str(ended) and "s3cret" not in ended.detail


def test_waiting_in_vain_for_a_running_stream_means_that_it_stalled() -> None:
    assert ended_by(TimeoutError(), running=True).reason == "stalled"
    assert ended_by(ffmpeg(av.error.ExitError), running=True).reason == "stalled"


def test_what_is_known_already_stays_as_it_is() -> None:
    known = PullEnded("no_video", "the stream has no video")
    assert ended_by(known, running=True) is known
    assert str(known) == "no_video: the stream has no video" and str(PullEnded("ended")) == "ended"


def test_the_words_of_the_system_are_kept() -> None:
    assert ended_by(OSError(errno.EHOSTUNREACH, "No route to host"), running=False).detail == "No route to host"
    assert ended_by(RemoteError("PES", "length is wrong"), running=False).detail == "length is wrong"
