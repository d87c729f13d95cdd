"""Boxes of a fragmented MP4 file (ISO/IEC 14496-12): init segment and movie fragments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import pack

_MATRIX = pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_MOVIE_TIMESCALE = 1000
_SYNC_SAMPLE, _OTHER_SAMPLE = 0x02000000, 0x01010000
_TRUN_FLAGS = 0x000F01
_DEFAULT_BASE_IS_MOOF = 0x020000


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box: size, type, content."""
    content = b"".join(parts)
    return pack(">I4s", len(content) + 8, kind) + content


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with version and flags."""
    return box(kind, pack(">I", version << 24 | flags), *parts)


@dataclass(frozen=True, slots=True)
class TrackHeader:
    """One track of the init segment. ``handler`` is b"vide" or b"soun"; ``entry`` the whole sample entry box;
    ``timescale`` ticks per second; width and height in pixels, 0 for audio."""

    track_id: int
    handler: bytes
    timescale: int
    entry: bytes
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of a fragment. Times in ticks of its track; ``offset`` is presentation minus decoding time."""

    data: bytes
    duration: int
    offset: int = 0
    sync: bool = True


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive samples of one track; ``time`` is the decoding time of the first."""

    track_id: int
    time: int
    samples: Sequence[Sample]


def init_segment(tracks: Sequence[TrackHeader]) -> bytes:
    """``ftyp`` and ``moov`` without samples."""
    ftyp = box(b"ftyp", b"iso6", pack(">I", 0x200), b"iso6cmfcavc1mp41")
    mvhd = full_box(
        b"mvhd", 0, 0, pack(">IIIIIH10x", 0, 0, _MOVIE_TIMESCALE, 0, 0x10000, 0x100), _MATRIX, bytes(24),
        pack(">I", 1 + max(track.track_id for track in tracks)),
    )  # fmt: skip
    extends = [full_box(b"trex", 0, 0, pack(">5I", track.track_id, 1, 0, 0, 0)) for track in tracks]
    return ftyp + box(b"moov", mvhd, *map(_trak, tracks), box(b"mvex", *extends))


def _trak(track: TrackHeader) -> bytes:
    audio = track.handler == b"soun"
    tkhd = full_box(
        b"tkhd", 0, 3,
        pack(">5I8xHHHH", 0, 0, track.track_id, 0, 0, 0, 0, 0x100 if audio else 0, 0), _MATRIX,
        pack(">II", track.width << 16, track.height << 16),
    )  # fmt: skip
    mdhd = full_box(b"mdhd", 0, 0, pack(">IIIIHH", 0, 0, track.timescale, 0, 0x55C4, 0))
    name = b"SoundHandler\0" if audio else b"VideoHandler\0"
    hdlr = full_box(b"hdlr", 0, 0, pack(">I4s12x", 0, track.handler), name)
    header = full_box(b"smhd", 0, 0, bytes(4)) if audio else full_box(b"vmhd", 0, 1, bytes(8))
    dinf = box(b"dinf", full_box(b"dref", 0, 0, pack(">I", 1), full_box(b"url ", 0, 1)))
    empty = pack(">I", 0)
    stbl = box(
        b"stbl",
        full_box(b"stsd", 0, 0, pack(">I", 1), track.entry),
        full_box(b"stts", 0, 0, empty),
        full_box(b"stsc", 0, 0, empty),
        full_box(b"stsz", 0, 0, empty, empty),
        full_box(b"stco", 0, 0, empty),
    )
    return box(b"trak", tkhd, box(b"mdia", mdhd, hdlr, box(b"minf", header, dinf, stbl)))


def fragment(sequence: int, runs: Sequence[Run]) -> bytes:
    """``moof`` and ``mdat`` of one movie fragment."""
    size = len(_moof(sequence, runs, [0] * len(runs)))
    offsets = []
    at = size + 8
    for run in runs:
        offsets.append(at)
        at += sum(len(sample.data) for sample in run.samples)
    moof = _moof(sequence, runs, offsets)
    return b"".join([moof, pack(">I4s", at - size, b"mdat"), *(sample.data for run in runs for sample in run.samples)])


def _moof(sequence: int, runs: Sequence[Run], offsets: Sequence[int]) -> bytes:
    mfhd = full_box(b"mfhd", 0, 0, pack(">I", sequence & 0xFFFFFFFF))
    return box(b"moof", mfhd, *(_traf(run, offset) for run, offset in zip(runs, offsets, strict=True)))


def _traf(run: Run, data_offset: int) -> bytes:
    rows = b"".join(
        pack(
            ">IIIi",
            sample.duration & 0xFFFFFFFF,
            len(sample.data),
            _SYNC_SAMPLE if sample.sync else _OTHER_SAMPLE,
            max(-0x80000000, min(0x7FFFFFFF, sample.offset)),
        )
        for sample in run.samples
    )
    return box(
        b"traf",
        full_box(b"tfhd", 0, _DEFAULT_BASE_IS_MOOF, pack(">I", run.track_id)),
        full_box(b"tfdt", 1, 0, pack(">Q", run.time)),
        full_box(b"trun", 1, _TRUN_FLAGS, pack(">Ii", len(run.samples), data_offset), rows),
    )
