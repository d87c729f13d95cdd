"""Where a start code stands, and which ones make sense."""

from __future__ import annotations

import pytest

from media.ps.start_codes import is_sound_start, may_begin_structure, next_structure


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("aaaa 000001e0", 2),
        ("00000141 00000165 000001ba", 8),
        ("00000141 00000165", None),
        ("000001", None),
        ("0000000001bc", 2),
    ],
    ids=["video", "behind two slices", "slices only", "code not there yet", "with more zeros"],
)
def test_the_next_structure_is_no_elementary_start_code(text: str, found: int | None) -> None:
    buffer = bytearray.fromhex(text)
    assert next_structure(buffer, 0, len(buffer)) == found


def test_the_search_keeps_to_its_bounds() -> None:
    buffer = bytearray.fromhex("000001ba 000001bb")
    assert next_structure(buffer, 1, 8) == 4
    assert next_structure(buffer, 1, 6) is None


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("", True),
        ("00", True),
        ("000001", True),
        ("000001b9", True),
        ("000001b8", False),
        ("0001", False),
        ("41", False),
    ],
)
def test_a_buffer_may_begin_with_a_structure_as_far_as_it_is_there(text: str, may: bool) -> None:
    assert may_begin_structure(bytearray.fromhex(text)) is may


@pytest.mark.parametrize(
    ("text", "sound"),
    [
        ("000001ba ffffffffff", True),
        ("000001bc 0012e1ff00", True),
        ("000001bc 0412e1ff00", False),
        ("000001e0 0030808005", True),
        ("000001e0 0000808005", True),
        ("000001e0 0001808005", False),
        ("000001e0 0030008005", False),
        ("000001c0 0030808005", True),
        ("000001bd 0030808005", False),
        ("00000141 0030808005", False),
    ],
    ids=[
        "a pack", "a map", "a map beyond a kilobyte", "video", "video of unknown length", "shorter than its header",
        "without the marker bits", "audio", "a private stream", "a slice",
    ],
)  # fmt: skip
def test_after_garbage_only_a_header_whose_fields_agree_is_believed(text: str, sound: bool) -> None:
    assert is_sound_start(bytearray.fromhex(text), 0) is sound
