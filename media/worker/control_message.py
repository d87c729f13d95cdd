"""What every message of the control channel is made of: the base types, and the words its fields are written in."""

from __future__ import annotations

from typing import Literal

import msgspec

Address = tuple[str, int]
Ports = tuple[int, int]
"""The first and the last port of a range."""
Transport = Literal["udp", "tcp_passive", "tcp_active"]
PullTransport = Literal["tcp", "udp"]
PullReason = Literal[
    "connect_refused",
    "unreachable",
    "not_authorised",
    "not_found",
    "refused",
    "no_video",
    "codec_not_carried",
    "bad_stream",
    "ended",
    "stalled",
    "timeout",
    "relay_lost",
]
"""Why an RTSP camera gives no stream: nobody listens at its port; it cannot be reached; it refuses the password, the
path, or the request for another reason; it offers no video, or none we carry; what it sends is not what it said; it
ended the stream; it sends nothing any more; it does not answer; our own relay is gone."""
ErrorCode = Literal[
    "no_such_leg",
    "no_such_input",
    "no_such_view",
    "no_such_pull",
    "no_picture",
    "port_in_use",
    "no_port",
    "bad_address",
    "connect_failed",
    "limit",
    "bad_request",
    "stale_epoch",
]
StalledStep = Literal["no_packet", "no_ps", "no_key_frame", "undecodable"]


class Message(msgspec.Struct, tag_field="t", tag=True, frozen=True, kw_only=True):
    """Whatever travels in one frame."""


class Command(Message, frozen=True, kw_only=True):
    """Something the control process wants done; answered by exactly one `Reply` with the same ``seq``."""

    seq: int = 0


class Event(Message, frozen=True, kw_only=True):
    """Something that happened in a worker, told without being asked."""
