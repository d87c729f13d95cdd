"""Lower peers (下级设备与平台): what is allowed to register here, or is called by us, and how it is spoken to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gateway.secrets import Secret
from gateway.store import schema
from gateway.store.repository import Repository

PeerKind = Literal["device", "platform", "rtsp", "onvif"]
CALLED_KINDS = ("rtsp", "onvif")
MediaTransport = Literal["udp", "tcp_passive", "tcp_active"]
RtspTransport = Literal["tcp", "udp"]
Tolerance = Literal["media_source_any", "ssrc_any", "onvif_other_hosts", "onvif_any_certificate"]
"""Quirks: media from any address (NAT without a mapping we know); media with any SSRC (it ignores `y=`); an
ONVIF camera whose streams come from another host than its device service; one whose TLS certificate is not verified."""


@dataclass(frozen=True, slots=True)
class Device:
    """One lower peer.

    ``id`` is its 20-digit code. ``password`` empty: the shared password applies, unless ``allow_no_password`` lets it
    register without. ``charset``, ``edition`` and ``media_transport`` override the node's when not None;
    ``media_transport`` is seen from this node. ``tolerances`` are names of quirks allowed for this peer alone. ``zone``
    is its network zone (None: that of its address). ``max_sessions`` is how many streams it sends at once; None:
    learned from its refusals.

    A camera of kind ``rtsp`` does not register: it is called at ``url`` (without user and password), logs us in with
    ``username`` and ``password``, sends over ``rtsp_transport``, and appears as the channel ``channel_id``. With
    ``always_on`` its stream is kept running without a viewer. One of kind ``onvif`` is asked at ``url``, its device
    service, where its streams are; ``profile`` is the media profile to take (""; the best), and its further video
    sources appear under the codes that follow ``channel_id``.
    """

    id: str
    name: str = ""
    kind: PeerKind = "device"
    password: Secret = field(default=Secret(""))
    allow_no_password: bool = False
    charset: str | None = None
    edition: str | None = None
    media_transport: MediaTransport | None = None
    tolerances: tuple[str, ...] = ()
    enabled: bool = True
    created_at: float = 0.0
    url: str = ""
    username: str = ""
    channel_id: str = ""
    rtsp_transport: RtspTransport = "tcp"
    always_on: bool = False
    zone: str | None = None
    max_sessions: int | None = None
    profile: str = ""

    @property
    def is_called(self) -> bool:
        """Whether it is a camera we call, rather than a peer that registers."""
        return self.kind in CALLED_KINDS


class Devices(Repository[Device]):
    """All lower peers."""

    TABLE = schema.devices
    RECORD = Device
