"""Why a pull ended, told from what FFmpeg or a socket raised. No text of theirs goes on: it can hold the password."""

from __future__ import annotations

import av.error

from media.errors import RemoteError
from media.worker.control import PullReason


class PullEnded(Exception):
    """The stream of a camera ended, or never began."""

    def __init__(self, reason: PullReason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason: PullReason = reason
        self.detail = detail


_KINDS: tuple[tuple[type[BaseException], PullReason, str], ...] = (
    (av.error.HTTPUnauthorizedError, "not_authorised", "401 Unauthorized"),
    (av.error.HTTPForbiddenError, "not_authorised", "403 Forbidden"),
    (av.error.HTTPNotFoundError, "not_found", "404 Not Found"),
    (av.error.HTTPClientError, "refused", "the camera refused the request"),
    (av.error.HTTPServerError, "refused", "the camera has a fault of its own"),
    (ConnectionRefusedError, "connect_refused", ""),
    (ConnectionError, "ended", "the connection was cut"),
    (TimeoutError, "timeout", ""),
    (av.error.ExitError, "timeout", ""),
    (av.error.EOFError, "ended", ""),
    (av.error.ProtocolNotFoundError, "refused", "the transport is not supported"),
    (av.error.InvalidDataError, "bad_stream", "what it sends is no RTSP stream"),
    (RemoteError, "bad_stream", ""),
    (OSError, "unreachable", ""),
)
"""The first that fits decides; the FFmpeg errors are subclasses of Python's where there is such a one."""


def ended_by(error: BaseException, *, running: bool) -> PullEnded:
    """The reason behind ``error``. ``running``: the stream was there, so that waiting in vain means it stalled."""
    if isinstance(error, PullEnded):
        return error
    for kind, reason, detail in _KINDS:
        if isinstance(error, kind):
            if reason == "timeout" and running:
                return PullEnded("stalled")
            return PullEnded(reason, detail or _plain(error))
    return PullEnded("bad_stream", type(error).__name__)


def _plain(error: BaseException) -> str:
    """The system's words for an error number, which hold no address."""
    if isinstance(error, RemoteError):
        return error.what
    words = getattr(error, "strerror", None)
    return str(words) if words else ""
