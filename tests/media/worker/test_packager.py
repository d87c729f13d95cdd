"""Access units to init segments and fragments: tracks, changes, waiting for audio."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import av
import pytest

from media.es.aac import build_adts
from media.unit import AccessUnit
from media.worker.broadcast import Fragment
from media.worker.packager import Packager, Started


def sound(pts: int, codec: str = "PCMA", data: bytes = b"\xd5" * 320) -> AccessUnit:
    return AccessUnit(codec, pts, pts, True, data, "audio")


def played(made: list[Any]) -> bytes:
    return b"".join(m.init if isinstance(m, Started) else m.data for m in made)


def test_a_stream_without_audio_starts_after_a_short_wait(film: Any) -> None:
    packager = Packager()
    assert packager.package(film.units[:10]) == []
    made = packager.package(film.units[10:30])
    started = made[0]
    assert isinstance(started, Started)
    assert (started.video_codec, started.audio_codec, started.anew) == ("H264", None, False)
    assert (started.width, started.height) == (320, 240)
    assert started.mime == f'video/mp4; codecs="{started.codecs}"'
    assert [m.key for m in made[1:]] == [n % 10 == 0 for n in range(30)]
    with av.open(io.BytesIO(played(made))) as container:
        assert len(list(container.decode(video=0))) == 30


@pytest.mark.parametrize("codec", ["PCMA", "PCMU"])
def test_audio_ends_the_wait_and_becomes_a_track(film: Any, codec: str) -> None:
    packager = Packager()
    made = packager.package([film.units[0], sound(film.units[0].pts, codec), *film.units[1:5]])
    assert isinstance(made[0], Started) and made[0].audio_codec == codec and "mp4a.40.2" in made[0].codecs


def test_aac_is_carried_as_it_is(film: Any) -> None:
    frame = build_adts(bytes(20), rate=16000)
    made = Packager().package([film.units[0], sound(film.units[0].pts, "AAC", frame)])
    assert isinstance(made[0], Started) and made[0].audio_codec == "AAC"


def test_sound_that_cannot_be_used_is_as_no_sound(film: Any) -> None:
    packager = Packager()
    units = [film.units[0], sound(film.units[0].pts, "AAC", b"no adts"), sound(film.units[0].pts, "G722")]
    assert packager.package(units) == []
    made = packager.package(film.units[1:20])
    assert isinstance(made[0], Started) and made[0].audio_codec is None


def test_nothing_comes_before_the_first_key_frame(film: Any) -> None:
    packager = Packager()
    assert packager.package([sound(0), *film.units[3:9]]) == []
    made = packager.package(film.units[10:12])
    assert isinstance(made[0], Started) and isinstance(made[1], Fragment) and made[1].key


def test_another_picture_size_brings_a_new_init_segment(film: Any) -> None:
    from fractions import Fraction

    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt, context.time_base = 160, 128, "yuv420p", Fraction(1, 25)  # type: ignore[attr-defined]
    context.options = {"x264-params": "annexb=1"}
    packets = context.encode(av.VideoFrame(160, 128, "yuv420p")) + context.encode(None)  # type: ignore[attr-defined]
    after = film.units[29].pts + 3600
    small = AccessUnit("H264", after, after, True, bytes(packets[0]), "video")
    packager = Packager()
    packager.package(film.units[:30])
    started, fragment = packager.package([small])
    assert isinstance(started, Started) and (started.width, started.height, started.anew) == (160, 128, False)
    assert isinstance(fragment, Fragment) and fragment.key and fragment.data[4:8] == b"moof"


def test_another_codec_begins_anew(film: Any) -> None:
    packager = Packager()
    packager.package(film.units[:30])
    strange = [replace(u, codec="SVAC") for u in film.units[30:50]]
    assert packager.package(strange) == [], "MP4 does not carry it"
    made = packager.package([film.units[50], *film.units[51:59], replace(film.units[55], codec="SVAC")])
    assert made == []
    made = packager.package([replace(film.units[59], pts=film.units[50].pts + 90_000, dts=film.units[50].dts + 90_000)])
    assert isinstance(made[0], Started) and made[0].anew


def test_a_stray_unit_of_another_codec_is_left_out(film: Any) -> None:
    packager = Packager()
    packager.package(film.units[:30])
    assert packager.package([replace(film.units[31], codec="H265")]) == []
