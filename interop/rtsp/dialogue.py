"""The server's half of an RTSP conversation: requests in, answers out, and what is to be done. No I/O, no clock."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar
from urllib.parse import urlsplit

from interop.rtsp.login import Login
from interop.rtsp.medium import Medium, control, description
from interop.rtsp.message import VERSION, Request, response
from interop.rtsp.settings import Fault, RtspSettings
from interop.rtsp.track import RtpTrack
from interop.rtsp.transport import Transport, choose


class State(StrEnum):
    """States of the server (RFC 2326 A.2)."""

    INIT = "Init"
    READY = "Ready"
    PLAYING = "Playing"


class Action(StrEnum):
    """What the connection is to do after an answer is sent."""

    PLAY = "play"
    PAUSE = "pause"
    END = "end"


_NEXT: dict[tuple[State, str], tuple[State, Action | None]] = {
    (State.INIT, "SETUP"): (State.READY, None),
    (State.READY, "SETUP"): (State.READY, None),
    (State.READY, "PLAY"): (State.PLAYING, Action.PLAY),
    (State.READY, "PAUSE"): (State.READY, None),
    (State.READY, "TEARDOWN"): (State.INIT, Action.END),
    (State.PLAYING, "PLAY"): (State.PLAYING, None),
    (State.PLAYING, "PAUSE"): (State.READY, Action.PAUSE),
    (State.PLAYING, "TEARDOWN"): (State.INIT, Action.END),
}
"""RFC 2326 A.2; what is not in it is answered 455. While it plays, no track is added."""

METHODS = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY", "PAUSE", "GET_PARAMETER", "SET_PARAMETER", "TEARDOWN")
_KNOWN = (*METHODS, "ANNOUNCE", "RECORD", "REDIRECT")
PUBLIC = ", ".join(METHODS)
_ANY_TIME = ("GET_PARAMETER", "SET_PARAMETER")


@dataclass(frozen=True, slots=True)
class Offer:
    """One stream as it is offered: its path and its media."""

    path: str
    media: tuple[Medium, ...]


@dataclass(frozen=True, slots=True)
class Leg:
    """A track of the session and how it travels."""

    track: RtpTrack
    transport: Transport


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes to send, and what to do then."""

    data: bytes
    action: Action | None = None


class Refused(Exception):
    """A request that is answered with a status of failure."""

    def __init__(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(status))
        self.status = status
        self.headers = dict(headers or {})


class ServerDialogue:
    """One connection's requests; it holds at most one session.

    `server_ports` are the datagram ports for RTP and RTCP; `fault` tells what is wrong with the camera just now;
    `draw` gives random bits (identifiers of sessions and sources, first sequence numbers).
    """

    def __init__(
        self,
        settings: RtspSettings,
        offers: Mapping[str, Offer],
        login: Login,
        *,
        server_ports: tuple[int, int],
        fault: Callable[[], Fault],
        draw: Callable[[int], int] = secrets.randbits,
    ) -> None:
        self._settings = settings
        self._offers = offers
        self._login = login
        self._server_ports = server_ports
        self._fault = fault
        self._draw = draw
        self._heard = 0.0
        self.state = State.INIT
        self.session = ""
        self.offer: Offer | None = None
        self.legs: dict[int, Leg] = {}

    def heard(self, now: float) -> None:
        """The client gave a sign of life at `now` (RTCP counts, RFC 2326 A.2)."""
        self._heard = now

    @property
    def deadline(self) -> float:
        """When the session, or a connection without one, has been silent for too long."""
        return self._heard + self._settings.timeout_s

    def end(self) -> None:
        """Forget the session."""
        self.state, self.session, self.offer = State.INIT, "", None
        self.legs.clear()

    def answer(self, request: Request, now: float) -> Answer:
        """The answer to a request that arrived at `now`."""
        self.heard(now)
        if self._fault() is Fault.GARBAGE:
            return Answer(b"\x16\x03\x01 this is no RTSP\r\n\r\n")
        cseq = request.headers.get("cseq", "")
        action: Action | None = None
        try:
            if not (cseq.isascii() and cseq.isdigit()):
                raise Refused(400)
            headers, body = self._answer(request, now)
            _, action = _NEXT.get((self.state, request.method), (self.state, None))
            self._move(request.method)
            data = response(200, cseq, headers, body)
        except Refused as refused:
            data = response(refused.status, cseq if cseq.isascii() and cseq.isdigit() else "0", refused.headers)
        return Answer(data, action)

    def _move(self, method: str) -> None:
        self.state, action = _NEXT.get((self.state, method), (self.state, None))
        if action is Action.END:
            self.end()

    def _answer(self, request: Request, now: float) -> tuple[dict[str, str], bytes]:
        if request.version != VERSION:
            raise Refused(505)
        if request.method not in METHODS:
            raise Refused(405 if request.method in _KNOWN else 501, {"Allow": PUBLIC})
        if "require" in request.headers:
            raise Refused(551, {"Unsupported": request.headers["require"]})
        if request.method == "OPTIONS":
            return {"Public": PUBLIC}, b""
        self._admit(request)
        if request.method != "DESCRIBE":
            self._same_session(request)
        return self._handlers[request.method](self, request, now)

    def _admit(self, request: Request) -> None:
        """Password first, then what is wrong with the camera: a stranger learns nothing of its streams."""
        proven = self._login.accepts(request.method, request.uri, request.headers.get("authorization", ""))
        if not proven or self._fault() is Fault.WRONG_PASSWORD:
            raise Refused(401, {"WWW-Authenticate": self._login.challenge()})
        if self._fault() is Fault.UNAVAILABLE:
            raise Refused(503)

    def _same_session(self, request: Request) -> None:
        """Every request within a session names it; SETUP may begin one, and the first has none to name."""
        named = request.headers.get("session", "").partition(";")[0].strip()
        if named != self.session and (named or request.method not in _ANY_TIME):
            raise Refused(454)
        if request.method not in _ANY_TIME and (self.state, request.method) not in _NEXT:
            raise Refused(454 if self.state is State.INIT else 455)

    def _describe(self, request: Request, now: float) -> tuple[dict[str, str], bytes]:
        accept = request.headers.get("accept", "application/sdp")
        if not any(kind in accept for kind in ("application/sdp", "application/*", "*/*")):
            raise Refused(406)
        offer, _ = self._find(request.uri)
        base = f"{request.uri.partition('?')[0].rstrip('/')}/"
        headers = {"Content-Base": base, "Content-Type": "application/sdp"}
        return headers, description(self._settings.name, self._settings.host, offer.media)

    def _setup(self, request: Request, now: float) -> tuple[dict[str, str], bytes]:
        offer, number = self._find(request.uri)
        if number is None and len(offer.media) > 1:
            raise Refused(459)
        number = number or 0
        if self.offer is not None and offer is not self.offer:
            raise Refused(459)
        wish = request.headers.get("transport", "")
        transport = choose(wish, self._settings.transports, default_channel=2 * number)
        others = [leg.transport for at, leg in self.legs.items() if at != number]
        if transport is None or any(transport.collides(other) for other in others):
            raise Refused(461)
        track = RtpTrack(
            offer.media[number], number, ssrc=self._draw(32), sequence=self._draw(16), timestamp=self._draw(32)
        )
        self.offer, self.legs[number] = offer, Leg(track, transport)
        self.session = self.session or f"{self._draw(64):016x}"
        return {"Session": self._session, "Transport": transport.granted(self._server_ports, track.ssrc)}, b""

    def _play(self, request: Request, now: float) -> tuple[dict[str, str], bytes]:
        if self.state is State.READY:
            for leg in self.legs.values():
                leg.track.play(now)
        base = request.uri.rstrip("/")
        tracks = [leg.track for leg in self.legs.values()]
        info = [f"url={base}/{control(t.number)};seq={t.sequence};rtptime={t.rtptime}" for t in tracks]
        return {"Session": self._session, "Range": "npt=now-", "RTP-Info": ",".join(info)}, b""

    def _acknowledge(self, request: Request, now: float) -> tuple[dict[str, str], bytes]:
        return ({"Session": self._session} if self.session else {}), b""

    def _parameter(self, request: Request, now: float) -> tuple[dict[str, str], bytes]:
        """Without a body it only says that the client is alive (RFC 2326 10.8); parameters there are none."""
        if request.body.strip():
            raise Refused(451)
        return self._acknowledge(request, now)

    _handlers: ClassVar[Mapping[str, Callable[[ServerDialogue, Request, float], tuple[dict[str, str], bytes]]]] = {
        "DESCRIBE": _describe,
        "SETUP": _setup,
        "PLAY": _play,
        "PAUSE": _acknowledge,
        "TEARDOWN": _acknowledge,
        "GET_PARAMETER": _parameter,
        "SET_PARAMETER": _parameter,
    }

    @property
    def _session(self) -> str:
        return f"{self.session};timeout={int(self._settings.timeout_s)}"

    def _find(self, uri: str) -> tuple[Offer, int | None]:
        """The stream of a URI, and the track where one is named. Query strings do not matter."""
        path = urlsplit(uri).path.rstrip("/")
        stem, _, last = path.rpartition("/")
        offer = self._offers.get(path)
        if self._fault() is not Fault.NOT_FOUND:
            if offer is not None:
                return offer, None
            offer = self._offers.get(stem)
            for number in range(len(offer.media) if offer is not None else 0):
                if offer is not None and last == control(number):
                    return offer, number
        raise Refused(404)
