"""Asking one ONVIF camera: its services, our login in its own time, and its troubles in our words."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from gateway.errors import Failure, LocalError, Reason
from gateway.onvif.address import ANY_CERTIFICATE, OTHER_HOSTS, reached
from gateway.onvif.camera_http import CameraHttp, HttpAnswer, HttpTrouble, Login
from gateway.onvif.clock import camera_time, clock_words
from gateway.onvif.fault import BadAnswer, SoapFault, fault_in
from gateway.onvif.username_token import UsernameToken
from gateway.onvif.wsdl import NAMESPACES, ServiceName, load, parsed
from gateway.secrets import Secret

log = structlog.get_logger("onvif")

_CAPABILITIES: dict[ServiceName, str] = {"media": "Media", "ptz": "PTZ", "imaging": "Imaging", "events": "Events"}
MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
MAX_SERVICES = 64


class OnvifClient:
    """One camera at one address with one login. `clock` gives unix seconds."""

    def __init__(
        self,
        http: CameraHttp,
        url: str,
        username: str,
        password: Secret,
        *,
        tolerances: tuple[str, ...] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.url = url
        self.http = http
        self.login = Login(username, password)
        self.clock_offset_s: float | None = None
        self._other_hosts = OTHER_HOSTS in tolerances
        self._verify = ANY_CERTIFICATE not in tolerances
        self._clock = clock
        self._addresses: dict[str, str] = {NAMESPACES["device"]: url}

    def offers(self, service: ServiceName) -> bool:
        """Whether the camera has a service (once `learn_services` has asked)."""
        return NAMESPACES[service] in self._addresses

    @property
    def media2(self) -> str | None:
        """Where its Media2 service is, if it has one."""
        return self._addresses.get(MEDIA2)

    @property
    def verifies(self) -> bool:
        """Whether certificates are verified."""
        return self._verify

    def here(self, url: str) -> str:
        """A URL the camera named, as it is reached from here. Raises Failure."""
        try:
            return reached(url, self.url, other_hosts=self._other_hosts)
        except LocalError as error:
            raise Failure(Reason.ONVIF_FAULT, str(error)) from error

    async def learn_clock(self) -> None:
        """Ask what time it is there. Before that, a login bears our own time. Raises Failure."""
        # Anybody may ask (ONVIF Core 8.2.2); some cameras want a login all the same.
        try:
            answer = await self.call("device", "GetSystemDateAndTime", login=False)
        except Failure as failure:
            if failure.reason is not Reason.ONVIF_REFUSED:
                raise
            answer = await self.call("device", "GetSystemDateAndTime")
        there = camera_time(answer)
        self.clock_offset_s = there - self._clock() if there is not None else None

    async def learn_services(self) -> None:
        """Ask which services it has and where. Raises Failure."""
        found: dict[str, str] = {}
        try:
            for entry in entries(await self.call("device", "GetServices", IncludeCapability=False))[:MAX_SERVICES]:
                if entry.get("Namespace") and entry.get("XAddr"):
                    found[str(entry["Namespace"])] = self.here(str(entry["XAddr"]))
        except Failure as failure:
            if failure.reason in (Reason.ONVIF_UNREACHABLE, Reason.ONVIF_REFUSED):
                raise
        if NAMESPACES["media"] not in found and MEDIA2 not in found:
            capabilities = part(await self.call("device", "GetCapabilities", Category=["All"]))
            for service, name in _CAPABILITIES.items():
                address = part(capabilities.get(name)).get("XAddr")
                if address:
                    found[NAMESPACES[service]] = self.here(str(address))
        self._addresses = found | {NAMESPACES["device"]: self.url}

    async def call(
        self,
        service: ServiceName,
        operation: str,
        *,
        login: bool = True,
        at: str = "",
        headers: tuple[bytes, ...] = (),
        longer_s: float = 0.0,
        **params: Any,
    ) -> Any:
        """Ask; the answer in plain values. `at`: another address than the service's own. Raises Failure."""
        answer = await self._asked(service, operation, params, login, at, headers, longer_s)
        try:
            return await (await load()).read(service, operation, answer.body)
        except SoapFault as fault:
            raise self.refusal(fault) from fault
        except BadAnswer as error:
            raise self._bad(answer, str(error)) from error

    async def envelope(
        self,
        service: ServiceName,
        operation: str,
        *,
        at: str = "",
        headers: tuple[bytes, ...] = (),
        longer_s: float = 0.0,
        **params: Any,
    ) -> Any:
        """As `call`, and the whole answer as an element. Raises Failure."""
        answer = await self._asked(service, operation, params, True, at, headers, longer_s)
        try:
            envelope = parsed(answer.body)
        except BadAnswer as error:
            raise self._bad(answer, str(error)) from error
        if (fault := fault_in(envelope)) is not None:
            raise self.refusal(fault)
        return envelope

    async def _asked(
        self,
        service: ServiceName,
        operation: str,
        params: dict[str, Any],
        login: bool,
        at: str,
        headers: tuple[bytes, ...],
        longer_s: float,
    ) -> HttpAnswer:
        services = await load()
        address = at or self._address(service)
        token = self.fresh_token() if login else None
        request = services.request(service, operation, params, address=address, token=token, headers=headers)
        return await self.post(address, request.body, request.content_type, login=login, longer_s=longer_s)

    async def post(
        self, address: str, body: bytes, content_type: str, *, login: bool = True, longer_s: float = 0.0
    ) -> HttpAnswer:
        """Send a request as it is. Raises Failure when there is no answer, or one without a body."""
        try:
            answer = await self.http.post(
                address, body, content_type, self.login if login else Login(), verify=self._verify, longer_s=longer_s
            )
        except HttpTrouble as trouble:
            raise Failure(Reason.ONVIF_UNREACHABLE, trouble.what, detail_zh=trouble.what_zh) from trouble
        if not answer.body or answer.status in (401, 403):
            if answer.status == 200:
                raise Failure(Reason.ONVIF_NOT_A_SERVICE, "its answer is empty", detail_zh="应答为空")
            raise self._bad(answer, "")
        return answer

    def _address(self, service: ServiceName) -> str:
        namespace = NAMESPACES["events" if service in ("pull_point", "subscription") else service]
        address = self._addresses.get(namespace)
        if address is None:
            raise Failure(
                Reason.ONVIF_UNSUPPORTED, f"it has no {service} service", detail_zh=f"设备没有 {service} 服务"
            )
        return address

    def fresh_token(self) -> UsernameToken | None:
        """A login for one request; None where no user is configured."""
        if not self.login.username:
            return None
        now = self._clock() + (self.clock_offset_s or 0.0)
        return UsernameToken(self.login.username, self.login.password.reveal(), now, secrets.token_bytes(16))

    def _bad(self, answer: HttpAnswer, what: str) -> Failure:
        if answer.status in (401, 403):
            return self._refused(None)
        status = f"HTTP {answer.status}" if answer.status != 200 else ""
        return Failure(Reason.ONVIF_NOT_A_SERVICE, ", ".join(part for part in (status, what) if part))

    def refusal(self, fault: SoapFault) -> Failure:
        """A fault in our words, with the camera's own."""
        if fault.unauthorised:
            return self._refused(fault)
        return Failure(Reason.ONVIF_UNSUPPORTED if fault.unsupported else Reason.ONVIF_FAULT, str(fault))

    def _refused(self, fault: SoapFault | None) -> Failure:
        words, words_zh = clock_words(self.clock_offset_s)
        said = f"It says: {fault.text}." if fault is not None and fault.text else ""
        detail_zh = (f"设备答复：{fault.text}。" if fault is not None and fault.text else "") + words_zh
        return Failure(Reason.ONVIF_REFUSED, " ".join(part for part in (said, words) if part), detail_zh=detail_zh)


def part(value: Any) -> Mapping[str, Any]:
    """A part of an answer that has parts of its own; without any where the camera sent something else."""
    return value if isinstance(value, Mapping) else {}


def entries(value: Any) -> list[Mapping[str, Any]]:
    """The entries of an answer that is a list; none where the camera sent something else."""
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []
