"""Codes of objects (统一编码): GB/T 28181-2016 Annex D, GB/T 28181-2022 Annex E.

A code is 20 digits (rule A), 2/4/6/8 digits for an administrative region (行政区划), or, from old equipment only,
18 digits (rule B of the 2016 edition). Rule B is read and never written.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

SERIAL_LIMIT = 1_000_000
"""Serial numbers (序号, digits 15-20) run from 0 to this, exclusive."""

_REGION_LENGTHS = (2, 4, 6, 8)


class CodeError(ValueError):
    """A text that is no code of any rule. `where` names the digits, `what` says what is wrong, `value` is the text."""

    def __init__(self, where: str, what: str, value: str) -> None:
        super().__init__(f"{where}: {what}: {value!r}")
        self.where = where
        self.what = what
        self.value = value


class Kind(StrEnum):
    """What an object is, told from its code alone (classification of the type code, digits 11-13)."""

    REGION = "region"  # 行政区划
    SYSTEM = "system"  # 系统/平台
    GROUP = "group"  # 业务分组, type 215
    ORG = "org"  # 虚拟组织, type 216
    MAIN_DEVICE = "main_device"  # 前端主设备
    CHANNEL = "channel"  # 摄像机
    ALARM = "alarm"  # 报警输入/输出
    AUDIO = "audio"  # 语音输入/输出
    USER = "user"  # 用户
    OTHER = "other"


CONTAINERS = frozenset({Kind.REGION, Kind.SYSTEM, Kind.GROUP, Kind.ORG})
"""Kinds that exist only to hold other objects."""

NEVER_PLAYABLE_KINDS = frozenset({*CONTAINERS, Kind.USER, Kind.ALARM, Kind.AUDIO})
NEVER_PLAYABLE_TYPES = frozenset({139, 141, 142, 143})  # other peripheral, barrier, door, credential reader
"""What `is_playable` goes by."""


def _kind_of_type(number: int) -> Kind:
    if 111 <= number <= 130:
        return Kind.MAIN_DEVICE
    if number in (131, 132):
        return Kind.CHANNEL
    if number in (134, 135, 140):
        return Kind.ALARM
    if number in (136, 137):
        return Kind.AUDIO
    if number == 215:
        return Kind.GROUP
    if number == 216:
        return Kind.ORG
    if 200 <= number <= 299:
        return Kind.SYSTEM
    if 300 <= number <= 499:
        return Kind.USER
    return Kind.OTHER


def _kind_of_rule_b_type(number: int) -> Kind:
    """2016 D.2: 00-19 audio/video devices, 20-39 servers, 40-59 network devices, 60-89 analog devices, 90-99 users."""
    if number == 60:
        return Kind.CHANNEL
    if 20 <= number <= 39:
        return Kind.SYSTEM
    if number >= 90:
        return Kind.USER
    if number <= 19 or 40 <= number <= 42 or number in (61, 75, 76):
        return Kind.MAIN_DEVICE
    return Kind.OTHER


_KIND_BY_TYPE = tuple(_kind_of_type(number) for number in range(1000))
_KIND_BY_RULE_B_TYPE = tuple(_kind_of_rule_b_type(number) for number in range(100))


def _all_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def kind_of(text: str) -> Kind:
    """The kind of any text used as a code; never raises, a text that is no code is OTHER."""
    if not _all_digits(text):
        return Kind.OTHER
    length = len(text)
    if length == 20:
        return _KIND_BY_TYPE[int(text[10:13])]
    if length in _REGION_LENGTHS:
        return Kind.REGION
    if length == 18:
        return _KIND_BY_RULE_B_TYPE[int(text[16:18])]
    return Kind.OTHER


def type_of(text: str) -> int | None:
    """The type code (类型编码, digits 11-13) of a 20-digit code, else None."""
    if len(text) == 20 and _all_digits(text):
        return int(text[10:13])
    return None


def is_playable(text: str, *, also: frozenset[int] = frozenset(), never: frozenset[int] = frozenset()) -> bool:
    """Whether a live stream may be asked of the object with this code.

    Cameras are found under many type codes (recorders list channels as 111-118, some vendors as 119-129), so everything
    is playable that is not a region, a platform, an alarm, an audio, a door or a user. A text that is no code at all is
    a vendor's own channel number, and playable. `also` and `never` are type codes a configuration adds or takes away.
    """
    number = type_of(text)
    if number is not None:
        if number in never:
            return False
        if number in also:
            return True
        if number in NEVER_PLAYABLE_TYPES:
            return False
    return bool(text) and kind_of(text) not in NEVER_PLAYABLE_KINDS


def civil_code_of(text: str) -> str:
    """The region (行政区划) an object is in by its own code: digits 1-8 without trailing `00` pairs; "" if none."""
    if not _all_digits(text) or len(text) not in (*_REGION_LENGTHS, 18, 20):
        return ""
    centre = text[:8]
    while centre.endswith("00") and len(centre) % 2 == 0:
        centre = centre[:-2]
    return centre


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """A well-formed code. `text` is the code itself; the properties cut it into its segments (码段)."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a code of rule A (20 digits), of rule B (18 digits) or of a region (2/4/6/8); raises CodeError."""
        trimmed = text.strip()
        if not _all_digits(trimmed):
            raise CodeError("code", "not all digits", text)
        if len(trimmed) not in (*_REGION_LENGTHS, 18, 20):
            raise CodeError("code", "length is none of 2, 4, 6, 8, 18, 20", text)
        return cls(trimmed)

    @classmethod
    def compose(cls, *, centre: str, industry: str, type_code: int, network: str, serial: int) -> Self:
        """Build a 20-digit code from its segments; raises CodeError naming the segment that does not fit."""
        for where, value, length in (("centre", centre, 8), ("industry", industry, 2), ("network", network, 1)):
            if len(value) != length or not _all_digits(value):
                raise CodeError(where, f"must be {length} digits", value)
        if not 0 <= type_code <= 999:
            raise CodeError("type", "must be 0 to 999", str(type_code))
        if not 0 <= serial < SERIAL_LIMIT:
            raise CodeError("serial", f"must be below {SERIAL_LIMIT}", str(serial))
        return cls(f"{centre}{industry}{type_code:03d}{network}{serial:06d}")

    def __str__(self) -> str:
        return self.text

    @property
    def is_region(self) -> bool:
        """Whether this is the code of an administrative region (2, 4, 6 or 8 digits)."""
        return len(self.text) <= 8

    @property
    def is_rule_b(self) -> bool:
        """Whether this is an 18-digit code of rule B (编码规则B, 2016 D.2)."""
        return len(self.text) == 18

    @property
    def kind(self) -> Kind:
        """What the object is."""
        return kind_of(self.text)

    @property
    def type(self) -> int | None:
        """The type code: digits 11-13 of rule A, digits 17-18 of rule B, None for a region."""
        if self.is_region:
            return None
        return int(self.text[16:18]) if self.is_rule_b else int(self.text[10:13])

    @property
    def centre(self) -> str:
        """The centre code (中心编码): digits 1-8, or the region code itself."""
        return self.text[:8]

    @property
    def civil_code(self) -> str:
        """The region the object belongs to: digits 1-8 without trailing `00` pairs."""
        return civil_code_of(self.text)

    @property
    def industry(self) -> str | None:
        """The industry code (行业编码, digits 9-10); None for a region."""
        return None if self.is_region else self.text[8:10]

    @property
    def network(self) -> str | None:
        """The network id (网络标识, digit 14); None for a region and for rule B, which has none."""
        return self.text[13] if len(self.text) == 20 else None

    @property
    def serial(self) -> int | None:
        """The serial number (序号): digits 15-20 of rule A, 11-16 of rule B; None for a region."""
        if self.is_region:
            return None
        return int(self.text[10:16]) if self.is_rule_b else int(self.text[14:20])

    @property
    def domain(self) -> str:
        """The SIP domain (域) a server with this code has by default: the first 10 digits."""
        return self.text[:10]

    @property
    def is_playable(self) -> bool:
        """Whether a live stream may be asked of it, see `is_playable`."""
        return is_playable(self.text)
