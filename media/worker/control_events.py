"""What a worker tells without being asked."""

from __future__ import annotations

from media.worker.control_message import Address, Event, PullReason, StalledStep

# --- events of a relay worker ---------------------------------------------------------------------------------------


class FirstPacket(Event, frozen=True):
    """The first accepted RTP packet of a source; told anew when what was taken for the source has turned out to be
    something else and was dropped."""

    leg: str
    ssrc: int
    remote: Address
    payload_type: int


class FirstKeyFrame(Event, frozen=True):
    """The first start of a key frame of a source; anew after a new `FirstPacket`."""

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
    """Packets carry another SSRC than agreed. They are held back; ``taken``: from now on the leg is locked to them
    (tolerance ``any_ssrc``). ``count``: packets held back for their SSRC since the leg opened, at least 1."""

    leg: str
    expected: int
    got: int
    count: int
    taken: bool = False


class NotPs(Event, frozen=True):
    """The payload is no program stream; ``seen`` says what it looks like (ts, h264, h265, audio, jpeg, unknown)."""

    leg: str
    seen: str


class TcpConnected(Event, frozen=True):
    """The media connection of a leg stands."""

    leg: str
    remote: Address


class TcpClosed(Event, frozen=True):
    """The media connection of a leg ended. A tcp_active leg dials again (three tries, 1 s or more apart), a passive one
    keeps listening for the replacement. ``final``: none came (tcp_active: no try succeeded; tcp_passive sink: none
    within 20 s, be it the first or a replacement), so the connection of this leg is gone for good."""

    leg: str
    reason: str
    final: bool = False


class ConnectFailed(Event, frozen=True):
    """A tcp_active leg could not connect in three tries; after a connection that stood, `TcpClosed` (final) precedes
    it."""

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


class SendFailed(Event, frozen=True):
    """Of the datagrams of a udp sink the kernel took not one for 2 s: no way leads to ``remote``. Told once."""

    leg: str
    remote: Address
    error: str


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


# --- events of a source worker --------------------------------------------------------------------------------------


class PullUp(Event, frozen=True):
    """The camera sends, and what; anew after each interruption. ``attempt`` counts the connections to it."""

    leg: str
    video_codec: str
    audio_codec: str | None
    attempt: int


class PullFailed(Event, frozen=True):
    """The camera gives no stream, or no longer. ``retry_in_s``: when it is tried again; None: the pull is over.

    A pull that never was up is over at its first failure; one that was up is tried until it is closed.
    """

    leg: str
    reason: PullReason
    detail: str
    retry_in_s: float | None = None


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
    | SendFailed
    | LegClosed
)
StreamEvent = InputReady | InputStalled | InputClosed | ViewerJoined | ViewerLeft | ViewWanted
SourceEvent = PullUp | PullFailed
AnyEvent = RelayEvent | StreamEvent | SourceEvent
