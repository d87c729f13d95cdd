"""Reads SDP as devices send it: each deviation has a name, evidence and an off switch.

Yields plain fields; what they mean together is `sip.sdp.Sdp`. Sessions of one medium only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TypedDict

from sip.errors import ParseError

MAX_BYTES = 16_384
_MAX_LINES = 400
_NTP_EPOCH = 2_208_988_800
_NTP_ERA = 3_000_000_000
_SESSIONS = {name.lower(): name for name in ("Play", "Playback", "Download", "Talk")}
_DIRECTIONS = ("recvonly", "sendonly", "sendrecv", "inactive")
_GLUED = re.compile(r"((?:TCP/|UDP/)?RTP/AVPF?)([0-9]{1,3})\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SdpTolerance:
    """What to let pass in a peer's SDP; all on by default, `STRICT` has all off."""

    line_ends: bool = True
    """LF or CR alone, no line end after the last line, blank lines, trailing blanks and NULs."""
    line_order: bool = True
    """f= before y=, y= or f= before a= lines, or lines of the session part after m=."""
    missing_lines: bool = True
    """No v=, o=, s= or t= line, or an o= line that is garbage."""
    missing_connection: bool = True
    """No c= line: the o= address counts, else none (the SIP source is to be used)."""
    media_protocol: bool = True
    """`UDP/RTP/AVP`, other letter case, and the payload type glued on: `RTP/AVP96`."""
    short_ssrc: bool = True
    """y= with fewer than 10 digits (padded on the left) or with blanks or dots between them."""
    ssrc_junk: bool = True
    """y= that is no number below 2^32: taken as absent."""
    ntp_times: bool = True
    """t= in seconds since 1900, or with a fraction."""
    session_spelling: bool = True
    """s= in another letter case or with blanks."""
    session_text: bool = True
    """Free text in s=: Play when t= is 0 0, else Playback."""
    several_media: bool = True
    """More than one m= line: the first video one counts, else the first."""
    attribute_junk: bool = True
    """An rtpmap that cannot be read, a repeated rtpmap, setup or direction: the first counts."""
    stray_lines: bool = True
    """Lines that are not `x=...` are skipped."""


LENIENT = SdpTolerance()
STRICT = SdpTolerance(**{f.name: False for f in fields(SdpTolerance)})


class SdpFields(TypedDict):
    """The fields of one description, named as in `sip.sdp.Sdp`."""

    origin_id: str
    origin_host: str
    host: str
    port: int
    session: str
    uri: str | None
    start: int
    stop: int
    media: str
    proto: str
    payloads: tuple[int, ...]
    rtpmap: dict[int, str]
    direction: str | None
    setup: str | None
    connection: str | None
    ssrc: str | None
    f: str | None
    attributes: tuple[str, ...]
    repaired: tuple[str, ...]


def read_fields(body: bytes, tolerance: SdpTolerance) -> SdpFields:
    """The fields of a description; raises ParseError (488 when it is readable but offers nothing usable)."""
    return _Reading(tolerance).read(body)


class _Reading:
    """One pass over a description. `used` collects the tolerances it took."""

    def __init__(self, tolerance: SdpTolerance) -> None:
        self.tolerance = tolerance
        self.used: dict[str, None] = {}

    def allow(self, name: str, where: str, what: str, value: str = "") -> None:
        """Lets a deviation pass under its name, or raises it."""
        if not getattr(self.tolerance, name):
            raise ParseError(f"SDP {where}", what, value)
        self.used[name] = None

    def read(self, body: bytes) -> SdpFields:
        lines = self.lines(body)
        session, media = self.sections(lines)
        own = dict(media[1])
        merged = {**session, **own}
        kind, port, proto, payloads = self.media_line(media[0])
        origin_id, origin_host = self.origin(merged.get("o"))
        start, stop = self.times(merged.get("t"))
        rtpmap, named, others = self.attributes(media[2])
        return SdpFields(
            origin_id=origin_id,
            origin_host=origin_host,
            host=self.host(merged.get("c"), origin_host),
            port=port,
            session=self.session_name(merged.get("s"), start, stop),
            uri=merged.get("u"),
            start=start,
            stop=stop,
            media=kind,
            proto=proto,
            payloads=payloads,
            rtpmap=rtpmap,
            direction=named.get("direction"),
            setup=named.get("setup"),
            connection=named.get("connection"),
            ssrc=self.ssrc(merged.get("y")),
            f=merged.get("f"),
            attributes=tuple(others),
            repaired=tuple(self.used),
        )

    def lines(self, body: bytes) -> list[tuple[str, str]]:
        """(type, value) of each line."""
        if len(body) > MAX_BYTES:
            raise ParseError("SDP", f"{len(body)} bytes are more than {MAX_BYTES}", status=413)
        text = body.decode("utf-8", "replace")
        raw = text.split("\r\n")
        if raw[-1] != "" or any("\n" in line or "\r" in line or line != line.strip(" \t\0") for line in raw):
            self.allow("line_ends", "line end", "not CRLF, or blanks before it")
        found: list[tuple[str, str]] = []
        for line in re.split(r"\r\n|\n|\r", text):
            stripped = line.strip(" \t\0\ufeff")
            if not stripped:
                continue
            if stripped[1:2] == "=" and stripped[0].isalpha():
                found.append((stripped[0].lower(), stripped[2:].strip()))
            else:
                self.allow("stray_lines", "line", "not of the form x=...", stripped)
        if len(found) > _MAX_LINES:
            raise ParseError("SDP", f"more than {_MAX_LINES} lines", status=413)
        return found

    def sections(self, lines: list[tuple[str, str]]) -> tuple[dict[str, str], tuple[str, dict[str, str], list[str]]]:
        """Session lines, and (m= value, its own lines, its a= values) of the medium that counts."""
        if not lines:
            raise ParseError("SDP", "empty", status=488)
        self.check_order([kind for kind, _ in lines])
        session: dict[str, str] = {}
        session_attributes: list[str] = []
        media: list[tuple[str, dict[str, str], list[str]]] = []
        for kind, value in lines:
            if kind == "m":
                media.append((value, {}, []))
            elif kind == "a":
                (media[-1][2] if media else session_attributes).append(value)
            elif media and kind not in "yf":
                media[-1][1].setdefault(kind, value)
            else:
                session.setdefault(kind, value)
        if not media:
            raise ParseError("SDP m=", "no medium", status=488)
        if len(media) > 1:
            self.allow("several_media", "m=", "more than one medium")
        chosen = next((m for m in media if m[0].lower().startswith("video")), media[0])
        chosen[2].extend(text for text in session_attributes if text not in chosen[2])
        return session, chosen

    def check_order(self, kinds: list[str]) -> None:
        ranks = ["vosuctmayf".find(kind) for kind in kinds]
        # RFC 4566 5.7 lets c= stand in the media part; lines the standard does not have may be anywhere.
        known = [rank for rank, kind in zip(ranks, kinds, strict=True) if rank >= 0 and kind != "c"]
        if "m" in kinds and kinds.count("m") == 1 and known != sorted(known):
            self.allow("line_order", "line order", "not v o s u c t m a y f", "".join(kinds))

    def media_line(self, value: str) -> tuple[str, int, str, tuple[int, ...]]:
        parts = value.split()
        if len(parts) < 3:
            raise ParseError("SDP m=", "not `media port proto payloads`", value)
        kind, port_text, proto, *types = parts
        glued = _GLUED.match(proto)
        if glued is not None:
            self.allow("media_protocol", "m=", "payload type glued to the protocol", proto)
            proto, types = glued[1], [glued[2], *types]
        port = port_text.partition("/")[0]
        if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65_535:
            raise ParseError("SDP m=", "not a port", port_text)
        if kind.lower() not in ("video", "audio"):
            raise ParseError("SDP m=", "neither video nor audio", kind, 488)
        payloads = tuple(int(t) for t in types if re.fullmatch(r"[0-9]{1,3}", t) and int(t) < 128)
        return kind.lower(), int(port), self.protocol(proto), payloads

    def protocol(self, proto: str) -> str:
        upper = proto.upper()
        regular = {"RTP/AVP": "RTP/AVP", "UDP/RTP/AVP": "RTP/AVP", "RTP/AVPF": "RTP/AVP", "TCP/RTP/AVP": "TCP/RTP/AVP"}
        if upper not in regular:
            raise ParseError("SDP m=", "neither RTP/AVP nor TCP/RTP/AVP", proto, 488)
        if proto != regular[upper]:
            self.allow("media_protocol", "m=", "irregular protocol", proto)
        return regular[upper]

    def origin(self, value: str | None) -> tuple[str, str]:
        parts = (value or "").split()
        if len(parts) == 6 and parts[3].upper() == "IN":
            return parts[0], parts[5]
        self.allow("missing_lines", "o=", "missing or garbled", value or "")
        return (parts[0] if parts else ""), ""

    def host(self, value: str | None, origin_host: str) -> str:
        parts = (value or "").split()
        if len(parts) >= 3 and parts[0].upper() == "IN":
            return parts[2].partition("/")[0]
        self.allow("missing_connection", "c=", "missing or garbled", value or "")
        return origin_host

    def times(self, value: str | None) -> tuple[int, int]:
        parts = (value or "").split()
        found = [re.fullmatch(r"([0-9]{1,15})(\.[0-9]*)?", part) for part in parts[:2]]
        if len(found) < 2 or None in found:
            self.allow("missing_lines", "t=", "missing or garbled", value or "")
            return 0, 0
        start, stop = (self.seconds(match) for match in found if match is not None)
        if stop and stop < start:
            raise ParseError("SDP t=", "ends before it starts", value or "", 488)
        return start, stop

    def seconds(self, match: re.Match[str]) -> int:
        number = int(match[1])
        if match[2] or number > _NTP_ERA:
            self.allow("ntp_times", "t=", "not Unix seconds", match[0])
        return number - _NTP_EPOCH if number > _NTP_ERA else number

    def session_name(self, value: str | None, start: int, stop: int) -> str:
        text = "".join((value or "").split())
        name = _SESSIONS.get(text.lower())
        if name is None:
            if value is None:
                self.allow("missing_lines", "s=", "missing")
            else:
                self.allow("session_text", "s=", "not Play, Playback, Download or Talk", value)
            return "Playback" if start or stop else "Play"
        if name != value:
            self.allow("session_spelling", "s=", "irregular spelling", value or "")
        return name

    def attributes(self, values: list[str]) -> tuple[dict[int, str], dict[str, str], list[str]]:
        """rtpmap, the attributes with a field of their own, the others."""
        rtpmap: dict[int, str] = {}
        named: dict[str, str] = {}
        others: list[str] = []
        for text in values:
            key, _, value = text.partition(":")
            name = key.strip().lower()
            if name in _DIRECTIONS:
                self.once(named, "direction", name)
            elif name in ("setup", "connection"):
                self.once(named, name, value.strip().lower())
            elif name == "rtpmap":
                self.rtpmap(rtpmap, value)
            else:
                others.append(text)
        return rtpmap, named, others

    def once(self, named: dict[str, str], name: str, value: str) -> None:
        if name in named:
            self.allow("attribute_junk", f"a={name}", "given twice", value)
        else:
            named[name] = value

    def rtpmap(self, rtpmap: dict[int, str], value: str) -> None:
        match = re.fullmatch(r"([0-9]{1,3})\s+(\S.{0,80})", value.strip())
        if match is None or int(match[1]) in rtpmap:
            self.allow("attribute_junk", "a=rtpmap", "unreadable or given twice", value)
        else:
            rtpmap[int(match[1])] = match[2].strip()

    def ssrc(self, value: str | None) -> str | None:
        if value is None:
            return None
        digits = re.sub(r"[\s.]", "", value)
        if not re.fullmatch(r"[0-9]{1,10}", digits) or int(digits) >= 1 << 32:
            self.allow("ssrc_junk", "y=", "not ten digits", value)
            return None
        if len(value) != 10 or digits != value:
            self.allow("short_ssrc", "y=", "not ten digits", value)
        return digits.rjust(10, "0") if int(digits) else None
