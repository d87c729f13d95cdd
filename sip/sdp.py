"""SDP as GB/T 28181 uses it (会话描述): RFC 4566 with the extra lines y= and f=. 2016 Annex F, 2022 Annex G.

Writes exactly the line order v o s u c t m a y f; reading is in `sdp_reader`, the TCP roles are in `sdp_setup`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from sip.errors import LocalError
from sip.sdp_reader import LENIENT, STRICT, SdpTolerance, read_fields
from sip.sdp_setup import WHO_CONNECTS, Connecting, answer_setup, is_usable_port, who_connects

__all__ = [
    "LENIENT",
    "RTPMAP",
    "STRICT",
    "WHO_CONNECTS",
    "Connecting",
    "Sdp",
    "SdpTolerance",
    "Transport",
    "answer_setup",
    "answer_to",
    "is_usable_port",
    "offer",
    "ssrc_text",
    "ssrc_value",
    "who_connects",
    "write",
]

_MIRRORED = {"recvonly": "sendonly", "sendonly": "recvonly"}

RTPMAP = MappingProxyType(
    {
        96: "PS/90000",
        97: "MPEG4/90000",
        98: "H264/90000",
        99: "H265/90000",
        100: "H265/90000",
        0: "PCMU/8000",
        4: "G723/8000",
        8: "PCMA/8000",
        9: "G722/8000",
        18: "G729/8000",
        20: "SVACA/8000",
        33: "MP2T/90000",
    }
)
"""Payload type -> encoding, where an SDP has no rtpmap for it. 99 is SVAC in the text and H.265 in practice."""

Transport = Literal["udp", "tcp_passive", "tcp_active"]


@dataclass(frozen=True, slots=True)
class Sdp:
    """One session description. Times are Unix seconds; `ssrc` is the 10-digit text of y= (None: none, or any).

    host: the effective connection address ("" when the peer gave none). setup: role of this SDP's author when the
    TCP connection is made. attributes: the other a= lines in order, without `a=`. f: the text behind `f=`.
    repaired: names of the tolerances it took to read it.
    """

    origin_id: str
    origin_host: str
    host: str
    port: int
    session: str = "Play"
    uri: str | None = None
    start: int = 0
    stop: int = 0
    media: str = "video"
    proto: str = "RTP/AVP"
    payloads: tuple[int, ...] = (96,)
    rtpmap: dict[int, str] = field(default_factory=dict)
    direction: str | None = None
    setup: str | None = None
    connection: str | None = None
    ssrc: str | None = None
    f: str | None = None
    attributes: tuple[str, ...] = ()
    repaired: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def is_tcp(self) -> bool:
        """Whether RTP goes over TCP (RFC 4571 framing)."""
        return self.proto == "TCP/RTP/AVP"

    @property
    def is_history(self) -> bool:
        """Whether this asks for recordings (Playback or Download)."""
        return self.session in ("Playback", "Download")

    def attribute(self, name: str) -> str | None:
        """Value of the first other attribute of that name: "" when it has none, None when it is not there."""
        wanted = name.lower()
        for text in self.attributes:
            key, _, value = text.partition(":")
            if key.lower() == wanted:
                return value
        return None

    def number(self, name: str) -> int | None:
        """An attribute such as downloadspeed, filesize or streamnumber as a number; None when unknown or negative."""
        text = (self.attribute(name) or "").strip()
        return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None

    def encoding(self, payload: int) -> str | None:
        """`PS/90000` for 96 and so on: the rtpmap, else what the type is known for."""
        return self.rtpmap.get(payload) or RTPMAP.get(payload)

    @classmethod
    def parse(cls, body: bytes, tolerance: SdpTolerance = LENIENT) -> Sdp:
        """Reads a description; raises ParseError (488 when it is readable but offers nothing usable)."""
        return cls(**read_fields(body, tolerance))

    def __bytes__(self) -> bytes:
        return write(self)


def ssrc_value(y: str) -> int:
    """The RTP SSRC of a y= text: the decimal number itself."""
    if not (y.isascii() and y.isdigit() and len(y) <= 10) or int(y) >= 1 << 32:
        raise LocalError(f"not a y= text: {y!r}")
    return int(y)


def ssrc_text(n: int) -> str:
    """The y= text of an RTP SSRC: ten digits, leading zeros kept."""
    if not 0 <= n < 1 << 32:
        raise LocalError(f"not an SSRC: {n}")
    return f"{n:010d}"


def write(sdp: Sdp) -> bytes:
    """The bytes of a description: v o s u c t m a y f, CRLF after every line, ASCII only."""
    lines = ["v=0", f"o={sdp.origin_id} 0 0 IN {_address(sdp.origin_host)}", f"s={sdp.session}"]
    if sdp.uri is not None:
        lines.append(f"u={sdp.uri}")
    lines.append(f"c=IN {_address(sdp.host)}")
    lines.append(f"t={sdp.start} {sdp.stop}")
    lines.append(f"m={sdp.media} {sdp.port} {sdp.proto} {' '.join(map(str, sdp.payloads))}")
    if sdp.direction is not None:
        lines.append(f"a={sdp.direction}")
    lines.extend(f"a=rtpmap:{payload} {encoding}" for payload, encoding in sdp.rtpmap.items())
    if sdp.setup is not None:
        lines.append(f"a=setup:{sdp.setup}")
    if sdp.connection is not None:
        lines.append(f"a=connection:{sdp.connection}")
    lines.extend(f"a={text}" for text in sdp.attributes)
    if sdp.ssrc is not None:
        lines.append(f"y={ssrc_text(ssrc_value(sdp.ssrc))}")
    if sdp.f is not None:
        lines.append(f"f={sdp.f}")
    if any("\r" in line or "\n" in line for line in lines):
        raise LocalError("a line end inside an SDP value")
    try:
        return "".join(line + "\r\n" for line in lines).encode("ascii")
    except UnicodeEncodeError as error:
        raise LocalError(f"SDP is ASCII only: {error.object[error.start : error.end]!r}") from None


def _address(host: str) -> str:
    return f"IP6 {host}" if ":" in host else f"IP4 {host or '0.0.0.0'}"


def offer(
    *,
    origin_id: str,
    host: str,
    port: int,
    ssrc: str | None,
    session: str = "Play",
    transport: Transport = "udp",
    payloads: Iterable[int] = (96,),
    direction: str = "recvonly",
    media: str = "video",
    uri: str | None = None,
    start: int = 0,
    stop: int = 0,
    f: str | None = None,
    attributes: Iterable[str] = (),
) -> Sdp:
    """An offer: by default a receiver's, for live play. tcp_passive: the peer is to connect to us (2022 Annex D)."""
    types = tuple(payloads)
    tcp = transport != "udp"
    return Sdp(
        origin_id,
        host,
        host,
        port,
        session=session,
        uri=uri,
        start=start,
        stop=stop,
        media=media,
        proto="TCP/RTP/AVP" if tcp else "RTP/AVP",
        payloads=types,
        rtpmap={t: RTPMAP[t] for t in types if t in RTPMAP},
        direction=direction,
        setup=("passive" if transport == "tcp_passive" else "active") if tcp else None,
        connection="new" if tcp else None,
        ssrc=ssrc,
        f=f,
        attributes=tuple(attributes),
    )


def answer_to(
    offered: Sdp,
    *,
    origin_id: str,
    host: str,
    port: int,
    ssrc: str | None = None,
    payload: int | None = None,
    f: str | None = None,
    attributes: Iterable[str] = (),
) -> Sdp:
    """An answer: same protocol, s= and (history) t= echoed, setup and direction complemented, one payload type.

    ssrc: our own value when we create it (out-of-domain, 2022 Annex G b); None echoes the offer's y=.
    payload: the type that will be sent; by default the first offered.
    """
    if payload is None:
        payload = offered.payloads[0] if offered.payloads else 96
    encoding = offered.rtpmap.get(payload) or RTPMAP.get(payload)
    return replace(
        offered,
        origin_id=origin_id,
        origin_host=host,
        host=host,
        port=port,
        uri=None,
        start=offered.start if offered.is_history else 0,
        stop=offered.stop if offered.is_history else 0,
        payloads=(payload,),
        rtpmap={payload: encoding} if encoding else {},
        direction=_MIRRORED.get(offered.direction or "recvonly", offered.direction),
        setup=answer_setup(offered.setup) if offered.is_tcp else None,
        connection="new" if offered.is_tcp else None,
        ssrc=ssrc if ssrc is not None else offered.ssrc,
        f=f,
        attributes=tuple(attributes),
        repaired=(),
    )
