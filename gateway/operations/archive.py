"""The file of a backup: a gzip-compressed tar of a manifest and the parts it names, readable by its owner alone."""

from __future__ import annotations

import hashlib
import os
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from gateway.operations.manifest import CHUNK, MANIFEST_FILE, BadBackup, Manifest
from gateway.operations.parts import CONFIGURATION_PART, IN_ORDER

KNOWN = frozenset({*IN_ORDER, CONFIGURATION_PART})
MAX_MANIFEST = 1 << 20
LEVEL = 3
"""Of compression: most of a database shrinks well, and the machine has other work."""


def write_archive(target: Path, manifest: Manifest, folder: Path) -> None:
    """Write manifest and parts (files of ``folder``) to ``target``, on the disk when this returns. Raises OSError."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=LEVEL, format=tarfile.PAX_FORMAT) as archive:
            content = manifest.encode()
            entry = _entry(MANIFEST_FILE, len(content))
            archive.addfile(entry, BytesIO(content))
            for name, part in manifest.parts.items():
                with (folder / name).open("rb") as source:
                    archive.addfile(_entry(name, part.bytes), source)
        file.flush()
        os.fsync(file.fileno())


def read_archive(source: Path, folder: Path | None = None) -> Manifest:
    """Check every part of a backup against its manifest, writing it to ``folder`` if named. Raises BadBackup."""
    with _opened(source) as archive:
        manifest = _manifest(archive)
        missing = set(manifest.parts)
        while (entry := archive.next()) is not None:
            part = manifest.parts.get(entry.name)
            if part is None or not entry.isfile() or entry.name not in missing:
                raise BadBackup(f"{source}: {entry.name} does not belong into a backup")
            missing.discard(entry.name)
            content = archive.extractfile(entry)
            assert content is not None
            digest, size = hashlib.sha256(), 0
            with _sink(folder, entry.name) as sink:
                while chunk := content.read(CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
                    sink.write(chunk)
            if (size, digest.hexdigest()) != (part.bytes, part.sha256):
                raise BadBackup(f"{source}: {entry.name} is not what was backed up")
        if missing:
            raise BadBackup(f"{source}: {', '.join(sorted(missing))} is missing")
    return manifest


def read_manifest(source: Path) -> Manifest:
    """The manifest alone. Raises BadBackup, OSError."""
    with _opened(source) as archive:
        return _manifest(archive)


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(source, mode="r:gz") as archive:
            yield archive
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise BadBackup(f"{source} is no backup, or is cut short: {error}") from error


def _manifest(archive: tarfile.TarFile) -> Manifest:
    entry = archive.next()
    content = archive.extractfile(entry) if entry is not None and entry.name == MANIFEST_FILE else None
    if content is None:
        raise BadBackup(f"it has no {MANIFEST_FILE}, so it is no backup")
    manifest = Manifest.decode(content.read(MAX_MANIFEST))
    strange = set(manifest.parts) - KNOWN
    if strange:
        raise BadBackup(f"its {MANIFEST_FILE} names parts unknown here: {', '.join(sorted(strange))}")
    return manifest


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry


@contextmanager
def _sink(folder: Path | None, name: str) -> Iterator[BinaryIO]:
    """Where a part is written to: a new file, on the disk at the end, or nowhere."""
    path = Path(os.devnull) if folder is None else folder / name
    flags = os.O_WRONLY if folder is None else os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        yield file
        file.flush()
        if folder is not None:
            os.fsync(file.fileno())


def sync_directory(directory: Path) -> None:
    """Have the names in a directory reach the disk, as fsync of a file does for its content. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
