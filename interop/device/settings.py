"""What a simulated device is: its codes, its platform, its picture, its bounds."""

from __future__ import annotations

from dataclasses import dataclass, field

from interop.device.picture import PictureSettings
from sip.manscdp import Edition


@dataclass(frozen=True, slots=True)
class Channel:
    """One camera of the device."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """Who the device is, where it registers, what it films.

    transport      SIP over "UDP" or "TCP"; the media transport is what each INVITE asks for
    charset        what it writes; it reads every charset
    expires        seconds a registration is asked for; the platform may grant fewer
    keepalive_s    seconds between keepalives
    keepalive_misses   unanswered keepalives in a row after which the platform counts as lost (GB/T 28181-2022 9.6)
    retry_s        seconds between attempts to register at a platform that does not answer
    max_encoders   channels encoded at once; a call to one more is answered 486
    max_calls      calls at once; one more is answered 486
    """

    id: str
    server_id: str
    server_host: str
    server_port: int
    password: str = field(repr=False, default="")
    name: str = "gbsim"
    transport: str = "UDP"
    host: str = "127.0.0.1"
    port: int = 0
    channels: tuple[Channel, ...] = ()
    charset: str = "GB2312"
    edition: Edition = Edition.V2016
    expires: int = 3600
    keepalive_s: float = 60.0
    keepalive_misses: int = 3
    retry_s: float = 5.0
    civil_code: str = ""
    picture: PictureSettings = PictureSettings()
    max_encoders: int = 2
    max_calls: int = 64
