"""Capture files written by hand, and the program tshark asked what it sees in them."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

Address = tuple[str, int]


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _ip(source: str, target: str, protocol: int, payload: bytes, number: int) -> bytes:
    ends = b"".join(bytes(int(part) for part in host.split(".")) for host in (source, target))
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), number & 0xFFFF, 0x4000, 64, protocol, 0) + ends
    return head[:10] + struct.pack(">H", _checksum(head)) + head[12:] + payload


def udp(source: Address, target: Address, payload: bytes, number: int) -> bytes:
    """An Ethernet frame with one UDP datagram."""
    head = struct.pack(">HHHH", source[1], target[1], 8 + len(payload), 0)
    return b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + _ip(source[0], target[0], 17, head + payload, number)


def tcp(source: Address, target: Address, payload: bytes, sequence: int, number: int) -> bytes:
    """An Ethernet frame with one TCP segment (ACK and PSH set)."""
    head = struct.pack(">HHIIBBHHH", source[1], target[1], sequence, 1, 0x50, 0x18, 65535, 0, 0)
    return b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + _ip(source[0], target[0], 6, head + payload, number)


def write(path: Path, frames: list[tuple[float, bytes]]) -> None:
    """A classic pcap file of Ethernet frames with their times."""
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    for at, frame in frames:
        out += struct.pack("<IIII", int(at), int(at % 1 * 1e6), len(frame), len(frame)) + frame
    path.write_bytes(out)


async def fields(path: Path, *names: str, show: str = "", decode_as: str = "") -> list[list[str]]:
    """One row per frame that matches `show`: the values of the named tshark fields.

    decode_as: tshark -d rules separated by blanks.
    """
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=\t", "-o", "ip.check_checksum:TRUE"]
    command += [part for name in names for part in ("-e", name)]
    command += ["-Y", show] if show else []
    command += [part for rule in decode_as.split() for part in ("-d", rule)]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()
    return [line.split("\t") for line in out.decode().splitlines()]
