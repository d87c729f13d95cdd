from __future__ import annotations

import random

import pytest

from media.es.annexb import nal_units
from media.sniff import PayloadKind, alien_protocol, pack_start_offset, sniff

SPS = bytes.fromhex("6742c00ada109b011000000300100000030320f1226a")
PACK = bytes.fromhex("000001ba4434573c4c01005f6bf8")


@pytest.mark.parametrize(
    ("payload", "payload_type", "kind"),
    [
        (PACK, 96, PayloadKind.PS),
        (PACK, 40, PayloadKind.PS),
        (b"\x00\x00\x00\x01" + PACK, 96, PayloadKind.PS),
        ((b"\x47" + bytes(187)) * 7, 33, PayloadKind.TS),
        (b"\xd5" * 160, 8, PayloadKind.AUDIO),
        (SPS, 98, PayloadKind.H264),
        (b"\x78\x00" + bytes((len(SPS),)) + SPS + b"\x00\x02\x68\xce", 98, PayloadKind.H264),
        (bytes.fromhex("674203ff3a3a3a3a3a3a"), 96, PayloadKind.UNKNOWN),
        (bytes.fromhex("67ffffffffffffffffff"), 96, PayloadKind.UNKNOWN),
        (bytes.fromhex("78000267420000"), 96, PayloadKind.UNKNOWN),
        (bytes.fromhex("40010c01ffff"), 100, PayloadKind.H265),
        (bytes.fromhex("6001000640010c01ffff"), 100, PayloadKind.H265),
        (b"\xff\xd8\xff\xe0" + bytes(20), 96, PayloadKind.JPEG),
        (bytes.fromhex("419a203a8230"), 98, PayloadKind.UNKNOWN),
        (bytes.fromhex("0201d0093a3a"), 98, PayloadKind.UNKNOWN),
        (b"", 96, PayloadKind.UNKNOWN),
    ],
)
def test_the_payload_itself_tells_its_kind(payload: bytes, payload_type: int, kind: PayloadKind) -> None:
    assert sniff(payload, payload_type) is kind


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"01cd\x81\x62", "JT/T 1078"),
        (b"GET / HTTP/1.1\r\n", "HTTP"),
        (b"SIP/2.0 200 OK\r\n", "SIP"),
        (b"\x16\x03\x01\x02", "TLS"),
        (b"\x00\xa3\x80\xe0", None),
    ],
)
def test_other_protocols_on_the_media_port_are_named(data: bytes, name: str | None) -> None:
    assert alien_protocol(data) == name


def test_a_pack_start_further_inside_does_not_count() -> None:
    assert pack_start_offset(PACK) == 0
    assert pack_start_offset(b"\0\0\0\1" + PACK) == 4
    assert pack_start_offset(b"\1" * 5 + PACK) == -1


def test_an_h265_sequence_parameter_set_alone(encode) -> None:
    nals = {nal[0]: nal for nal in nal_units(encode("H265", frames=1)[0].data)}
    assert sniff(nals[0x42], 100) is PayloadKind.H265
    assert sniff(nals[0x40], 100) is PayloadKind.H265


def test_the_middle_of_frames_is_hardly_ever_taken_for_a_parameter_set() -> None:
    rng = random.Random(1)
    kinds = [sniff(rng.randbytes(400), 96) for _ in range(5000)]
    assert kinds.count(PayloadKind.UNKNOWN) > 4997
