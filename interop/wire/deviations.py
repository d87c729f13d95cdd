"""What a device does other than GB/T 28181 says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Deviations:
    """The defaults are a well-behaved device."""

    declared: str = "GB2312"  # charset the XML prolog names
    written: str | None = None  # charset really used, when it lies
    answer_y: str | None = "offer"  # y= of the answer: "offer" echoes, None leaves it out, ten digits are its own
    rtp_ssrc: int | None = None  # SSRC in RTP whatever was agreed
    other_source_port: bool = False  # media leaves from a port the answer does not name
    with_psm: bool = True
    with_marker: bool = True
    with_audio: bool = False
    pack_stuffing: bytes = b""  # up to 7 bytes in each pack header
    items_per_message: int = 2
    lose: frozenset[int] = frozenset()  # fragments of a catalogue answer never sent, counted from 0
    duplicate: frozenset[int] = frozenset()  # fragments sent twice
    shuffle: bool = False  # fragments sent last to first
    refuse_invite: int | None = None  # answer INVITE with this code
    max_calls: int | None = None  # answer INVITE with 486 while so many calls are up
    silent_after_100: bool = False  # 100 Trying, then nothing for ever
    no_media: bool = False  # accepts the call and sends no packet
    answer_delay_s: float = 0.0  # between 100 and 200
    answer_without_sdp: bool = False
    deaf_to_i_frame: bool = False  # takes the force-key-frame command and does nothing
