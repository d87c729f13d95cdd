from __future__ import annotations

import builtins
import os
import resource
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from gateway.config import Config
from gateway.operations.checks import machine
from gateway.operations.checks.finding import Level
from gateway.operations.checks.machine import (
    check_buffers,
    check_media_ports,
    check_open_files,
    check_processors,
    check_versions,
)


def sysctl(folder: Path, **values: str) -> Path:
    """A /proc/sys with those values; `__` stands for the dot."""
    for name, value in values.items():
        path = folder.joinpath(*name.split("__"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    return folder


def media(**keys: Any) -> Config:
    base = Config()
    return replace(base, media=replace(base.media, **keys))


def test_socket_buffers_smaller_than_asked_for_name_the_sysctl(tmp_path: Path) -> None:
    read, write = check_buffers(sysctl(tmp_path, net__core__rmem_max="212992", net__core__wmem_max="8388608"))
    assert read.level is Level.WARNING and "sysctl -w net.core.rmem_max=4194304" in read.change
    assert write.level is Level.OK
    unknown = check_buffers(tmp_path / "none")
    assert [one.level for one in unknown] == [Level.WARNING] * 2 and "unknown" in unknown[0].text


def test_the_limit_of_open_files_is_held_against_what_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for hard, levels in ((1024, [Level.WARNING] * 2), (1 << 20, [Level.OK]), (-1, [Level.OK])):
        monkeypatch.setattr(resource, "getrlimit", lambda kind, hard=hard: (hard, hard))
        found = check_open_files(Config())
        assert [one.level for one in found] == levels
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1024, 1024))
    assert "sip.max_connections = 20000 may need" in check_open_files(Config())[0].text


def test_the_media_range_has_a_pair_for_every_stream() -> None:
    wide, narrow = check_media_ports(Config())[0], check_media_ports(media(port_max=30999))[0]
    assert wide.level is Level.OK and wide.text.startswith("2500 port pairs")
    assert narrow.level is Level.WARNING and "to 4000 ports" in narrow.change


@pytest.mark.parametrize(
    ("given", "reserved", "level"),
    [
        ("32768\t60999", "", Level.WARNING),
        ("32768\t60999", "8080,30000-34999", Level.OK),
        ("32768\t60999", "30000-33000,33001-34999", Level.OK),
        ("32768\t60999", "30000-33000", Level.WARNING),
        ("40000\t60999", "", Level.OK),
    ],
)
def test_the_kernel_gives_media_ports_to_nobody_else(given: str, reserved: str, level: Level, tmp_path: Path) -> None:
    place = sysctl(tmp_path, net__ipv4__ip_local_port_range=given, net__ipv4__ip_local_reserved_ports=reserved)
    assert [one.level for one in check_media_ports(Config(), place)] == [Level.OK, level]
    assert len(check_media_ports(Config(), tmp_path / "none")) == 1


def test_more_workers_than_processors_gain_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})
    assert check_processors(media(relay_workers=3))[0].level is Level.OK
    assert check_processors(media(relay_workers=4))[0].level is Level.WARNING


def test_the_libraries_are_named_by_version(monkeypatch: pytest.MonkeyPatch) -> None:
    programs, ffmpeg = check_versions()
    assert "SQLite" in programs.text and ffmpeg.level is Level.OK and "libavcodec" in ffmpeg.text
    monkeypatch.setattr(av, "codecs_available", {"h264", "mjpeg"})
    assert check_versions()[1].level is Level.PROBLEM and "hevc" in check_versions()[1].text


def test_ffmpeg_that_cannot_be_loaded_is_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "av":
            raise ImportError("libavcodec.so.62: cannot open shared object file")
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", missing)
    found = machine.check_versions()[1]
    assert found.level is Level.PROBLEM and "libavcodec.so.62" in found.text
