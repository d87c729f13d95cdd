from __future__ import annotations

from media.es.g711 import duration, silence, strip_hisilicon


def test_twenty_milliseconds() -> None:
    assert duration(160) == 1800
    assert silence("PCMA", 160) == b"\xd5" * 160
    assert silence("PCMU", 2) == b"\xff\xff"


def test_the_chip_header_is_removed_only_when_its_length_fits() -> None:
    audio = b"\xd5" * 160
    assert strip_hisilicon(b"\x00\x01\x50\x00" + audio) == audio
    for other in (b"\x00\x01\x51\x00" + audio, b"\x01\x01\x50\x00" + audio, audio, b"\x00\x01\x00\x00", b""):
        assert strip_hisilicon(other) is other
