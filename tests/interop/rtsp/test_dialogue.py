"""The server's half of the conversation: RFC 2326 A.2, status by status."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from interop.device.picture import PictureSettings
from interop.rtsp.dialogue import Action, Answer, Offer, ServerDialogue, State
from interop.rtsp.login import Login
from interop.rtsp.medium import media_of
from interop.rtsp.message import Request
from interop.rtsp.settings import Fault, RtspSettings, Sound, Stream
from tests.interop.rtsp.test_medium import SETS_264

URL = "rtsp://127.0.0.1:8554/live"
TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"


class Camera:
    """A dialogue, and requests to it."""

    def __init__(self, *, sound: Sound = "", user: str = "", **settings: object) -> None:
        self.fault = Fault.NONE
        stream = Stream(sound=sound)
        offers = {
            "/live": Offer("/live", media_of(stream, SETS_264)),
            "/sub": Offer("/sub", media_of(Stream("/sub", PictureSettings()), SETS_264)),
        }
        numbers: Iterator[int] = iter(range(0x10, 0x100))
        self.dialogue = ServerDialogue(
            RtspSettings(**settings),  # type: ignore[arg-type]
            offers,
            Login("basic", user, "pw", "n0"),
            server_ports=(6000, 6001),
            fault=lambda: self.fault,
            draw=lambda bits: next(numbers),
        )

    def ask(self, method: str, uri: str = URL, body: bytes = b"", version: str = "RTSP/1.0", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in {"cseq": "1", **headers}.items()}
        return self.dialogue.answer(Request(method, uri, named, body, version), 100.0)

    def status(self, method: str, uri: str = URL, **headers: str) -> int:
        return _status(self.ask(method, uri, **headers))

    def playing(self) -> str:
        """SETUP and PLAY; the session."""
        assert self.status("SETUP", f"{URL}/trackID=0", transport=TCP) == 200
        session = self.dialogue.session
        assert self.ask("PLAY", session=session).action is Action.PLAY
        return session


def _status(answer: Answer) -> int:
    return int(answer.data.split(b" ")[1])


def _headers(answer: Answer) -> dict[str, str]:
    lines = answer.data.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_options_names_the_methods_to_everybody() -> None:
    camera = Camera(user="u")
    answer = camera.ask("OPTIONS", "*")
    assert _status(answer) == 200
    assert _headers(answer)["Public"] == (
        "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN"
    )


def test_a_description_says_where_its_tracks_are() -> None:
    answer = Camera().ask("DESCRIBE", f"{URL}?channel=1", accept="application/sdp")
    headers = _headers(answer)
    assert headers["Content-Base"] == f"{URL}/" and headers["Content-Type"] == "application/sdp"
    assert answer.data.partition(b"\r\n\r\n")[2].startswith(b"v=0\r\n")
    assert Camera().status("DESCRIBE", accept="text/html") == 406
    assert Camera().status("DESCRIBE", "rtsp://127.0.0.1/other") == 404


def test_a_session_from_setup_to_teardown() -> None:
    camera = Camera(sound="PCMA")
    first = camera.ask("SETUP", f"{URL}/trackID=0", transport=TCP)
    assert _headers(first)["Transport"] == "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=00000010"
    assert _headers(first)["Session"] == "0000000000000013;timeout=60"
    session = camera.dialogue.session
    second = camera.ask(
        "SETUP", f"{URL}/trackID=1", transport="RTP/AVP/TCP;unicast;interleaved=2-3", session=f"{session};timeout=60"
    )
    assert _status(second) == 200 and camera.dialogue.state is State.READY
    played = camera.ask("PLAY", f"{URL}/", session=session)
    assert played.action is Action.PLAY and camera.dialogue.state is State.PLAYING
    assert _headers(played)["RTP-Info"] == (
        f"url={URL}/trackID=0;seq=17;rtptime=18,url={URL}/trackID=1;seq=21;rtptime=22"
    )
    assert camera.ask("PLAY", session=session).action is None
    assert camera.ask("PAUSE", session=session).action is Action.PAUSE
    assert camera.ask("PAUSE", session=session).action is None
    assert camera.ask("PLAY", session=session).action is Action.PLAY
    assert camera.ask("TEARDOWN", session=session).action is Action.END
    assert (camera.dialogue.state, camera.dialogue.session, camera.dialogue.legs) == (State.INIT, "", {})


def test_datagrams_are_granted_with_the_ports_of_the_camera() -> None:
    answer = Camera().ask("SETUP", f"{URL}/trackID=0", transport="RTP/AVP;unicast;client_port=5000-5001")
    assert _headers(answer)["Transport"] == (
        "RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;ssrc=00000010"
    )


def test_requests_out_of_place_are_refused() -> None:
    camera = Camera()
    for method in ("PLAY", "PAUSE", "TEARDOWN"):
        assert camera.status(method) == 454
    session = camera.playing()
    assert camera.status("SETUP", f"{URL}/trackID=0", transport=TCP, session=session) == 455
    assert camera.status("PAUSE") == 454
    assert camera.status("PAUSE", session="12345") == 454
    assert camera.dialogue.state is State.PLAYING


def test_what_cannot_be_set_up_is_refused() -> None:
    camera = Camera(sound="PCMA")
    assert camera.status("SETUP", URL, transport=TCP) == 459
    assert camera.status("SETUP", f"{URL}/trackID=7", transport=TCP) == 404
    assert camera.status("SETUP", f"{URL}/trackID=0", transport="RTP/SAVP;unicast") == 461
    assert camera.dialogue.state is State.INIT
    assert camera.status("SETUP", f"{URL}/trackID=0", transport=TCP) == 200
    session = camera.dialogue.session
    assert camera.status("SETUP", f"{URL}/trackID=1", transport=TCP, session=session) == 461
    assert camera.status("SETUP", "rtsp://127.0.0.1/sub", transport=TCP, session=session) == 459
    assert camera.status("SETUP", f"{URL}/trackID=0", transport=TCP, session=session) == 200


def test_a_stream_of_one_track_may_be_set_up_by_its_own_address() -> None:
    assert Camera().status("SETUP", "rtsp://127.0.0.1/sub", transport=TCP) == 200


def test_parameters_are_for_keeping_alive() -> None:
    camera = Camera()
    assert camera.status("GET_PARAMETER") == 200
    session = camera.playing()
    assert camera.status("GET_PARAMETER", session=session) == 200
    assert camera.status("SET_PARAMETER", session=session) == 200
    assert camera.status("GET_PARAMETER", session="other") == 454
    assert _status(camera.ask("GET_PARAMETER", body=b"packets_received\r\n", session=session)) == 451


def test_life_is_counted_from_the_last_word() -> None:
    camera = Camera(timeout_s=30.0)
    camera.ask("OPTIONS")
    assert camera.dialogue.deadline == 130.0
    camera.dialogue.heard(120.0)
    assert camera.dialogue.deadline == 150.0


def test_strange_requests_are_answered_in_the_protocols_words() -> None:
    camera = Camera()
    assert camera.status("RECORD") == 405
    assert camera.status("DANCE") == 501
    assert _headers(camera.ask("DANCE"))["Allow"].startswith("OPTIONS, DESCRIBE")
    assert _status(camera.ask("OPTIONS", version="RTSP/2.0")) == 505
    assert _headers(camera.ask("DESCRIBE", require="funky"))["Unsupported"] == "funky"
    wrong = camera.ask("OPTIONS", cseq="x")
    assert _status(wrong) == 400 and _headers(wrong)["CSeq"] == "0"


def test_a_stranger_learns_nothing_of_the_streams() -> None:
    camera = Camera(user="u")
    camera.fault = Fault.UNAVAILABLE
    for uri in (URL, "rtsp://127.0.0.1/other"):
        answer = camera.ask("DESCRIBE", uri)
        assert _status(answer) == 401 and _headers(answer)["WWW-Authenticate"] == 'Basic realm="gbsim"'
    camera.fault = Fault.NONE
    assert camera.status("DESCRIBE", authorization="Basic dTpwdw==") == 200


@pytest.mark.parametrize(
    ("fault", "status"), [(Fault.WRONG_PASSWORD, 401), (Fault.NOT_FOUND, 404), (Fault.UNAVAILABLE, 503)]
)
def test_faults_have_their_status(fault: Fault, status: int) -> None:
    camera = Camera(user="u")
    camera.fault = fault
    for _ in range(3):
        assert camera.status("DESCRIBE", authorization="Basic dTpwdw==") == status
    assert camera.status("OPTIONS") == 200


def test_garbage_is_no_rtsp_and_changes_nothing() -> None:
    camera = Camera()
    camera.fault = Fault.GARBAGE
    answer = camera.ask("SETUP", f"{URL}/trackID=0", transport=TCP)
    assert not answer.data.startswith(b"RTSP") and camera.dialogue.state is State.INIT
