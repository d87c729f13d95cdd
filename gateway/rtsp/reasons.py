"""The reasons of a source worker in the words of this node."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gateway.errors import Failure, Reason
from gateway.relay.hub import StreamKey
from media.worker.control import PullReason

REASONS: Mapping[PullReason, Reason] = MappingProxyType(
    {
        "connect_refused": Reason.RTSP_REFUSED_CONNECTION,
        "unreachable": Reason.RTSP_UNREACHABLE,
        "not_authorised": Reason.RTSP_REFUSED_PASSWORD,
        "not_found": Reason.RTSP_NO_SUCH_PATH,
        "refused": Reason.RTSP_REFUSED,
        "no_video": Reason.RTSP_NO_VIDEO,
        "codec_not_carried": Reason.RTSP_CODEC_NOT_CARRIED,
        "bad_stream": Reason.RTSP_BAD_STREAM,
        "ended": Reason.RTSP_ENDED,
        "stalled": Reason.RTSP_STALLED,
        "timeout": Reason.RTSP_NO_ANSWER,
        "relay_lost": Reason.WORKER_LOST,
    }
)


def failure_of(key: StreamKey, reason: PullReason, detail: str) -> Failure:
    """Why the camera of a stream gives none."""
    return Failure(REASONS[reason], detail, peer_id=key.peer_id, channel=key.code)
