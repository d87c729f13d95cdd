"""Find the packets with which key frames start, without demultiplexing (relay GOP cache).

A key frame is known by its NAL type: H.264 IDR (or an I slice behind a recovery point with its SPS), H.265 IRAP.
A program stream map alone proves nothing: some cameras send one with every frame, some send parameter sets with every
P frame.
"""

from __future__ import annotations

from media.es import h264, h265
from media.es.codecs import H264, H265
from media.sniff import PACK_START, PayloadKind, sniff_video

PS = "PS"
_START_CODE = b"\x00\x00\x01"
_PENDING_PACKETS = 48
_PENDING_BYTES = 1 << 16
_FIRST_SYSTEM_CODE = 0xB9
_SLICE_HEAD = 16


class KeyFrameFinder:
    """Fed every RTP payload of one stream in order; says with which packet a key frame starts.

    ``mode`` is None until learnt, then "PS", "H264" or "H265"; a pack start code always turns it to "PS".
    Feed only the payload type that carries the video. The usual answer costs a few comparisons: the inside of a frame
    is never looked at.
    """

    __slots__ = ("_at", "_buffer", "_codec", "_has_sets", "_packets", "_recovery", "mode")

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode
        self._codec: str | None = mode if mode in (H264, H265) else None
        self._buffer = bytearray()
        self._at = 0
        self._packets = -1
        self._has_sets = False
        self._recovery = False

    @property
    def codec(self) -> str | None:
        """H264 or H265 once a parameter set was seen, else None."""
        return self._codec

    @property
    def pending(self) -> bool:
        """True while a frame has started whose kind is not known yet: the next payload must be fed too.

        In PS mode with ``pending`` False a payload that does not begin with a zero byte needs no call at all.
        """
        return self._packets >= 0

    def feed(self, payload: bytes) -> int | None:
        """One payload. None: no news. A number n: a key frame starts with the packet n before this one (0: this one).

        Each key frame is told once, as soon as its kind is known.
        """
        if self._packets < 0 and self.mode == PS and (not payload or payload[0]):
            return None
        start = payload.find(PACK_START, 0, 8) if payload and not payload[0] else -1
        if start >= 0:
            self.mode = PS
            return self._begin_pack(payload, start)
        if self.mode == PS:
            return self._continue_pack(payload) if self._packets >= 0 else None
        return self._feed_es(payload)

    def gap(self) -> None:
        """Packets were lost before the next payload: a frame that has begun is given up."""
        self._packets = -1

    def _begin_pack(self, payload: bytes, start: int) -> int | None:
        if self._packets < 0 or not self._has_sets:
            self._buffer = bytearray()
            self._at = 0
            self._packets = 0
            self._has_sets = self._recovery = False
            self._buffer += payload[start:] if start else payload
            return self._scan()
        # The pack before held parameter sets only: the key frame they belong to begins with them.
        self._at = len(self._buffer)
        return self._continue_pack(payload[start:])

    def _continue_pack(self, payload: bytes) -> int | None:
        self._packets += 1
        self._buffer += payload
        return self._scan()

    def _scan(self) -> int | None:
        verdict = self._walk()
        if verdict is None:
            if self._packets >= _PENDING_PACKETS or len(self._buffer) > _PENDING_BYTES:
                self._packets = -1
            return None
        back = self._packets
        self._packets = -1
        return back if verdict else None

    def _walk(self) -> bool | None:
        """Go through the structures from ``_at``: True key frame, False other frame, None more bytes needed.

        Inside Annex B video every start code is followed by a byte below 0x80, so codes from 0xB9 on are structures.
        """
        buffer = self._buffer
        size = len(buffer)
        while True:
            if self._at > size:
                return None if self._at - size < _PENDING_BYTES else False
            at = buffer.find(_START_CODE, self._at)
            if at < 0:
                self._at = max(self._at, size - 2)
                return None
            self._at = at
            if at + 4 > size:
                return None
            code = buffer[at + 3]
            if code >= _FIRST_SYSTEM_CODE:
                after = self._skip_structure(at, code)
                if after is None:
                    return None
                self._at = after
                continue
            if at + 4 + _SLICE_HEAD > size and not self._closed(at):
                return None
            verdict = self._judge(at + 3)
            if verdict is not None:
                return verdict
            self._at = at + 4

    def _closed(self, at: int) -> bool:
        """Is the short NAL unit at ``at`` followed by another start code already?"""
        return self._buffer.find(_START_CODE, at + 4) >= 0

    def _skip_structure(self, at: int, code: int) -> int | None:
        """Position after a pack header, a whole skipped structure or a video PES header; None: more bytes needed."""
        buffer = self._buffer
        left = len(buffer) - at
        if code == 0xBA:
            if left < 14:
                return None
            if buffer[at + 4] >> 6 == 1:
                return at + 14 + (buffer[at + 13] & 7)
            return at + (12 if buffer[at + 4] >> 4 == 2 else 4)
        if code == 0xB9:
            return at + 4
        if left < 9:
            return None
        if code & 0xF0 == 0xE0:
            return at + 9 + buffer[at + 8]
        return at + 6 + (buffer[at + 4] << 8 | buffer[at + 5])

    def _judge(self, at: int) -> bool | None:
        """Verdict of the NAL unit whose header is at ``at``; None when it is not a slice."""
        buffer = self._buffer
        first, second = buffer[at], buffer[at + 1] if at + 1 < len(buffer) else 0
        if h265.is_parameter_set(first, second):
            self._codec = H265
            self._has_sets = True
            return None
        if h264.is_sps(first):
            self._codec = H264
            self._has_sets = True
            return None
        codec = self._codec or _guess(first, second)
        if codec == H265:
            kind = h265.nal_type(first)
            return h265.is_irap(kind) and h265.is_first_slice(buffer[at + 2]) if h265.is_vcl(kind) else None
        return self._judge_h264(at)

    def _judge_h264(self, at: int) -> bool | None:
        buffer = self._buffer
        kind = buffer[at] & 0x1F
        if kind == h264.SEI and self._has_sets:
            end = buffer.find(_START_CODE, at)
            nal = bytes(buffer[at : end if end >= 0 else at + _PENDING_BYTES])
            self._recovery = self._recovery or h264.has_recovery_point(nal)
        if not h264.is_vcl(kind):
            return None
        if kind == h264.IDR:
            return h264.is_first_slice(buffer[at + 1])
        return self._recovery and h264.is_intra_slice(bytes(buffer[at : at + _SLICE_HEAD]))

    def _feed_es(self, payload: bytes) -> int | None:
        """RFC 6184 and RFC 7798 payloads: parameter sets and SEI open a frame, the first slice decides."""
        if len(payload) < 2:
            return None
        if self.mode is None:
            self._learn_es(payload)
        if self.mode == H264:
            verdict = self._judge_es_h264(payload)
        elif self.mode == H265:
            verdict = _judge_es_h265(payload)
        else:
            return None
        if verdict == _MIDDLE:
            if self._packets >= 0:
                self._packets += 1
            return None
        if verdict == _OPENS:
            self._packets = self._packets + 1 if 0 <= self._packets < _PENDING_PACKETS else 0
            return None
        back = self._packets + 1 if self._packets >= 0 else 0
        self._packets = -1
        self._recovery = False
        return back if verdict == _KEY else None

    def _learn_es(self, payload: bytes) -> None:
        kind = sniff_video(payload)
        if kind is not PayloadKind.UNKNOWN:
            self.mode = self._codec = kind.value

    def _judge_es_h264(self, payload: bytes) -> int:
        kind = payload[0] & 0x1F
        if kind == h264.FU_A:
            if payload[1] < 0x80:
                return _MIDDLE
            return self._judge_nal_h264(bytes((payload[0] & 0xE0 | payload[1] & 0x1F,)) + payload[2:18])
        verdict = _OPENS
        for nal in _h264_nals(payload):
            verdict = self._judge_nal_h264(nal)
            if verdict != _OPENS:
                break
        return verdict

    def _judge_nal_h264(self, nal: bytes) -> int:
        kind = nal[0] & 0x1F
        if h264.is_vcl(kind) and not (len(nal) > 1 and h264.is_first_slice(nal[1])):
            return _MIDDLE
        if kind == h264.IDR:
            return _KEY
        if h264.is_vcl(kind):
            intra = self._recovery and h264.is_intra_slice(nal[:_SLICE_HEAD])
            return _KEY if intra else _OTHER
        if kind == h264.SEI and self._packets >= 0:
            self._recovery = self._recovery or h264.has_recovery_point(nal)
        return _OPENS


_OPENS, _KEY, _OTHER, _MIDDLE = range(4)


def _guess(first: int, second: int) -> str:
    """Codec of a slice before any parameter set: an H.265 IRAP header is no plausible H.264 header."""
    return H265 if second == 0x01 and first in (0x20, 0x22, 0x24, 0x26, 0x28, 0x2A) else H264


def _h264_nals(payload: bytes) -> list[bytes]:
    """The whole NAL units of a single-NAL or STAP-A packet."""
    if payload[0] & 0x1F != h264.STAP_A:
        return [payload]
    nals = []
    at = 1
    while at + 3 <= len(payload):
        size = payload[at] << 8 | payload[at + 1]
        if size == 0 or at + 2 + size > len(payload):
            break
        nals.append(payload[at + 2 : at + 2 + size])
        at += 2 + size
    return nals


def _h265_nals(payload: bytes) -> list[tuple[int, int, int]]:
    """(first byte, second byte, offset) of each NAL unit of a single-NAL or aggregation packet of H.265."""
    if h265.nal_type(payload[0]) != h265.AP:
        return [(payload[0], payload[1], 0)]
    nals = []
    at = 2
    while at + 4 <= len(payload):
        size = payload[at] << 8 | payload[at + 1]
        nals.append((payload[at + 2], payload[at + 3], at + 2))
        at += 2 + size
    return nals


def _judge_es_h265(payload: bytes) -> int:
    kind = h265.nal_type(payload[0])
    if kind == h265.FU:
        if len(payload) < 4 or payload[2] < 0x80:
            return _MIDDLE
        return _judge_nal_h265(payload[2] & 0x3F, payload[3])
    for header, _, at in _h265_nals(payload):
        verdict = _judge_nal_h265(h265.nal_type(header), payload[at + 2] if at + 2 < len(payload) else 0)
        if verdict != _OPENS:
            return verdict
    return _OPENS


def _judge_nal_h265(kind: int, after_header: int) -> int:
    if not h265.is_vcl(kind):
        return _OPENS
    if not h265.is_first_slice(after_header):
        return _MIDDLE
    return _KEY if h265.is_irap(kind) else _OTHER
