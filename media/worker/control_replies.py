"""What a worker answers: the value of a command, or why it was refused; the counters of legs, inputs, views and
pulls."""

from __future__ import annotations

from typing import Literal

import msgspec

from media.worker.control_message import Address, ErrorCode, Message, PullReason


class WorkerError(msgspec.Struct, frozen=True):
    """Why a command was refused."""

    code: ErrorCode
    message: str


class LegState(msgspec.Struct, frozen=True):
    """What a new control process must know about something a worker still holds."""

    leg: str
    kind: Literal["source", "sink", "input", "view", "pull"]
    transport: str = ""
    bind: str = ""
    port: int = 0
    rtcp_port: int | None = None
    source: str | None = None
    ssrc: int | None = None
    started: bool = False
    remote: Address | None = None


class HelloReply(Message, frozen=True):
    """Who the worker is and what it holds. ``http_port`` is where a stream worker serves its viewers."""

    kind: Literal["relay", "stream", "source"]
    pid: int
    name: str
    epoch: int
    legs: list[LegState]
    http_port: int = 0


class Opened(Message, frozen=True):
    """The bound local port(s)."""

    port: int
    rtcp_port: int | None = None


class SnapshotTaken(Message, frozen=True):
    """One picture. ``pts`` in 90 kHz."""

    jpeg: bytes
    width: int
    height: int
    codec: str
    pts: int


class LegStats(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of one relay leg since it was opened. Fields of the other kind of leg stay at their default.

    ``lost``: sequence numbers that never came (source), or packets that could not be sent (sink: ``dropped``).
    ``foreign``: packets or connections from an address that is not allowed; ``other_ssrc``: held back for their SSRC;
    ``not_rtp``: RTCP, STUN, keep-alives and rubbish. ``cached``: bytes in the GOP cache.
    """

    leg: str
    kind: Literal["source", "sink"]
    transport: str
    packets: int = 0
    bytes: int = 0
    lost: int = 0
    reordered: int = 0
    restarts: int = 0
    foreign: int = 0
    other_ssrc: int = 0
    not_rtp: int = 0
    dropped: int = 0
    queued: int = 0
    cached: int = 0
    first_packet_at: float | None = None
    first_key_at: float | None = None
    last_packet_at: float | None = None
    ssrc: int | None = None
    payload_type: int | None = None
    remote: Address | None = None
    state: str = ""
    next_sequence: int | None = None
    source: str | None = None


class InputStats(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of one input of a stream worker. ``connected``: the relay's connection stands and has sent RTP;
    ``refused``: connections closed because they were not it (another SSRC, or one beside the one that stands)."""

    input: str
    connected: bool
    packets: int = 0
    bytes: int = 0
    lost: int = 0
    units: int = 0
    damaged: int = 0
    fragments: int = 0
    video_codec: str | None = None
    audio_codec: str | None = None
    width: int = 0
    height: int = 0
    last_packet_at: float | None = None
    refused: int = 0


class ViewStats(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of one view: viewers now and since it was opened, bytes sent, fragments a slow viewer missed."""

    view: str
    input: str
    viewers: int = 0
    joined: int = 0
    bytes: int = 0
    dropped: int = 0


class StreamStats(Message, frozen=True):
    """The counters of a stream worker."""

    inputs: list[InputStats]
    views: list[ViewStats]


class PullStats(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of one pull. ``state``: opening, up, waiting (for its next attempt) or over. ``skipped``: units left out
    because they are of no use (before the first key frame, without a time, sound we do not carry)."""

    leg: str
    state: str
    attempts: int = 0
    units: int = 0
    skipped: int = 0
    packets: int = 0
    bytes: int = 0
    video_codec: str | None = None
    audio_codec: str | None = None
    up_since: float | None = None
    last_unit_at: float | None = None
    reason: PullReason | None = None


class SourceStats(Message, frozen=True):
    """The counters of a source worker."""

    pulls: list[PullStats]


class Probed(Message, frozen=True):
    """What an RTSP camera answered to DESCRIBE: ``reason`` None means that it offers a stream we carry."""

    reason: PullReason | None = None
    detail: str = ""
    video_codec: str | None = None
    audio_codec: str | None = None


Value = HelloReply | Opened | SnapshotTaken | StreamStats | SourceStats | Probed | list[LegStats] | None


class Reply(Message, frozen=True):
    """The answer to the command with the same ``seq``: a value when ``ok``, else an error."""

    seq: int
    ok: bool
    error: WorkerError | None = None
    value: Value = None
