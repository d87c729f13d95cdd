"""Video without a length, delivered up to what might begin a start code."""

from __future__ import annotations

from media.ps.open_video import OpenVideo

SLICE = bytes.fromhex("00000001419a20") + b"\x3a" * 40
PACK = bytes.fromhex("000001ba")


class Pieces(list[tuple[int, int | None, int | None, bytes]]):
    def video(self, stream_id: int, pts: int | None, dts: int | None, data: memoryview) -> None:
        self.append((stream_id, pts, dts, bytes(data)))


def begun(at: int = 0, pts: int | None = 7200) -> tuple[OpenVideo, Pieces]:
    pieces = Pieces()
    video = OpenVideo(pieces)
    video.begin(0xE0, at, pts, 3600)
    return video, pieces


def test_the_last_three_bytes_are_held_back_for_they_may_begin_a_start_code() -> None:
    video, pieces = begun()
    assert video.pass_on(bytearray(SLICE), 0) == len(SLICE) - 3
    assert pieces == [(0xE0, 7200, 3600, SLICE[:-3])]
    assert video.stream_id == 0xE0


def test_times_belong_to_the_first_piece_alone() -> None:
    video, pieces = begun()
    buffer = bytearray(SLICE)
    at = video.pass_on(buffer, 0)
    buffer += SLICE
    video.pass_on(buffer, at)
    assert [piece[1:3] for piece in pieces] == [(7200, 3600), (None, None)]
    assert b"".join(piece[3] for piece in pieces) == (SLICE + SLICE)[:-3]


def test_a_piece_of_less_than_sixteen_bytes_waits_for_more() -> None:
    video, pieces = begun()
    assert video.pass_on(bytearray(SLICE[:18]), 0) == 0
    assert pieces == []
    assert video.pass_on(bytearray(SLICE[:19]), 0) == 16


def test_a_structure_ends_it() -> None:
    video, pieces = begun()
    assert video.pass_on(bytearray(SLICE + PACK), 0) == len(SLICE)
    assert pieces == [(0xE0, 7200, 3600, SLICE)]
    assert video.stream_id is None


def test_a_start_code_cut_between_two_pieces_is_found_after_the_front_of_the_buffer_is_gone() -> None:
    video, pieces = begun(at=9)
    buffer = bytearray(b"\x11" * 9 + SLICE + PACK[:2])
    at = video.pass_on(buffer, 9)
    del buffer[:at]
    video.moved(at)
    buffer += PACK[2:]
    assert video.pass_on(buffer, 0) == len(buffer) - 4
    assert b"".join(piece[3] for piece in pieces) == SLICE


def test_nothing_is_delivered_when_nothing_is_there_or_none_is_under_way() -> None:
    video, pieces = begun()
    assert video.deliver(bytearray(SLICE), 5, 5) == 5
    video.end()
    assert video.deliver(bytearray(SLICE), 5, 9) == 5
    assert pieces == []
