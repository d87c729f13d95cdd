"""A backup is put back: checked, brought to the present schema and opened as a node would, before anything is replaced.

The old files are moved aside into a directory of their own in ``data_dir``, never removed. What no backup holds stays
where it is, above all the workers' sockets: the node adopts workers that still run and closes legs it knows nothing of.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.compliance.heads import HEADS_FILE
from gateway.config import Config
from gateway.errors import GatewayError
from gateway.operations.archive import read_archive, read_manifest, sync_directory
from gateway.operations.backup import verified_ledger
from gateway.operations.manifest import BadBackup, Manifest
from gateway.operations.occupancy import LOCK_FILE, UNFINISHED_FILE, occupied
from gateway.operations.parts import CONFIGURATION_PART, DATABASES, IN_ORDER, check_database, row_counts, schema_of
from gateway.relay.run_directory import NOTE
from gateway.secrets import SecretsError
from gateway.store.engine import DATABASE_FILE
from gateway.store.migrations.upgrade import newest
from gateway.store.stores import Stores

STAYING = frozenset({LOCK_FILE, UNFINISHED_FILE, NOTE, "run", "epoch", "lost+found"})
"""What a restore leaves in its place, and what a directory may hold that counts as empty."""
_ENDS = ("", "-wal", "-shm", "-journal")
"""Of the files SQLite may keep beside a database; a log of the old one must not be applied to the new one."""
ASIDE = "replaced-"
STAGE = ".restore-"


class RestoreRefused(GatewayError):
    """Nothing was changed: there is data, or the backup is another node's, or of a newer program."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back: counts by table, the schema it had and has, and where the old data is (None: none)."""

    manifest: Manifest
    counts: dict[str, int]
    schema: str
    aside: Path | None
    same_configuration: bool | None
    """Whether the configuration file is the one of the backup; None when either is missing."""


def restore(
    config: Config, config_file: Path | None, source: Path, *, replace: bool, other_node: bool, now: float
) -> Restored:
    """Put the backup ``source`` into the data directory of ``config``.

    ``replace`` moves aside what is there; ``other_node`` takes a backup of a node with another id. Raises
    RestoreRefused, Occupied, BadBackup, OSError.
    """
    data_dir = config.node.data_dir
    manifest = read_manifest(source)
    if manifest.node_id != config.node.id and not other_node:
        raise RestoreRefused(f"this is a backup of node {manifest.node_id}, and node.id is {config.node.id}")
    if manifest.schema > newest():
        raise RestoreRefused(
            f"the backup has schema {manifest.schema}, this program knows {newest()} at most: install a newer one"
        )
    with occupied(data_dir, unfinished=replace):
        present = [path for path in sorted(data_dir.iterdir()) if _counts_as_data(path)]
        if present and not replace:
            raise RestoreRefused(f"{data_dir} is not empty ({present[0].name}): --replace moves a node's data aside")
        with _stage(data_dir) as stage:
            manifest = read_archive(source, stage)
            counts = _made_ready(stage, manifest)
            same = _same(stage / CONFIGURATION_PART, config_file)
            aside = _swap(data_dir, stage, now)
    return Restored(manifest, counts, newest(), aside, same)


def _counts_as_data(path: Path) -> bool:
    return path.name not in STAYING and not path.name.startswith((ASIDE, STAGE))


@contextmanager
def _stage(data_dir: Path) -> Iterator[Path]:
    """A directory of our own on the disk of the data; those of broken-off restores are removed."""
    for left in data_dir.glob(f"{STAGE}*"):
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=STAGE, dir=data_dir) as name:
        yield Path(name)


def _made_ready(stage: Path, manifest: Manifest) -> dict[str, int]:
    """Check the parts against each other, bring them to the present schema, open them; the rows by table."""
    lacking = [name for name in IN_ORDER if name not in manifest.parts and name != HEADS_FILE]
    if lacking:
        raise BadBackup(f"{', '.join(lacking)} is not in it")
    for name in DATABASES:
        check_database(stage / name)
    if schema_of(stage / DATABASE_FILE) != manifest.schema:
        raise BadBackup("its database has another schema than its manifest says")
    ledger = verified_ledger(stage)
    if (ledger.entries, ledger.head) != (manifest.ledger_entries, manifest.ledger_head):
        raise BadBackup("its ledger is not the one its manifest names")
    asyncio.run(_opens(stage))
    counts: dict[str, int] = {}
    for name in DATABASES:
        counts |= row_counts(stage / name)
    return counts


async def _opens(stage: Path) -> None:
    """Migrate, and read everything as a node does at its start: every sealed secret has to open with the key."""
    try:
        stores = await Stores.open(stage)
    except SecretsError as error:
        raise BadBackup(str(error)) from error
    await stores.close()


def _same(kept: Path, present: Path | None) -> bool | None:
    if present is None or not kept.exists():
        return None
    return kept.read_bytes() == present.read_bytes()


def _swap(data_dir: Path, stage: Path, now: float) -> Path | None:
    """Old files aside, new ones in. Broken off in between, the mark that is left keeps a node from starting."""
    owner = data_dir.stat()
    old = [data_dir / (name + end) for name in IN_ORDER for end in _ENDS if (data_dir / (name + end)).exists()]
    mark = data_dir / UNFINISHED_FILE
    mark.touch(0o600)
    sync_directory(data_dir)
    aside = _aside(data_dir, now) if old else None
    if aside is not None:
        _give(aside, owner)
        for path in old:
            path.rename(aside / path.name)
    for name in IN_ORDER:
        if (stage / name).exists():
            _give(stage / name, owner)
            (stage / name).rename(data_dir / name)
    _give(data_dir / LOCK_FILE, owner)
    sync_directory(data_dir)
    mark.unlink()
    sync_directory(data_dir)
    return aside


def _aside(data_dir: Path, now: float) -> Path:
    """A new directory for what was there."""
    name = f"{ASIDE}{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}"
    for number in range(1, 1000):
        path = data_dir / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return path
    raise FileExistsError(f"{data_dir / name} and 999 more are there")


def _give(path: Path, owner: os.stat_result) -> None:
    """Restored by root, a node's files belong to whom its directory belongs."""
    if os.geteuid() == 0:
        os.chown(path, owner.st_uid, owner.st_gid)
