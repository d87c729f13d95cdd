"""A backup of a node in one file, taken while it runs: everything that cannot be made again, checked before it counts.

Copies are taken beside the target, the copied ledger's chain and the copied databases are verified, the archive is
written and read back against its manifest, and only then it gets its name.
"""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from gateway.compliance.ledger_file import LEDGER_FILE
from gateway.compliance.verify import Verified, verify
from gateway.config import Config
from gateway.errors import GatewayError
from gateway.operations.archive import read_archive, sync_directory, write_archive
from gateway.operations.manifest import BadBackup, Manifest, Part
from gateway.operations.parts import (
    CONFIGURATION_PART,
    DATABASES,
    IN_ORDER,
    copy_parts,
    row_counts,
    schema_of,
)
from gateway.store.engine import DATABASE_FILE

SUFFIX = ".tar.gz"


class BackupRefused(GatewayError):
    """No backup is taken: nothing to back up, no room, or the target is there already."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A good backup."""

    file: Path
    bytes: int
    manifest: Manifest


def take_backup(config: Config, config_file: Path | None, target: Path, *, now: float) -> Backup:
    """Back up the node of ``config`` to the file ``target``, or under a name of its own in the directory ``target``.

    Raises BackupRefused, BadBackup (what was copied is not whole), OSError; then there is no file ``target``.
    """
    made = datetime.fromtimestamp(now, UTC)
    if target.is_dir():
        target = target / f"gbgateway-{config.node.id}-{made:%Y%m%dT%H%M%SZ}{SUFFIX}"
    _refuse_what_cannot_be(config.node.data_dir, target)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as name:
        folder = Path(name)
        manifest = _copied(config, config_file, folder, made)
        draft = folder / "archive"
        write_archive(draft, manifest, folder)
        if read_archive(draft) != manifest:
            raise BadBackup(f"{draft} is not what was written")
        try:
            os.link(draft, target)  # unlike a rename it never replaces a backup that is there
        except FileExistsError:
            raise BackupRefused(f"{target} is there already") from None
        sync_directory(target.parent)
    return Backup(target, target.stat().st_size, manifest)


def _refuse_what_cannot_be(data_dir: Path, target: Path) -> None:
    if target.exists():
        raise BackupRefused(f"{target} is there already")
    if not (data_dir / DATABASE_FILE).is_file():
        raise BackupRefused(f"there is no node's data in {data_dir}")
    needed = 2 * sum((data_dir / name).stat().st_size for name in IN_ORDER if (data_dir / name).exists())
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise BackupRefused(f"{target.parent} has {free >> 20} MB free; up to {(needed >> 20) + 1} MB are needed")


def _copied(config: Config, config_file: Path | None, folder: Path, made: datetime) -> Manifest:
    """Copy every part into ``folder`` and describe it, once it is found whole."""
    copy_parts(config.node.data_dir, folder)
    if config_file is not None:
        shutil.copyfile(config_file, folder / CONFIGURATION_PART)
    ledger = verified_ledger(folder)
    names = [name for name in (*IN_ORDER, CONFIGURATION_PART) if (folder / name).exists()]
    counts: dict[str, int] = {}
    for name in DATABASES:
        counts |= row_counts(folder / name)
    return Manifest(
        made_at=made.isoformat(timespec="seconds"),
        node_id=config.node.id,
        node_name=config.node.name,
        schema=schema_of(folder / DATABASE_FILE),
        ledger_entries=ledger.entries,
        ledger_head=ledger.head,
        ledger_signed=ledger.signed,
        counts=counts,
        versions=versions(),
        parts={name: Part.of(folder / name) for name in names},
    )


def verified_ledger(folder: Path) -> Verified:
    """The verified ledger of a directory of parts. Raises BadBackup."""
    outcome = verify(folder / LEDGER_FILE)
    if not isinstance(outcome, Verified):
        raise BadBackup(f"the ledger is not whole: entry {outcome.seq} is bad: {outcome.problem}")
    return outcome


def versions() -> dict[str, str]:
    """Of the programs a backup is made with."""
    with closing(sqlite3.connect(":memory:")) as connection:
        [sqlite] = connection.execute("SELECT sqlite_version()").fetchone()
    try:
        own = version("gb28181-gateway")
    except PackageNotFoundError:  # run from a source tree that is not installed
        own = "unknown"
    return {"gb28181-gateway": own, "python": platform.python_version(), "sqlite": sqlite}
