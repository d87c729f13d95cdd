"""What every message of the control channel is made of: the base types, and the words its fields are written in."""

from __future__ import annotations

from typing import Literal

import msgspec

Address = tuple[str, int]
Transport = Literal["udp", "tcp_passive", "tcp_active"]
ErrorCode = Literal[
    "no_such_leg",
    "no_such_input",
    "no_such_view",
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
