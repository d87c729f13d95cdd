"""Offer and answer of WHEP (WebRTC-HTTP egress): what is read of a viewer's SDP, and what we say.

Only what is understood is used: one video section that takes H.264 in packetization mode 1, one audio section beside
it in the same BUNDLE that takes G.711. Everything else is answered as rejected (port 0). The viewer's ICE candidates
are left alone: it is he who reaches us, and nothing is sent to an address nothing came from. (JSEP: RFC 8829)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from media.es.codecs import PCMA, PCMU

MOST_SECTIONS = 8
MOST_FORMATS = 128
"""Payload types of a section: there are no more of them (RFC 3550 5.1)."""
_MOST_LINES = 2000
_DIGESTS = ("sha-256", "sha-384", "sha-512")
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,64}")
_FINGERPRINT = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){15,63}")
_PROFILE = re.compile(r"[0-9A-Fa-f]{6}")
_G711 = {PCMA: "PCMA/8000", PCMU: "PCMU/8000"}


class OfferRefused(Exception):
    """No session comes of this offer: ``step`` is ``bad_request`` or ``not_acceptable``; the words say why."""

    def __init__(self, step: str, message: str, message_zh: str) -> None:
        super().__init__(message)
        self.step = step
        self.message_zh = message_zh


@dataclass(slots=True)
class Section:
    """One media section. ``attributes`` in order, as (name, value)."""

    kind: str
    port: str
    protocol: str
    formats: list[str]
    attributes: list[tuple[str, str]] = field(default_factory=list)

    def get(self, name: str) -> str | None:
        """The first attribute of that name."""
        return next((value for known, value in self.attributes if known == name), None)

    @property
    def mid(self) -> str | None:
        """Its identification in the BUNDLE, when it is a token (RFC 5888 4)."""
        found = self.get("mid")
        return found if found and _TOKEN.fullmatch(found) else None

    def of_format(self, name: str) -> dict[str, list[str]]:
        """Attributes that begin with a payload type (rtpmap, fmtp, rtcp-fb), by it."""
        found: dict[str, list[str]] = {}
        for known, value in self.attributes:
            if known == name:
                number, _, rest = value.partition(" ")
                found.setdefault(number, []).append(rest.strip())
        return found


@dataclass(frozen=True, slots=True)
class Codec:
    """What was negotiated for a section: ``parameters`` is the fmtp, ``feedback`` the RTCP feedback."""

    payload_type: int
    rtpmap: str
    parameters: str = ""
    feedback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Remote:
    """How the viewer proves himself: ICE fragment and password, fingerprints of his certificate (digest, value)."""

    ufrag: str
    password: str = field(repr=False)
    fingerprints: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Local:
    """How we do, and where: ``candidates`` as they stand behind ``a=candidate:``."""

    ufrag: str
    password: str = field(repr=False)
    fingerprints: tuple[tuple[str, str], ...]
    candidates: tuple[str, ...]
    cname: str


class Offer:
    """A viewer's offer. Raises `OfferRefused` when it is none."""

    def __init__(self, text: str) -> None:
        self.sections: list[Section] = []
        self._session = Section("", "", "", [])
        self._read(text)
        self.bundle: tuple[str, ...] = ()
        for name, value in self._session.attributes:
            if name == "group" and value.startswith("BUNDLE") and not self.bundle:
                self.bundle = tuple(dict.fromkeys(value.split()[1:]))

    def _read(self, text: str) -> None:
        lines = text.splitlines()
        if not lines or lines[0].strip() != "v=0" or len(lines) > _MOST_LINES:
            raise OfferRefused("bad_request", "This is no SDP offer.", "请求体不是 SDP offer。")
        for line in lines:
            kind, _, value = line.strip().partition("=")
            if kind == "m":
                self._begin(value.split())
            elif kind == "a":
                name, _, rest = value.partition(":")
                (self.sections[-1] if self.sections else self._session).attributes.append((name, rest.strip()))

    def _begin(self, words: list[str]) -> None:
        if len(self.sections) >= MOST_SECTIONS:
            raise OfferRefused("bad_request", "The offer has too many media sections (m=).", "SDP 的 m= 段过多。")
        if not 4 <= len(words) <= 3 + MOST_FORMATS or not all(_TOKEN.fullmatch(word) for word in words):
            raise OfferRefused("bad_request", "A media section (m=) of the offer is broken.", "SDP 的 m= 段有误。")
        self.sections.append(Section(words[0], words[1], words[2], words[3:]))

    def section(self, kind: str) -> Section | None:
        """The first section of that kind that wants to receive."""
        return next((one for one in self.sections if one.kind == kind and _receives(one)), None)

    def h264(self, profile: str | None) -> Codec:
        """The payload type for H.264, of the stream's own profile where there is a choice. Raises `OfferRefused`."""
        section = self.section("video")
        if section is None:
            message = "The offer has no section that receives video."
            raise OfferRefused("not_acceptable", message, "SDP 中没有接收视频的 m= 段。")
        if section.get("rtcp-mux") is None:
            raise OfferRefused("not_acceptable", "The offer has no rtcp-mux.", "SDP 未声明 rtcp-mux。")
        fmtp, feedback = section.of_format("fmtp"), section.of_format("rtcp-fb")
        best: tuple[int, Codec] | None = None
        for number in _formats_of(section, "H264/90000"):
            given = _parameters(" ".join(fmtp.get(number, [])))
            level_id = given.get("profile-level-id", "42e01f").lower()
            if given.get("packetization-mode") != "1" or not _PROFILE.fullmatch(level_id):
                continue
            said = feedback.get(number, []) + feedback.get("*", [])
            wanted = dict.fromkeys(one for one in said if one in ("nack", "nack pli"))
            text = f"level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={level_id}"
            distance = _distance(level_id, profile)
            if best is None or distance < best[0]:
                best = distance, Codec(int(number), "H264/90000", text, tuple(wanted))
        if best is None:
            message = "The offer takes no H.264 in packetization mode 1."
            raise OfferRefused("not_acceptable", message, "SDP 不支持 H.264（packetization-mode=1）。")
        return best[1]

    def g711(self, codec: str) -> Codec | None:
        """The payload type for PCMA or PCMU, when an audio section beside the video takes it."""
        section, video = self.section("audio"), self.section("video")
        if section is None or video is None or section.get("rtcp-mux") is None:
            return None
        if not {section.mid, video.mid} <= set(self.bundle):
            return None
        numbers = _formats_of(section, _G711[codec])
        return Codec(int(numbers[0]), _G711[codec]) if numbers else None

    def bundled(self, mids: Iterable[str | None]) -> list[str]:
        """Those of ``mids`` that share a transport, in the order of the group: the first one's is it (RFC 8843 7.3.1).
        Empty when not all are in the group."""
        wanted = set(mids)
        return [mid for mid in self.bundle if mid in wanted] if wanted <= set(self.bundle) else []

    def remote(self, *, with_audio: bool) -> Remote:
        """The viewer's side of ICE and DTLS: that of the section whose transport the accepted ones share, which is the
        audio section's when it comes first in the group. Raises `OfferRefused`."""
        section = self._tagged(with_audio)
        if self._session.get("ice-lite") is not None:
            message = "The offer is ICE-lite; the viewer has to do the checks."
            raise OfferRefused("not_acceptable", message, "SDP 为 ICE-lite，应由观看端发起连通性检查。")
        if (self._said(section, "setup") or "actpass") == "active":
            message = "The offer insists on being the DTLS client (setup:active)."
            raise OfferRefused("not_acceptable", message, "SDP 要求观看端作 DTLS 客户端（setup:active）。")
        ufrag, password = self._said(section, "ice-ufrag") or "", self._said(section, "ice-pwd") or ""
        if not _UFRAG.fullmatch(ufrag) or not _PASSWORD.fullmatch(password):
            message = "The offer has no usable ICE user fragment and password."
            raise OfferRefused("bad_request", message, "SDP 缺少有效的 ice-ufrag 和 ice-pwd。")
        prints = []
        for name, value in (*section.attributes, *self._session.attributes):
            digest, _, shown = value.partition(" ")
            if name == "fingerprint" and digest.lower() in _DIGESTS and _FINGERPRINT.fullmatch(shown.strip()):
                prints.append((digest.lower(), shown.strip()))
        if not prints:
            message = "The offer has no certificate fingerprint of SHA-256 or better."
            raise OfferRefused("bad_request", message, "SDP 缺少 SHA-256 或更强的证书指纹。")
        return Remote(ufrag, password, tuple(prints[:8]))

    def _tagged(self, with_audio: bool) -> Section:
        """The first accepted section of the group; that of the video without one."""
        sections = [self.section(kind) for kind in (("video", "audio") if with_audio else ("video",))]
        accepted = [section for section in sections if section is not None]
        assert accepted, "asked before the codec was chosen"
        first = self.bundled(section.mid for section in accepted)[:1]
        return next((section for section in accepted if section.mid in first), accepted[0])

    def _said(self, section: Section, name: str) -> str | None:
        return section.get(name) or self._session.get(name)


def answer(offer: Offer, local: Local, tracks: Sequence[tuple[str, Codec, int]]) -> str:
    """The answer: ``tracks`` are (kind, what was negotiated, SSRC); all other sections are rejected."""
    taken = {id(offer.section(kind)): (codec, ssrc) for kind, codec, ssrc in tracks}
    mids = offer.bundled(one.mid for one in offer.sections if id(one) in taken)
    lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0"]
    if mids:
        lines.append("a=group:BUNDLE " + " ".join(mids))
    for section in offer.sections:
        accepted = taken.get(id(section))
        if accepted is None:
            lines += _rejected(section)
            continue
        lines += _accepted(section, *accepted, local)
        if section.mid in mids[:1] or not mids:  # the others share its transport (RFC 8843 7.3)
            lines += [*(f"a=candidate:{one}" for one in local.candidates), "a=end-of-candidates"]
    return "\r\n".join(lines) + "\r\n"


def _accepted(section: Section, codec: Codec, ssrc: int, local: Local) -> list[str]:
    number = codec.payload_type
    lines = [f"m={section.kind} 9 {section.protocol} {number}", "c=IN IP4 0.0.0.0", *_mid(section)]
    lines += ["a=sendonly", "a=rtcp-mux", f"a=rtpmap:{number} {codec.rtpmap}"]
    if codec.parameters:
        lines.append(f"a=fmtp:{number} {codec.parameters}")
    lines += [f"a=rtcp-fb:{number} {one}" for one in codec.feedback]
    lines += [f"a=msid:{local.cname} {section.kind}", f"a=ssrc:{ssrc} cname:{local.cname}"]
    lines += [f"a=ice-ufrag:{local.ufrag}", f"a=ice-pwd:{local.password}", "a=setup:active"]
    return lines + [f"a=fingerprint:{digest} {value}" for digest, value in local.fingerprints]


def _rejected(section: Section) -> list[str]:
    head = f"m={section.kind} 0 {section.protocol} {section.formats[0]}"
    return [head, "c=IN IP4 0.0.0.0", *_mid(section), "a=inactive"]


def _mid(section: Section) -> list[str]:
    return [f"a=mid:{section.mid}"] if section.mid else []


def _receives(section: Section) -> bool:
    names = {name for name, _ in section.attributes}
    disabled = section.port == "0" and "bundle-only" not in names  # RFC 3264 5.1, RFC 8843 6
    return section.protocol == "UDP/TLS/RTP/SAVPF" and not disabled and not names & {"sendonly", "inactive"}


def _formats_of(section: Section, rtpmap: str) -> list[str]:
    """Payload types of an encoding, as preferred by the offer (RFC 8866 6.6; a channel count of one may be told)."""
    known = section.of_format("rtpmap")
    wanted = {rtpmap.lower(), f"{rtpmap.lower()}/1"}
    static = {"8": "pcma/8000", "0": "pcmu/8000"}
    return [
        number
        for number in dict.fromkeys(section.formats)
        if number.isascii() and number.isdigit() and int(number) < 128
        and (known.get(number) or [static.get(number, "")])[0].lower() in wanted
    ]  # fmt: skip


def _parameters(fmtp: str) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in fmtp.split(";"))
    return {name.lower(): value.strip() for name, _, value in pairs if name}


def _distance(offered: str, profile: str | None) -> int:
    """How far an offered profile is from the stream's: 0 the same, 1 the same profile_idc, else baseline first."""
    if profile is not None and offered[:4] == profile[:4]:
        return 0
    if profile is not None and offered[:2] == profile[:2]:
        return 1
    return 2 if offered[:2] == "42" else 3
