"""A simulated ONVIF camera: SOAP over HTTP, snapshots, discovery."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self

from aiohttp import web

from interop.onvif import misbehaviour
from interop.onvif.clock import CameraClock
from interop.onvif.device_service import DeviceService, scopes_of
from interop.onvif.discovery import Announcement, DiscoverySettings, WsDiscovery, own_address_towards
from interop.onvif.encodings import source_configuration_token
from interop.onvif.envelope import Request, answer, parse
from interop.onvif.event_service import EventService
from interop.onvif.faults import OnvifFault, not_authorized, not_supported
from interop.onvif.head import Position
from interop.onvif.http_login import HttpLogin
from interop.onvif.imaging_service import ImagingService
from interop.onvif.media2_service import Media2Service
from interop.onvif.media_service import MediaService
from interop.onvif.misbehaviour import GARBAGE, Misbehaviour
from interop.onvif.names import CELL_MOTION, MOTION_ALARM, NS, PATHS, SERVICES, SNAPSHOT_PATH, SUBSCRIPTION_PATH
from interop.onvif.ptz_service import PtzService
from interop.onvif.pull_points import Event, PullPoints
from interop.onvif.received import Received, ReceivedLog, read
from interop.onvif.security import UsernameTokens
from interop.onvif.settings import CameraSettings
from interop.onvif.state import Call, CameraState, Operations
from interop.onvif.tree import node

MOST_BYTES: Final = 64 << 10
SOAP: Final = "application/soap+xml"


class OnvifCamera:
    """Serves while entered: `async with OnvifCamera(settings) as camera`.

    state      clock, heads, presets, lenses, snapshot: to look at and to change
    refused    how many requests were not from the configured user
    """

    def __init__(
        self,
        settings: CameraSettings,
        *,
        discovery: DiscoverySettings | None = None,
        on_received: Callable[[Received], None] = lambda received: None,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self.state = CameraState(settings, CameraClock(monotonic, wall, settings.clock_offset_s))
        self.refused = 0
        self.port = 0
        self._log = ReceivedLog(on_received)
        self._points = PullPoints(settings.max_subscriptions)
        self._tokens = UsernameTokens(settings, self.state.clock)
        self._login = HttpLogin("ONVIF", settings.username, settings.password, settings.digest_algorithm)
        self._bad = {name: misbehaviour.parse(text) for name, text in settings.misbehaviour.items()}
        self._stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._discovery = WsDiscovery(discovery, self._announcement) if discovery is not None else None
        self._operations = self._all_operations()

    def _all_operations(self) -> dict[str, Operations]:
        state = self.state
        services: dict[str, Operations] = {
            "trt": MediaService(state).operations,
            "tr2": Media2Service(state).operations,
            "tptz": PtzService(state).operations,
            "timg": ImagingService(state).operations,
            "tev": EventService(state, self._points).operations,
        }
        capabilities = {prefix: operations["GetServiceCapabilities"] for prefix, operations in services.items()}
        device = DeviceService(state, capabilities)
        offered = device.offered()
        return {"tds": device.operations, **{prefix: services[prefix] for prefix in services if prefix in offered}}

    # -- life

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; say Hello. After `stop` it comes back at the same ports, its subscriptions lost. Raises OSError."""
        self._stopping.clear()
        application = web.Application(client_max_size=MOST_BYTES)
        application.router.add_post("/{path:.*}", self._post)
        application.router.add_get(SNAPSHOT_PATH + "{token}", self._get_snapshot)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
        try:
            await self._runner.setup()
            await web.TCPSite(self._runner, self.settings.host, self.port or self.settings.port).start()
            self.port = self._runner.addresses[0][1]
            if self._discovery is not None:
                await self._discovery.start()
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Say Bye; release who waits; close everything."""
        if self._discovery is not None:
            await self._discovery.stop()
        self._stopping.set()
        self._points.close()
        if self._runner is not None:
            await self._runner.cleanup()

    # -- what tests and operators see and do

    @property
    def received(self) -> list[Received]:
        """What was asked by who proved to be the user, oldest first; the last 1000."""
        return self._log.kept

    async def wait_for(self, operation: str, count: int = 1, timeout_s: float = 10.0) -> Received:
        """The count-th request of an operation ("Stop", or "ptz:Stop"). Raises TimeoutError."""
        return await self._log.wait_for(operation, count, timeout_s)

    def forget_received(self) -> None:
        """Start counting anew."""
        self._log.clear()

    @property
    def address(self) -> str:
        """The base of the camera's own addresses, such as "http://127.0.0.1:8000"."""
        return self._named(self.settings.host)

    @property
    def discovery_port(self) -> int:
        """The UDP port discovery listens on; 0 without discovery."""
        return self._discovery.port if self._discovery is not None else 0

    @property
    def subscriptions(self) -> int:
        """How many pull points there are."""
        return self._points.open(self.state.clock.now())

    def position(self, source: str = "") -> Position:
        """Where a head looks now; without a token the first."""
        token = source or next(iter(self.state.sources))
        return self.state.source(token).head.position(self.state.clock.now())

    def misbehave(self, operation: str, how: str | None) -> None:
        """From now on answer an operation so, or well again with None. Raises ValueError."""
        self._bad.pop(operation, None)
        if how is not None:
            self._bad[operation] = misbehaviour.parse(how)

    def raise_event(
        self, topic: str, source: Mapping[str, str], data: Mapping[str, str], operation: str = "Changed"
    ) -> None:
        """Tell every pull point; `topic` such as "tns1:RuleEngine/CellMotionDetector/Motion"."""
        event = Event(topic, self.state.clock.utc(), operation, tuple(source.items()), tuple(data.items()))
        self._points.publish(self.state.clock.now(), event)

    def motion(self, moves: bool, source: str = "") -> None:
        """Motion begins or ends before a source: both the rule's event and the source's."""
        state = self.state.source(source or next(iter(self.state.sources)))
        rule = {
            "VideoSourceConfigurationToken": source_configuration_token(state),
            "VideoAnalyticsConfigurationToken": f"analytics_{state.token}",
            "Rule": "MyMotionDetectorRule",
        }
        word = "true" if moves else "false"
        self.raise_event(CELL_MOTION, rule, {"IsMotion": word})
        self.raise_event(MOTION_ALARM, {"Source": state.token}, {"State": word})

    # -- requests

    async def _post(self, request: web.Request) -> web.StreamResponse:
        asked: Request | None = None
        try:
            asked = parse(await request.read())
            return await self._served(request, asked)
        except OnvifFault as fault:
            return web.Response(body=answer(fault.body(), asked), status=fault.status, content_type=SOAP)

    async def _served(self, request: web.Request, asked: Request) -> web.StreamResponse:
        prefix = next((key for key, uri in NS.items() if uri == asked.namespace), "")
        prefix = "tev" if prefix == "wsnt" else prefix
        if (challenge := self._unproven(request, asked, prefix)) is not None:
            return challenge
        if prefix not in SERVICES:
            raise OnvifFault("ter:Namespace", reason=f"No service {asked.namespace!r}")
        received = read(SERVICES[prefix], asked.operation, asked.element)
        self._log.add(received)
        bad = misbehaviour.chosen(self._bad, received.service, received.operation)
        if bad is not None and (response := await self._badly(request, bad)) is not None:
            return response
        if (handler := self._operations.get(prefix, {}).get(asked.operation)) is None:
            raise not_supported(reason=f"No operation {asked.operation}")
        subscription = request.path.removeprefix(SUBSCRIPTION_PATH) if SUBSCRIPTION_PATH in request.path else ""
        result = handler(Call(received, self._base(request), subscription))
        body = await result if inspect.isawaitable(result) else result
        return web.Response(body=answer(body, asked), content_type=SOAP, charset="utf-8")

    def _base(self, request: web.Request) -> str:
        """The camera's address as the asker reaches it."""
        name = request.transport.get_extra_info("sockname")[0] if request.transport is not None else self.settings.host
        return self._named(name)

    def _named(self, own: str) -> str:
        return f"http://{self.settings.xaddr_host or own}:{self.port}"

    def _unproven(self, request: web.Request, asked: Request, prefix: str) -> web.Response | None:
        """Check the sender: None, or the challenge to answer. Raises OnvifFault."""
        if not self.settings.username or (prefix == "tds" and asked.operation in self.settings.open_operations):
            return None
        if not self.settings.http_digest:
            try:
                self._tokens.check(asked.header)
            except OnvifFault:
                self.refused += 1
                raise
            return None
        if self._login.accepts("digest", request.headers.get("Authorization", ""), request.method, request.path_qs):
            return None
        return self._challenge("digest", answer(not_authorized().body(), asked))

    def _challenge(self, scheme: str, body: bytes = b"") -> web.Response:
        self.refused += 1
        value = self._login.challenge("basic" if scheme == "basic" else "digest")
        return web.Response(status=401, headers={"WWW-Authenticate": value}, body=body, content_type=SOAP)

    async def _badly(self, request: web.Request, bad: Misbehaviour) -> web.StreamResponse | None:
        """Answer badly; None: late, but well."""
        match bad.kind:
            case "silent":
                await self._stopping.wait()
                return web.Response(status=503)
            case "slow":
                await asyncio.sleep(bad.seconds)
                return None
            case "garbage":
                return web.Response(body=GARBAGE, content_type=SOAP)
            case "fault":
                raise OnvifFault(bad.subcode, reason="The camera was told to refuse")
            case "oversized":
                return await self._oversized(request)

    async def _oversized(self, request: web.Request) -> web.StreamResponse:
        """An envelope with a text of many bytes, sent without having them in memory."""
        head, _, tail = answer(node("tt:Message", "\u2026")).partition("\u2026".encode())
        filling = b"A" * 65536
        response = web.StreamResponse(headers={"Content-Type": SOAP})
        await response.prepare(request)
        await response.write(head)
        for _ in range(max(1, self.settings.oversized_bytes // len(filling))):
            await response.write(filling)
        await response.write(tail)
        await response.write_eof()
        return response

    async def _get_snapshot(self, request: web.Request) -> web.StreamResponse:
        scheme = self.settings.snapshot_auth
        if scheme != "none" and self.settings.username:
            given = request.headers.get("Authorization", "")
            if not self._login.accepts(scheme, given, request.method, request.path_qs):
                return self._challenge(scheme)
        token = request.match_info["token"]
        known = any(profile.token == token for _, profile in self.state.profiles(media2=True))
        if self.state.snapshot is None or not known:
            return web.Response(status=404)
        self._log.add(Received("snapshot", "snapshot", token, {}))
        try:
            bad = misbehaviour.chosen(self._bad, "snapshot", "snapshot")
            if bad is not None and (response := await self._badly(request, bad)) is not None:
                return response
        except OnvifFault:
            return web.Response(status=500)
        return web.Response(body=self.state.snapshot, content_type="image/jpeg")

    def _announcement(self, asker: tuple[str, int]) -> Announcement:
        """What discovery tells an asker: the address of the network card that faces it."""
        own = self.settings.host if self.settings.host not in ("", "0.0.0.0") else own_address_towards(asker)
        return Announcement(self.settings.serial, scopes_of(self.state), (self._named(own) + PATHS["tds"],))
