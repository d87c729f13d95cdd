from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.operations.archive import read_archive, read_manifest, sync_directory, write_archive
from gateway.operations.manifest import BadBackup, Manifest, Part
from tests.gateway.operations.test_manifest import MANIFEST

KEY, LEDGER = b"k" * 44, bytes(range(256)) * 10_000


def made(folder: Path) -> tuple[Path, Manifest]:
    """A small backup of two parts."""
    (folder / "secret.key").write_bytes(KEY)
    (folder / "ledger.db").write_bytes(LEDGER)
    parts = {name: Part.of(folder / name) for name in ("secret.key", "ledger.db")}
    manifest = replace(MANIFEST, parts=parts)
    target = folder / "b.tar.gz"
    write_archive(target, manifest, folder)
    return target, manifest


def rewritten(source: Path, change: Callable[[str, bytes], list[tuple[str, bytes]]]) -> Path:
    """The same archive with other members."""
    target = source.with_name("changed.tar.gz")
    with tarfile.open(source) as old, tarfile.open(target, "w:gz") as new:
        for member in old:
            content = old.extractfile(member)
            assert content is not None
            for name, data in change(member.name, content.read()):
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                new.addfile(entry, io.BytesIO(data))
    return target


def test_a_backup_is_a_tar_any_program_reads_for_its_owner_alone(tmp_path: Path) -> None:
    target, manifest = made(tmp_path)
    assert target.stat().st_mode & 0o777 == 0o600
    with tarfile.open(target) as archive:
        assert archive.getnames() == ["manifest.json", "secret.key", "ledger.db"]
        assert {member.mode for member in archive} == {0o600}
    assert read_manifest(target) == manifest


def test_every_part_is_checked_and_written_where_asked(tmp_path: Path) -> None:
    target, manifest = made(tmp_path)
    assert read_archive(target) == manifest
    folder = tmp_path / "out"
    folder.mkdir()
    assert read_archive(target, folder) == manifest
    assert (folder / "ledger.db").read_bytes() == LEDGER and (folder / "secret.key").read_bytes() == KEY
    assert (folder / "secret.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda name, data: [(name, data.replace(b"kkkk", b"xkkk", 1))], "secret.key is not what was backed up"),
        (lambda name, data: [] if name == "ledger.db" else [(name, data)], "ledger.db is missing"),
        (lambda name, data: [(name, data), ("../../etc/passwd", b"x")], "etc/passwd does not belong"),
        (lambda name, data: [(name, data)] * (1 if name == "manifest.json" else 2), "secret.key does not belong"),
        (lambda name, data: [] if name == "manifest.json" else [(name, data)], "no manifest.json"),
        (lambda name, data: [(name, data.replace(b'"ledger.db"', b'"passwd"'))], "unknown here: passwd"),
    ],
)
def test_what_is_not_what_the_manifest_says_is_refused(
    change: Callable[[str, bytes], list[tuple[str, bytes]]], problem: str, tmp_path: Path
) -> None:
    target, _ = made(tmp_path)
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(BadBackup, match=problem):
        read_archive(rewritten(target, change), folder)


def test_what_is_no_archive_or_cut_short_or_damaged_is_refused(tmp_path: Path) -> None:
    target, _ = made(tmp_path)
    whole = target.read_bytes()
    for number, content in enumerate((b"", b"hello" * 1000, whole[: len(whole) // 2])):
        bad = tmp_path / f"{number}.tar.gz"
        bad.write_bytes(content)
        with pytest.raises(BadBackup):
            read_archive(bad)
    damaged = tmp_path / "d.tar.gz"
    plain = bytearray(gzip.decompress(whole))
    plain[plain.rindex(b"\xfe\xff\x00")] ^= 1
    damaged.write_bytes(gzip.compress(bytes(plain)))
    with pytest.raises(BadBackup):
        read_archive(damaged)
    with pytest.raises(FileNotFoundError):
        read_archive(tmp_path / "none")


def test_a_link_is_no_part(tmp_path: Path) -> None:
    target, manifest = made(tmp_path)
    bad = tmp_path / "link.tar.gz"
    with tarfile.open(bad, "w:gz") as archive:
        content = manifest.encode()
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("secret.key")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(BadBackup, match="secret.key does not belong"):
        read_archive(bad)


def test_a_backup_is_never_written_over_a_file(tmp_path: Path) -> None:
    target, manifest = made(tmp_path)
    with pytest.raises(FileExistsError):
        write_archive(target, manifest, tmp_path)


def test_the_names_in_a_directory_are_brought_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    sync_directory(tmp_path)
    assert synced == [tmp_path.stat().st_ino]
    with pytest.raises(FileNotFoundError):
        sync_directory(tmp_path / "nothing")
