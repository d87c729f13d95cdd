"""RTP packets to access units, and what is missing when there are none."""

from __future__ import annotations

import struct
from typing import Any

from media.worker.demux import REORDER_WAIT_S, StreamDemux


def feed(demux: StreamDemux, packets: list[bytes]) -> list[Any]:
    return [unit for packet in packets for unit in demux.feed(packet, 0.0)]


def test_units_have_the_bytes_that_were_sent(film: Any) -> None:
    demux = StreamDemux()
    units = feed(demux, film.packets(0, 20))
    assert len(units) >= 19
    assert [u.data for u in units] == [u.data for u in film.units[: len(units)]]
    assert [u.key for u in units[:11]] == [True] + [False] * 9 + [True]
    assert (demux.units, demux.damaged, demux.lost, demux.key_seen) == (len(units), 0, 0, True)


def test_packets_out_of_order_are_put_in_order(film: Any) -> None:
    packets = film.packets(0, 20)
    packets[5], packets[7] = packets[7], packets[5]
    assert [u.data for u in feed(StreamDemux(), packets)] == [u.data for u in feed(StreamDemux(), film.packets(0, 20))]


def test_a_lost_packet_is_given_up_after_a_while_and_damages_its_unit(film: Any) -> None:
    demux = StreamDemux()
    packets = film.packets(0, 20)
    del packets[1]
    before = feed(demux, packets)
    after = demux.expire(REORDER_WAIT_S + 0.1)
    assert len(before) < 2 and len(after) >= 17
    assert demux.lost == 1


def test_audio_beside_the_program_stream_is_left_out(film: Any) -> None:
    demux = StreamDemux()
    audio = struct.pack("!BBHII", 0x80, 8, 1, 1, 1) + b"\xd5" * 160
    assert feed(demux, [audio, *film.packets(0, 5), audio])
    assert demux.packets == len(film.packets(0, 5)) + 2


def test_rubbish_is_counted() -> None:
    demux = StreamDemux()
    broken = b"\x9f\x60" + bytes(10) + b"\xff" * 8
    assert feed(demux, [b"", b"\x80\xc8" + bytes(20), broken]) == []
    assert (demux.malformed, demux.packets) == (3, 0)


def test_the_missing_step_follows_the_stream(film: Any) -> None:
    demux = StreamDemux()
    assert demux.missing == "no_packet"
    packets = film.packets(5, 15)
    feed(demux, [packets[0][:12] + b"\x01" * 20])
    assert demux.missing == "no_ps"
    demux = StreamDemux()
    feed(demux, packets[:3])
    assert demux.missing == "no_key_frame"
    feed(demux, packets[3:])
    assert demux.missing == "undecodable"


def test_h264_straight_in_rtp_is_understood() -> None:
    nals = [bytes.fromhex("67428014da0140"), bytes.fromhex("68ce3c80"), bytes.fromhex("65888421a0")]
    demux = StreamDemux()
    packets = [
        struct.pack("!BBHII", 0x80, 98 | (0x80 if n == 2 else 0), n, 9000, 1) + nal for n, nal in enumerate(nals)
    ]
    (unit,) = feed(demux, packets)
    assert unit.codec == "H264" and unit.key and unit.data == b"".join(b"\x00\x00\x00\x01" + nal for nal in nals)
