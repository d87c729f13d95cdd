"""Boxes against bytes written by hand from ISO/IEC 14496-12."""

from __future__ import annotations

from media.mp4.boxes import Run, Sample, TrackHeader, box, fragment, full_box, init_segment


def walk(data: bytes) -> list[tuple[bytes, bytes]]:
    found = []
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found.append((data[at + 4 : at + 8], data[at + 8 : at + size]))
        at += size
    assert at == len(data)
    return found


def test_plain_and_full_boxes() -> None:
    assert box(b"free", b"ab", b"c").hex() == "0000000b" + "66726565" + "616263"
    assert full_box(b"tfdt", 1, 2, b"x").hex() == "0000000d" + "74666474" + "01000002" + "78"


def test_a_fragment_of_one_sample() -> None:
    written = fragment(7, [Run(1, 0x1_0000_0000, [Sample(b"\xaa\xbb", 3600, -1, True)])])
    assert written.hex() == (
        "00000068" + "6d6f6f66"
        + "00000010" + "6d666864" + "00000000" + "00000007"
        + "00000050" + "74726166"
        + "00000010" + "74666864" + "00020000" + "00000001"
        + "00000014" + "74666474" + "01000000" + "0000000100000000"
        + "00000024" + "7472756e" + "01000f01" + "00000001" + "00000070"
        + "00000e10" + "00000002" + "02000000" + "ffffffff"
        + "0000000a" + "6d646174" + "aabb"
    )  # fmt: skip


def test_offsets_of_two_runs_point_at_their_data() -> None:
    written = fragment(1, [Run(1, 0, [Sample(b"VV", 1), Sample(b"W", 1, sync=False)]), Run(2, 0, [Sample(b"AAA", 1)])])
    (moof, body), (mdat, data) = walk(written)
    assert (moof, mdat, data) == (b"moof", b"mdat", b"VVWAAA")
    truns = [dict(walk(content))[b"trun"] for kind, content in walk(body) if kind == b"traf"]
    offsets = [int.from_bytes(trun[8:12], "big") for trun in truns]
    assert [written[o : o + 3] for o in offsets] == [b"VVW", b"AAA"]
    assert truns[0][12 + 16 + 8 : 12 + 16 + 12].hex() == "01010000"


def test_the_init_segment_holds_no_samples_and_names_its_tracks() -> None:
    tracks = [TrackHeader(1, b"vide", 90000, box(b"avc1"), 640, 360), TrackHeader(2, b"soun", 16000, box(b"mp4a"))]
    (ftyp, brands), (moov, body) = walk(init_segment(tracks))
    assert (ftyp, moov) == (b"ftyp", b"moov")
    assert brands[:4] == b"iso6"
    kinds = [kind for kind, _ in walk(body)]
    assert kinds == [b"mvhd", b"trak", b"trak", b"mvex"]
    traks = [dict(walk(content)) for kind, content in walk(body) if kind == b"trak"]
    assert traks[0][b"tkhd"][-8:].hex() == "0280000001680000"
    assert traks[1][b"tkhd"][36:38].hex() == "0100"
    media = [dict(walk(trak[b"mdia"])) for trak in traks]
    assert [int.from_bytes(m[b"mdhd"][12:16], "big") for m in media] == [90000, 16000]
    assert [m[b"hdlr"][8:12] for m in media] == [b"vide", b"soun"]
    tables = dict(walk(dict(walk(media[0][b"minf"]))[b"stbl"]))
    assert tables[b"stsz"] == bytes(12)
    assert tables[b"stsd"] == bytes.fromhex("0000000000000001") + box(b"avc1")
    mvhd = dict(walk(body))[b"mvhd"]
    assert len(mvhd) == 100
    assert mvhd[-4:] == b"\0\0\0\3"
    extends = walk(dict(walk(body))[b"mvex"])
    assert [content.hex() for _, content in extends] == [
        "00000000" + f"{track:08x}" + "00000001" + "00000000" * 3 for track in (1, 2)
    ]
