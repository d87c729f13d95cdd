"""What the control process may ask of a relay worker, a stream worker or a source worker."""

from __future__ import annotations

import msgspec

from media.worker.control_message import Address, Command, Ports, PullTransport, Transport

# --- commands to every kind of worker -------------------------------------------------------------------------------


class Hello(Command, frozen=True):
    """Take the worker over. ``epoch`` grows with every start of the control process; a lower one is refused."""

    epoch: int
    name: str


class Stats(Command, frozen=True):
    """Ask for the counters of all legs (relay), of all inputs and views (stream) or of all pulls (source)."""


class Drain(Command, frozen=True):
    """Refuse new legs from now on and exit when the last one is closed."""


class Shutdown(Command, frozen=True):
    """Close everything and exit."""


# --- commands to a relay worker -------------------------------------------------------------------------------------


class OpenSource(Command, frozen=True):
    """Open the receiving leg of one call; its socket is bound (and listening) before the reply.

    ``accept_from``: IP addresses media may come from, when they are known before the answer. Empty: nothing is relayed
    or kept of what comes before `UpdateSource` has named them; the first packets of a few senders wait for it.
    ``port``: a wanted local RTP port (a restarted worker takes its old one again), None: any of the range ``ports``;
    that is None for the worker's own range.
    ``any_ssrc``: see `UpdateSource`.
    """

    leg: str
    transport: Transport
    bind: str
    ssrc: int | None = None
    accept_from: list[str] = msgspec.field(default_factory=list)
    gop_cache: bool = True
    port: int | None = None
    ports: Ports | None = None
    any_ssrc: bool = True


class UpdateSource(Command, frozen=True):
    """What the answer said: the SSRC, the addresses to accept, and for ``tcp_active`` where to connect, now.

    ``accept_from`` empty (a tolerance): the first sender with the right SSRC from now on is locked to.
    ``expect_port`` (udp): the port the answer names; a sender at it wins over the other ports of the same addresses.
    ``any_ssrc`` (a tolerance): an accepted sender may carry another SSRC than agreed, when none with the agreed one
    has come for a second. Off: such packets are never taken, only counted and told.
    """

    leg: str
    ssrc: int | None
    accept_from: list[str]
    remote: Address | None = None
    expect_port: int | None = None
    any_ssrc: bool = True


class OpenSink(Command, frozen=True):
    """Open a sending leg fed by a source. ``payload_type`` None keeps what comes in; ``port`` and ``ports``: see
    `OpenSource`.

    ``first_sequence``: where the outgoing RTP sequence starts (None: random); see `LegStats.next_sequence`.
    """

    leg: str
    source: str
    transport: Transport
    bind: str
    ssrc: int
    payload_type: int | None = None
    port: int | None = None
    ports: Ports | None = None
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
    """Listen for one stream (RFC 4571 over TCP), which a relay sink connects to.

    ``ssrc``: only a connection whose first RTP packet carries it is taken; None: whichever sends RTP first. While the
    one taken stands, others are refused. Repeating it for an open input with another SSRC waits for a new connection.
    """

    input: str
    bind: str
    ssrc: int | None = None


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


# --- commands to a source worker ------------------------------------------------------------------------------------


class OpenPull(Command, frozen=True):
    """Fetch the stream of an RTSP camera and send it on as a program stream in RTP to a source leg of a relay worker.

    ``url`` has no user and no password in it. ``transport``: how the camera is to send (tcp: interleaved, RFC 2326
    10.12). ``destination`` takes the RTP over ``via``: RFC 4571 in a TCP connection, or UDP. ``open_s``: how long the
    camera may take to answer, ``stall_s``: how long it may send nothing. Answered at once; `PullUp` or `PullFailed`
    follow. Repeating it for an open pull with the same content changes nothing.
    """

    leg: str
    url: str
    ssrc: int
    destination: Address
    username: str = ""
    password: str = ""
    transport: PullTransport = "tcp"
    via: PullTransport = "tcp"
    open_s: float = 8.0
    stall_s: float = 8.0

    def __repr__(self) -> str:
        return f"OpenPull(leg={self.leg!r}, url={self.url!r})"


class ClosePull(Command, frozen=True):
    """Leave the camera alone. Answered with the last counters of the pull (`SourceStats` of it alone)."""

    leg: str


class ProbeSource(Command, frozen=True):
    """Ask an RTSP camera to describe its stream (DESCRIBE) without starting it; answered with `Probed`."""

    url: str
    username: str = ""
    password: str = ""
    timeout_s: float = 8.0

    def __repr__(self) -> str:
        return f"ProbeSource(url={self.url!r})"


RelayCommand = Hello | OpenSource | UpdateSource | OpenSink | StartSink | CloseLeg | Stats | Drain | Shutdown
StreamCommand = Hello | OpenInput | CloseInput | OpenView | CloseView | Snapshot | Stats | Drain | Shutdown
SourceCommand = Hello | OpenPull | ClosePull | ProbeSource | Stats | Drain | Shutdown
AnyCommand = RelayCommand | StreamCommand | SourceCommand
