"""The eight bytes of front-end control (前端设备控制协议, GB/T 28181-2016/2022 A.3), written as 16 hex digits.

    byte 1  A5                          byte 5, 6  data 1, data 2
    byte 2  0F: version 0, its check    byte 7     data 3 (high nibble), address bits 11-8 (low nibble)
    byte 3  address bits 7-0            byte 8     sum of the seven before, modulo 256
    byte 4  instruction

The address selects nothing in GB/T 28181 (DeviceID does): 1 is sent, any is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sip.errors import LocalError
from sip.manscdp.errors import ManscdpError

_PATH = "/Control/PTZCmd"


class PtzError(ManscdpError):
    """A control code that is not one of A.3."""


class PtzChecksumError(PtzError):
    """A control code whose last byte is not the sum of the others."""


@dataclass(frozen=True, slots=True)
class Motion:
    """PTZ motion (A.3.2); all at rest stops everything, cruise and scan as well.

    pan: 1 right, -1 left. tilt: 1 up, -1 down. zoom: 1 in 放大, -1 out 缩小. Directions of the picture on the monitor.
    pan_speed, tilt_speed: 0-255. zoom_speed: 0-15.
    """

    pan: Literal[-1, 0, 1] = 0
    tilt: Literal[-1, 0, 1] = 0
    zoom: Literal[-1, 0, 1] = 0
    pan_speed: int = 0
    tilt_speed: int = 0
    zoom_speed: int = 0

    @property
    def is_stop(self) -> bool:
        """Whether nothing is to move."""
        return not (self.pan or self.tilt or self.zoom)


@dataclass(frozen=True, slots=True)
class Lens:
    """Focus and iris (FI, A.3.3), speeds 0-255; at rest stops them. iris: 1 open, -1 close. focus: 1 near, -1 far."""

    iris: Literal[-1, 0, 1] = 0
    focus: Literal[-1, 0, 1] = 0
    focus_speed: int = 0
    iris_speed: int = 0


@dataclass(frozen=True, slots=True)
class Preset:
    """Preset (预置位, A.3.4), number 1-255."""

    action: Literal["set", "call", "delete"]
    number: int


@dataclass(frozen=True, slots=True)
class Cruise:
    """Cruise (巡航, A.3.5) of a group 0-255; stopped by a Motion at rest.

    value: preset number for add and delete (0 deletes the whole cruise), 0-4095 for speed, seconds for dwell.
    """

    action: Literal["add", "delete", "speed", "dwell", "start"]
    group: int
    value: int = 0


@dataclass(frozen=True, slots=True)
class Scan:
    """Scan (扫描, A.3.6) of a group 0-255; stopped by a Motion at rest. value: 0-4095, for speed only."""

    action: Literal["start", "left", "right", "speed"]
    group: int
    value: int = 0


@dataclass(frozen=True, slots=True)
class Auxiliary:
    """Auxiliary switch (辅助开关, A.3.7) 0-255; 1 is the wiper 雨刷."""

    number: int
    on: bool


PtzCommand = Motion | Lens | Preset | Cruise | Scan | Auxiliary
STOP = Motion()

_PRESETS: dict[int, Literal["set", "call", "delete"]] = {0x81: "set", 0x82: "call", 0x83: "delete"}
_CRUISES: dict[int, Literal["add", "delete", "speed", "dwell", "start"]] = {
    0x84: "add",
    0x85: "delete",
    0x86: "speed",
    0x87: "dwell",
    0x88: "start",
}
_SCANS: dict[int, Literal["start", "left", "right"]] = {0: "start", 1: "left", 2: "right"}
_AUXILIARY_ON, _AUXILIARY_OFF = 0x8C, 0x8D


def encode(command: PtzCommand, address: int = 1) -> str:
    """The 16 upper-case hex digits of a command; LocalError for a value out of range."""
    instruction, data1, data2, data3 = _fields(command)
    for value, limit in ((data1, 255), (data2, 255), (data3, 15), (address, 0xFFF)):
        if not 0 <= value <= limit:
            raise LocalError(f"PTZ value {value} not in 0 to {limit}: {command!r}")
    head = bytes((0xA5, 0x0F, address & 0xFF, instruction, data1, data2, data3 << 4 | address >> 8))
    return (head + bytes((sum(head) & 0xFF,))).hex().upper()


def decode(text: str, *, checksum: bool = True, preset_in_data1: bool = True) -> PtzCommand:
    """Reads a control code; raises PtzError, PtzChecksumError.

    Lower case and blanks are accepted. checksum=False lets a wrong last byte pass. preset_in_data1: a preset number
    in byte 5 with byte 6 zero counts, as some platforms send it.
    """
    data = _eight_bytes(text)
    if checksum and sum(data[:7]) & 0xFF != data[7]:
        raise PtzChecksumError(_PATH, f"checksum {data[7]:02X}, not {sum(data[:7]) & 0xFF:02X}", text)
    instruction, data1, data2, data3 = data[3], data[4], data[5], data[6] >> 4
    if instruction < 0x40:
        return Motion(
            _pair(instruction, 0, 1, text),
            _pair(instruction, 3, 2, text),
            _pair(instruction, 4, 5, text),
            data1,
            data2,
            data3,
        )
    if instruction < 0x50:
        return Lens(_pair(instruction, 2, 3, text), _pair(instruction, 1, 0, text), data1, data2)
    if instruction in _PRESETS:
        number = data1 if preset_in_data1 and data2 == 0 else data2
        if number == 0:
            raise PtzError(_PATH, "preset 0 is reserved", text)
        return Preset(_PRESETS[instruction], number)
    return _program(instruction, data1, data2, data3 << 8 | data2, text)


def address_of(text: str) -> int:
    """The 12-bit address of a control code; it selects nothing."""
    data = _eight_bytes(text)
    return data[2] | (data[6] & 0x0F) << 8


def _program(instruction: int, data1: int, data2: int, value: int, text: str) -> PtzCommand:
    if instruction in _CRUISES:
        action = _CRUISES[instruction]
        return Cruise(action, data1, value if action in ("speed", "dwell") else data2 if action != "start" else 0)
    if instruction == 0x89 and data2 in _SCANS:
        return Scan(_SCANS[data2], data1)
    if instruction == 0x8A:
        return Scan("speed", data1, value)
    if instruction in (_AUXILIARY_ON, _AUXILIARY_OFF):
        return Auxiliary(data1, instruction == _AUXILIARY_ON)
    raise PtzError(_PATH, f"unknown instruction {instruction:02X}", text)


def _fields(command: PtzCommand) -> tuple[int, int, int, int]:
    """Instruction, data 1, data 2, data 3."""
    match command:
        case Motion():
            bits = _bits(command.pan, 0, 1) | _bits(command.tilt, 3, 2) | _bits(command.zoom, 4, 5)
            return bits, command.pan_speed, command.tilt_speed, command.zoom_speed
        case Lens():
            bits = 0x40 | _bits(command.iris, 2, 3) | _bits(command.focus, 1, 0)
            return bits, command.focus_speed, command.iris_speed, 0
        case Preset():
            if command.number == 0:
                raise LocalError("preset 0 is reserved")
            return {v: k for k, v in _PRESETS.items()}[command.action], 0, command.number, 0
        case Cruise():
            code = {v: k for k, v in _CRUISES.items()}[command.action]
            wide = command.action in ("speed", "dwell")
            return (
                code,
                command.group,
                command.value & 0xFF if wide else command.value,
                command.value >> 8 if wide else 0,
            )
        case Scan():
            if command.action == "speed":
                return 0x8A, command.group, command.value & 0xFF, command.value >> 8
            return 0x89, command.group, {v: k for k, v in _SCANS.items()}[command.action], 0
        case Auxiliary():
            return (_AUXILIARY_ON if command.on else _AUXILIARY_OFF), command.number, 0, 0


def _bits(direction: int, positive: int, negative: int) -> int:
    return (direction > 0) << positive | (direction < 0) << negative


def _pair(instruction: int, positive: int, negative: int, text: str) -> Literal[-1, 0, 1]:
    """Direction of two bits that exclude each other."""
    up, down = instruction >> positive & 1, instruction >> negative & 1
    if up and down:
        raise PtzError(_PATH, "opposite directions at once", text)
    return 1 if up else -1 if down else 0


def _eight_bytes(text: str) -> bytes:
    compact = "".join(text.split())
    if len(compact) != 16 or not compact.isascii():
        raise PtzError(_PATH, "not 16 hex digits", text)
    try:
        data = bytes.fromhex(compact)
    except ValueError:
        raise PtzError(_PATH, "not 16 hex digits", text) from None
    if data[0] != 0xA5:
        raise PtzError(_PATH, "does not begin with A5", text)
    return data
