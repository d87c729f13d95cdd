"""The deviations of real senders that the program stream reader accepts, each with a name and a switch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PsTolerance:
    """One switch per deviation; everything on by default. With a switch off the sender is taken at its word."""

    guess_codec: bool = True
    """No PSM at all: video by its parameter sets, audio by ADTS chaining, else G.711 A-law."""
    bitstream_over_map: bool = True
    """Wrong stream_type (H.265 announced as 1B, AAC as 90): parameter sets and ADTS headers win."""
    careless_map: bool = True
    """PSM with wrong CRC: read all the same. Off: a map with a wrong CRC is ignored."""
    wrong_pes_length: bool = True
    """PES_packet_length 0, saturated at FFFF, too short or too long: the next structure's start code ends the video."""
    shifted_pes_header: bool = True
    """PES header without its second flags byte: the header length stands at offset 7."""
    overlong_pes_header: bool = True
    """PES_header_data_length beyond the packet: only that PES is dropped. Off: everything up to the next pack."""
    bare_pack_start: bool = True
    """00 00 01 BA followed at once by another start code."""
    stray_bytes: bool = True
    """Up to four bytes, such as 00 00 00 01, before a pack."""
    wrong_clock: bool = True
    """PTS missing, constant, in milliseconds or in 8 kHz ticks: RTP timestamp or sample count instead."""
    separate_clocks: bool = True
    """Audio and video time origins more than 10 s apart: audio is moved to the video."""
    clamp_dts: bool = True
    """DTS later than PTS, or not increasing."""
    insert_parameter_sets: bool = True
    """Key frame without parameter sets: the latest ones are put before it."""
    pack_inside_video: bool = True
    """A structure start code inside video means that data was lost: go on from there."""
    any_stream_id: bool = True
    """Video in E1-EF, audio in C1-DF: the first met is taken. Off: only E0 and C0."""
    split_by_nal: bool = True
    """Several frames under one PTS or in one pack: cut where a NAL unit begins a new access unit."""
    chip_audio_header: bool = True
    """Four bytes 00 01 n 00 before raw audio, n half its length: removed."""


LENIENT = PsTolerance()
STRICT = PsTolerance(**dict.fromkeys(PsTolerance.__dataclass_fields__, False))
