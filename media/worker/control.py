"""The control channel between the control process and one media worker: every message and its wire form.

Transport: a unix stream socket (mode 0600) that the worker listens on. A frame is a 4-byte big-endian length followed
by one msgpack map, tagged in field ``t``. One control connection at a time; a `Hello` whose epoch is at least the
current one takes the worker over, and the older connection is closed.

Times are unix seconds, durations seconds, addresses ``(host, port)``. Legs, inputs and views carry ids that the
control process chooses; repeating a command with the same content is answered the same way and changes nothing.
"""

from __future__ import annotations

import struct
from typing import Literal

import msgspec

MAX_FRAME = 8 * 1024 * 1024
"""Largest frame, bytes, in either direction."""

_LENGTH = struct.Struct("!I")

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


class ControlError(Exception):
    """The other side of the control channel broke its framing or sent something that is no message."""

    def __init__(self, what: str, value: str = "") -> None:
        super().__init__(f"{what}: {value}" if value else what)
        self.what = what
        self.value = value


class Message(msgspec.Struct, tag_field="t", tag=True, frozen=True, kw_only=True):
    """Whatever travels in one frame."""


class Command(Message, frozen=True, kw_only=True):
    """Something the control process wants done; answered by exactly one `Reply` with the same ``seq``."""

    seq: int = 0


class Event(Message, frozen=True, kw_only=True):
    """Something that happened in a worker, told without being asked."""


# --- commands to either kind of worker ------------------------------------------------------------------------------


class Hello(Command, frozen=True):
    """Take the worker over. ``epoch`` grows with every start of the control process; a lower one is refused."""

    epoch: int
    name: str


class Stats(Command, frozen=True):
    """Ask for the counters of all legs (relay) or of all inputs and views (stream)."""


class Drain(Command, frozen=True):
    """Refuse new legs from now on and exit when the last one is closed."""


class Shutdown(Command, frozen=True):
    """Close everything and exit."""


# --- commands to a relay worker -------------------------------------------------------------------------------------


class OpenSource(Command, frozen=True):
    """Open the receiving leg of one call; its socket is bound (and listening) before the reply.

    ``accept_from``: IP addresses media may come from; empty: the first sender with the right SSRC is locked to.
    ``port``: a wanted local RTP port (a restarted worker takes its old one again), None: any of the range.
    """

    leg: str
    transport: Transport
    bind: str
    ssrc: int | None = None
    accept_from: list[str] = msgspec.field(default_factory=list)
    gop_cache: bool = True
    port: int | None = None


class UpdateSource(Command, frozen=True):
    """What the answer said: the SSRC, the addresses to accept, and for ``tcp_active`` where to connect, now."""

    leg: str
    ssrc: int | None
    accept_from: list[str]
    remote: Address | None = None


class OpenSink(Command, frozen=True):
    """Open a sending leg fed by a source. ``payload_type`` None keeps what comes in.

    ``first_sequence``: where the outgoing RTP sequence starts (None: random); see `LegStats.next_sequence`.
    """

    leg: str
    source: str
    transport: Transport
    bind: str
    ssrc: int
    payload_type: int | None = None
    port: int | None = None
    first_sequence: int | None = None


class StartSink(Command, frozen=True):
    """Begin to send, at a key frame: to ``remote`` (udp), after connecting to it (tcp_active), or over the connection
    accepted from one of ``accept_from`` (tcp_passive; empty: the first that comes)."""

    leg: str
    remote: Address | None = None
    accept_from: list[str] = msgspec.field(default_factory=list)


class CloseLeg(Command, frozen=True):
    """Close a leg; closing a source closes its sinks, with one `LegClosed` for each. Answered with the last counters of
    the named leg (a list of one)."""

    leg: str


# --- commands to a stream worker ------------------------------------------------------------------------------------


class OpenInput(Command, frozen=True):
    """Listen for one stream (RFC 4571 over TCP), which a relay sink connects to."""

    input: str
    bind: str


class CloseInput(Command, frozen=True):
    """Close an input; its views stay known and idle."""

    input: str


class OpenView(Command, frozen=True):
    """Let whoever knows the token watch ``input`` until ``expires_at``. The input may not exist yet (idle view).

    Repeating it for a known view changes the input, token, expiry and watermark of that view.
    """

    view: str
    input: str
    token_sha256: str
    expires_at: float
    watermark: str | None = None


class CloseView(Command, frozen=True):
    """End a view and its viewers; later requests are told 410 with the reason. Answered with the view's last counters
    (a `StreamStats` of this view alone)."""

    view: str
    reason: str


class Snapshot(Command, frozen=True):
    """Decode the next (or cached) key frame of an input to a JPEG picture."""

    input: str
    timeout_s: float


# --- replies --------------------------------------------------------------------------------------------------------


class WorkerError(msgspec.Struct, frozen=True):
    """Why a command was refused."""

    code: ErrorCode
    message: str


class LegState(msgspec.Struct, frozen=True):
    """What a new control process must know about something a worker still holds."""

    leg: str
    kind: Literal["source", "sink", "input", "view"]
    transport: str = ""
    bind: str = ""
    port: int = 0
    rtcp_port: int | None = None
    source: str | None = None
    ssrc: int | None = None
    started: bool = False
    remote: Address | None = None


class HelloReply(Message, frozen=True):
    """Who the worker is and what it holds."""

    kind: Literal["relay", "stream"]
    pid: int
    name: str
    epoch: int
    legs: list[LegState]


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
    """Counters of one input of a stream worker."""

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


Value = HelloReply | Opened | SnapshotTaken | StreamStats | list[LegStats] | None


class Reply(Message, frozen=True):
    """The answer to the command with the same ``seq``: a value when ``ok``, else an error."""

    seq: int
    ok: bool
    error: WorkerError | None = None
    value: Value = None


# --- events of a relay worker ---------------------------------------------------------------------------------------


class FirstPacket(Event, frozen=True):
    """The first accepted RTP packet of a source."""

    leg: str
    ssrc: int
    remote: Address
    payload_type: int


class FirstKeyFrame(Event, frozen=True):
    """The first start of a key frame of a source."""

    leg: str


class SourceSilent(Event, frozen=True):
    """No accepted packet for this long; once each at 5, 10 and 15 s of one silence."""

    leg: str
    silent_s: float


class ForeignSource(Event, frozen=True):
    """Media (or a connection) from an address that is not allowed was held back; ``count`` since the leg opened."""

    leg: str
    remote: Address
    count: int


class OtherSsrc(Event, frozen=True):
    """Packets carry another SSRC than agreed. From the allowed source the leg locks to it, else they are held back."""

    leg: str
    expected: int
    got: int
    count: int


class NotPs(Event, frozen=True):
    """The payload is no program stream; ``seen`` says what it looks like (ts, h264, h265, audio, jpeg, unknown)."""

    leg: str
    seen: str


class TcpConnected(Event, frozen=True):
    """The media connection of a leg stands."""

    leg: str
    remote: Address


class TcpClosed(Event, frozen=True):
    """The media connection of a leg ended; a passive leg keeps listening for its replacement."""

    leg: str
    reason: str


class ConnectFailed(Event, frozen=True):
    """A tcp_active leg could not connect in three tries."""

    leg: str
    remote: Address
    error: str


class KeyFrameWanted(Event, frozen=True):
    """A sink waits for a key frame of this source; at most once per 2 s and source."""

    leg: str


class SinkOverflow(Event, frozen=True):
    """A slow receiver cost whole frames; ``dropped`` packets since the sink opened."""

    leg: str
    dropped: int


class LegClosed(Event, frozen=True):
    """A leg is gone, and why."""

    leg: str
    reason: str


# --- events of a stream worker --------------------------------------------------------------------------------------


class InputReady(Event, frozen=True):
    """The first picture of an input can be shown. Sizes in pixels."""

    input: str
    video_codec: str
    audio_codec: str | None
    width: int
    height: int


class InputStalled(Event, frozen=True):
    """An input gives no picture; the step that is missing."""

    input: str
    step: StalledStep
    waited_s: float


class InputClosed(Event, frozen=True):
    """An input is gone, and why."""

    input: str
    reason: str


class ViewerJoined(Event, frozen=True):
    """A viewer began to receive."""

    view: str
    viewer: int


class ViewerLeft(Event, frozen=True):
    """A viewer is gone, after this long and this many bytes."""

    view: str
    viewer: int
    seconds: float
    bytes: int
    reason: str


class ViewWanted(Event, frozen=True):
    """A viewer came for a view whose input is not open; it waits up to 10 s for it."""

    view: str


RelayCommand = Hello | OpenSource | UpdateSource | OpenSink | StartSink | CloseLeg | Stats | Drain | Shutdown
StreamCommand = Hello | OpenInput | CloseInput | OpenView | CloseView | Snapshot | Stats | Drain | Shutdown
AnyCommand = RelayCommand | StreamCommand
RelayEvent = (
    FirstPacket
    | FirstKeyFrame
    | SourceSilent
    | ForeignSource
    | OtherSsrc
    | NotPs
    | TcpConnected
    | TcpClosed
    | ConnectFailed
    | KeyFrameWanted
    | SinkOverflow
    | LegClosed
)
StreamEvent = InputReady | InputStalled | InputClosed | ViewerJoined | ViewerLeft | ViewWanted
AnyEvent = RelayEvent | StreamEvent
AnyMessage = AnyCommand | AnyEvent | Reply

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[AnyMessage] = msgspec.msgpack.Decoder(AnyMessage)


def encode(message: Message) -> bytes:
    """One message as a whole frame."""
    body = _encoder.encode(message)
    if len(body) > MAX_FRAME:
        raise ControlError("message too large", f"{len(body)} bytes")
    return _LENGTH.pack(len(body)) + body


class FrameDecoder:
    """Bytes of the stream in, whole messages out. After a `ControlError` the connection is to be closed."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[AnyMessage]:
        """The messages completed by ``data``. Raises `ControlError` on a lying length or an unknown message."""
        self._pending += data
        messages: list[AnyMessage] = []
        at = 0
        while len(self._pending) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._pending, at)
            if length > MAX_FRAME:
                raise ControlError("frame too large", f"{length} bytes")
            end = at + _LENGTH.size + length
            if len(self._pending) < end:
                break
            messages.append(self._decode(bytes(self._pending[at + _LENGTH.size : end])))
            at = end
        del self._pending[:at]
        return messages

    @staticmethod
    def _decode(body: bytes) -> AnyMessage:
        try:
            return _decoder.decode(body)
        except msgspec.MsgspecError as error:
            raise ControlError("not a message", str(error)) from error
