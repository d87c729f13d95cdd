from __future__ import annotations

from media.es.codecs import STREAM_TYPE_OF, STREAM_TYPES, VIDEO_CODECS


def test_stream_types_of_the_standard() -> None:
    assert {name: STREAM_TYPE_OF[name] for name in ("MPEG4", "H264", "H265", "SVAC", "PCMA", "PCMU", "AAC")} == {
        "MPEG4": 0x10, "H264": 0x1B, "H265": 0x24, "SVAC": 0x80, "PCMA": 0x90, "PCMU": 0x91, "AAC": 0x0F
    }  # fmt: skip
    assert {name: STREAM_TYPE_OF[name] for name in ("G7221", "G7231", "G729", "SVACA")} == {
        "G7221": 0x92, "G7231": 0x93, "G729": 0x99, "SVACA": 0x9B
    }  # fmt: skip


def test_each_codec_has_one_type() -> None:
    assert len(STREAM_TYPES) == len(STREAM_TYPE_OF)
    assert set(STREAM_TYPE_OF) >= VIDEO_CODECS
