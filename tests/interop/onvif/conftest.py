"""A camera's services asked by hand-written XML; the schemas of ONVIF judge every answer before a test sees it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import inspect
import itertools
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from lxml import etree

from interop.onvif import CameraSettings, DiscoverySettings, OnvifCamera, Preset, Profile, VideoSource
from interop.onvif.clock import CameraClock
from interop.onvif.faults import OnvifFault
from interop.onvif.received import read
from interop.onvif.state import Call, CameraState, Operations
from tests.stand.onvif_schemas import body_of, faults_of

MAIN = Profile("main", "main", "H265", 3840, 2160, 25.0, "rtsp://127.0.0.1:8554/main", 8192, 50)
SUB = Profile("sub", "sub", "H264", 640, 360, 12.5, "rtsp://127.0.0.1:8554/sub", 512, 25)
THERMAL = Profile("thermal", "", "JPEG", 384, 288, 9.0, "rtsp://127.0.0.1/thermal")
GATE = Preset("1", "大门", 0.5, -0.25, 0.5)
DOME = VideoSource("lens_1", (MAIN, SUB), ptz=True, presets=(GATE,), imaging=True)
FIXED = VideoSource("lens_2", (THERMAL,))
PICTURE = b"\xff\xd8 a picture"
SETTINGS = CameraSettings(password="pw-0815", sources=(DOME, FIXED), snapshot=PICTURE, serial="SN-20250001")

URIS = {
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tr2": "http://www.onvif.org/ver20/media/wsdl",
    "tptz": "http://www.onvif.org/ver20/ptz/wsdl",
    "timg": "http://www.onvif.org/ver20/imaging/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "tt": "http://www.onvif.org/ver10/schema",
    "env": "http://www.w3.org/2003/05/soap-envelope",
    "wsa": "http://www.w3.org/2005/08/addressing",
}
DECLARED = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in URIS.items())
SUBSCRIPTION = "http://docs.oasis-open.org/wsn/b-2"


class Hands:
    """A clock moved by hand: even time from 1000 s, the wall at 2025-03-01 00:00:00 UTC."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.wall = datetime(2025, 3, 1, tzinfo=UTC).timestamp()

    def go(self, seconds: float) -> None:
        self.now += seconds
        self.wall += seconds


class Asker:
    """Asks one service. Answers come back as elements found by `find`, which knows the prefixes."""

    def __init__(self, prefix: str, operations: Operations) -> None:
        self.prefix = prefix
        self.operations = operations
        self.subscription = ""

    async def __call__(self, operation: str, inner: str = "", prefix: str = "") -> Found:
        uri = prefix or self.prefix
        text = f"<{uri}:{operation} {DECLARED}>{inner}</{uri}:{operation}>"
        element = etree.fromstring(text)
        assert faults_of(element) == [], "the request itself is not valid"
        call = Call(read("any", operation, element), "http://127.0.0.1:8000", self.subscription)
        answer = self.operations[operation](call)
        answered = await answer if inspect.isawaitable(answer) else answer
        assert faults_of(answered) == []
        return Found(answered)

    async def refused(self, operation: str, inner: str = "", prefix: str = "") -> tuple[str, ...]:
        with pytest.raises(OnvifFault) as refused:
            await self(operation, inner, prefix)
        return refused.value.subcodes


class Found:
    """An element, with paths such as "tt:Name" and attributes such as "tt:Name/@token"."""

    def __init__(self, element: Any) -> None:
        self.element = element
        self.name = etree.QName(element).localname

    def all(self, path: str) -> list[str]:
        found = self.element.xpath(path, namespaces=URIS)
        return [one if isinstance(one, str) else (one.text or "").strip() for one in found]

    def one(self, path: str) -> str:
        (found,) = self.all(path)
        return str(found)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def camera_state(hands: Hands) -> CameraState:
    return CameraState(SETTINGS, CameraClock(lambda: hands.now, lambda: hands.wall))


_NONCES = itertools.count(1)


def security(username: str, password: str, created: datetime, *, nonce: bytes = b"", kind: str = "Digest") -> str:
    """A wsse:Security header made by the rule of the UsernameToken profile."""
    nonce = nonce or f"nonce {next(_NONCES)}".encode()
    when = created.strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = base64.b64encode(hashlib.sha1(nonce + when.encode() + password.encode()).digest()).decode()
    base = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
    return (
        f'<wsse:Security xmlns:wsse="{base}-wssecurity-secext-1.0.xsd" xmlns:wsu="{base}-wssecurity-utility-1.0.xsd">'
        f"<wsse:UsernameToken><wsse:Username>{username}</wsse:Username>"
        f'<wsse:Password Type="{base}-username-token-profile-1.0#Password{kind}">{digest}</wsse:Password>'
        f"<wsse:Nonce>{base64.b64encode(nonce).decode()}</wsse:Nonce><wsu:Created>{when}</wsu:Created>"
        "</wsse:UsernameToken></wsse:Security>"
    )


def enveloped(body: str, header: str = "") -> bytes:
    """A SOAP 1.2 request."""
    return (
        f"<env:Envelope {DECLARED}><env:Header>{header}</env:Header><env:Body>{body}</env:Body></env:Envelope>"
    ).encode()


class Visitor:
    """A client of a running camera that speaks raw SOAP."""

    def __init__(self, camera: OnvifCamera, session: aiohttp.ClientSession) -> None:
        self.camera = camera
        self.session = session

    async def post(self, content: bytes, path: str = "/onvif/device_service") -> tuple[int, bytes]:
        async with self.session.post(self.camera.address + path, data=content) as response:
            return response.status, await response.read()

    async def ask(self, body: str, header: str | None = None, path: str = "/onvif/device_service") -> tuple[int, Found]:
        """Ask as the right user, unless another header is given; the answer has been judged."""
        if header is None:
            settings = self.camera.settings
            header = security(settings.username, settings.password, datetime.now(UTC))
        status, content = await self.post(enveloped(body, header), path)
        answered = body_of(content)
        assert faults_of(answered) == []
        return status, Found(answered)


@contextlib.asynccontextmanager
async def visiting(
    settings: CameraSettings = SETTINGS, discovery: DiscoverySettings | None = None, **hands: Any
) -> AsyncIterator[Visitor]:
    """A camera that runs, and someone who visits it."""
    async with (
        OnvifCamera(settings, discovery=discovery, **hands) as camera,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session,
    ):
        yield Visitor(camera, session)


async def soon(true: Callable[[], bool]) -> None:
    """Wait for a state that nobody announces."""
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.005)
