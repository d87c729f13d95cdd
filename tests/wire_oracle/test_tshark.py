"""tshark as reader of what the project sends: SIP, SDP, MANSCDP, RTP on UDP and TCP, program stream."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from interop.wire import psbytes
from interop.wire.device import WireDevice
from interop.wire.media import Picture
from media.ps.muxer import PsMuxer
from media.ps.packetize import RtpPacketizer
from media.rtp_over_tcp import frame
from media.unit import AccessUnit
from tests.stand.registrar import SmallRegistrar
from tests.wire_oracle import pcap

pytestmark = pytest.mark.tshark

SERVER, DEVICE, CAMERA = "34020000002000000001", "34020000001180000001", "34020000001320000001"
FIRST_PTS = 4886718345
SIP = "udp.port==1024-65535,sip media_type==application/manscdp+xml,xml"


async def _session(path: Path) -> None:
    """Registration, keepalive, catalogue and the offer of a live view between the stack and the byte device."""
    async with SmallRegistrar(SERVER, "pw") as up, WireDevice(DEVICE, "pw", ("127.0.0.1", up.port), SERVER) as nvr:
        await nvr.register()
        await nvr.keepalive()
        await up.catalog(DEVICE, sn=17430)
        to = up.bindings[DEVICE]
        invite = up.stack.invite(up.offer(CAMERA, "0200000001", to), to)
        assert (await invite.final(5)).status == 200
        frames = []
        for number, event in enumerate(up.wire):
            ends = [(event.peer.host, event.peer.port), (event.local[0], up.port)]
            source, target = ends if event.direction == "<" else ends[::-1]
            frames.append((event.at, pcap.udp(source, target, event.data, number)))
        pcap.write(path, frames)


async def test_a_whole_session_is_sip_without_anything_malformed(tmp_path: Path) -> None:
    path = tmp_path / "session.pcap"
    await _session(path)
    broken = "_ws.malformed || ip.checksum.status == 0"
    assert await pcap.fields(path, "frame.number", show=broken, decode_as=SIP) == []
    rows = await pcap.fields(path, "sip.Method", "sip.Status-Code", "sip.CSeq.method", decode_as=SIP)
    assert all(row[0] or row[1] for row in rows)
    assert [row[0] for row in rows if row[0]] == ["REGISTER", "REGISTER", "MESSAGE", "MESSAGE", "MESSAGE", "INVITE"]
    assert [row[1] for row in rows if row[2] == "REGISTER" and row[1]] == ["401", "200"]


async def test_headers_mean_what_they_should(tmp_path: Path) -> None:
    path = tmp_path / "session.pcap"
    await _session(path)
    challenge = await pcap.fields(
        path, "sip.auth.realm", "sip.auth.algorithm", "sip.auth.qop", show="sip.Status-Code == 401", decode_as=SIP
    )
    assert challenge == [['"3402000000"', "MD5", '"auth"']]
    ok = await pcap.fields(
        path, "sip.Via.rport", "sip.Via.received", "sip.Expires", "sip.to.tag",
        show='sip.Status-Code == 200 && sip.CSeq.method == "REGISTER"', decode_as=SIP,
    )  # fmt: skip
    assert ok[0][0].isdigit()
    assert ok[0][1:3] == ["127.0.0.1", "3600"]
    assert ok[0][3]
    invite = await pcap.fields(
        path, "sip.Subject", "sip.r-uri.user", "sdp.media.port", "sdp.connection_info.address", "sdp.unknown",
        "sip.Content-Type", show='sip.Method == "INVITE"', decode_as=SIP,
    )  # fmt: skip
    subject = f"{CAMERA}:0200000001,{SERVER}:0"
    assert invite == [[subject, CAMERA, "30000", "127.0.0.1", "y=0200000001", "application/sdp"]]
    query = await pcap.fields(
        path, "xml.cdata", show=f'sip.Method == "MESSAGE" && sip.from.user == "{SERVER}"', decode_as=SIP
    )
    assert query[0][0].split(",") == ["Catalog", "17430", DEVICE]


def _frames(count: int) -> tuple[list[AccessUnit], list[bytes]]:
    units = [
        AccessUnit("H264", pts, pts, key, unit, "video")
        for unit, pts, key in itertools.islice(Picture(psbytes.H264, 1, FIRST_PTS), count)
    ]
    muxer = PsMuxer("H264", "PCMA")
    return units, [
        muxer.mux(unit, [AccessUnit("PCMA", unit.pts, unit.pts, True, b"\xd5" * 800, "audio")]) for unit in units
    ]


async def test_packets_are_rtp_with_the_agreed_ssrc_and_a_marker_per_frame(tmp_path: Path) -> None:
    units, packs = _frames(3)
    packetizer = RtpPacketizer(200000001, sequence=65530)
    packets = [packetizer.packets(pack, unit.pts) for unit, pack in zip(units, packs, strict=True)]
    flat = [packet for group in packets for packet in group]
    here, there = ("127.0.0.1", 15060), ("127.0.0.1", 30000)
    pcap.write(tmp_path / "u.pcap", [(n / 100, pcap.udp(here, there, one, n)) for n, one in enumerate(flat)])
    pcap.write(tmp_path / "t.pcap", _as_tcp(flat))
    names = ("rtp.seq", "rtp.timestamp", "rtp.ssrc", "rtp.p_type", "rtp.marker")
    over_udp = await pcap.fields(tmp_path / "u.pcap", *names, decode_as="udp.port==30000,rtp")
    assert [int(row[0]) for row in over_udp] == [(65530 + n) % 65536 for n in range(len(flat))]
    assert {row[2] for row in over_udp} == {"0x0bebc201"}
    assert {row[3] for row in over_udp} == {"96"}
    times = [str(unit.pts & 0xFFFFFFFF) for unit, group in zip(units, packets, strict=True) for _ in group]
    assert [row[1] for row in over_udp] == times
    last = [n == len(group) - 1 for group in packets for n in range(len(group))]
    assert [row[4] in ("1", "True") for row in over_udp] == last
    over_tcp = await pcap.fields(tmp_path / "t.pcap", *names, decode_as="tcp.port==30002,rtp")
    split = [value for row in over_tcp for value in row[0].split(",") if value]
    assert split == [row[0] for row in over_udp]
    for path, decode in (("u.pcap", "udp.port==30000,rtp"), ("t.pcap", "tcp.port==30002,rtp")):
        assert await pcap.fields(tmp_path / path, "frame.number", show="_ws.malformed", decode_as=decode) == []


def _as_tcp(packets: list[bytes]) -> list[tuple[float, bytes]]:
    """The framed packets as one byte stream, cut into segments that ignore packet borders."""
    stream = b"".join(frame(one) for one in packets)
    ends = ("127.0.0.1", 15062), ("127.0.0.1", 30002)
    return [(at / 1e5, pcap.tcp(*ends, stream[at : at + 1000], 1 + at, at)) for at in range(0, len(stream), 1000)]


async def test_the_program_stream_is_a_program_stream(tmp_path: Path) -> None:
    units, packs = _frames(12)
    path = tmp_path / "stream.mpg"
    path.write_bytes(b"".join(packs))
    assert await pcap.fields(path, "frame.number", show="_ws.malformed") == []
    rows = await pcap.fields(path, "mpeg-pes.stream", "frame.time_epoch", "mpeg-pes.pts", "mpeg-pes.data_alignment")
    key, other = ["0xba", "0xbb", "0xbc", "0xe0", "0xc0"], ["0xba", "0xe0", "0xc0"]
    assert [row[0] for row in rows] == [*key, *(other * 9), *key, *other]
    video = [row for row in rows if row[0] == "0xe0"]
    assert [float(row[2]) for row in video] == pytest.approx([unit.pts / 90000 for unit in units])
    clock = [float(row[1]) for row in rows if row[0] == "0xba"]
    assert clock == pytest.approx([(unit.pts - 3600) / 90000 for unit in units])
    assert [row[3] in ("1", "True") for row in video] == [unit.key for unit in units]
