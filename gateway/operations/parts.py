"""What of a data directory belongs into a backup, and how a consistent copy of it is taken while the node runs.

SQLite's backup in one step reads one snapshot; in WAL mode a reader never holds up the writer. The order matters:
a change is entered in the ledger before it is made, so the ledger is copied after the database; a head is signed for an
entry that is there, so the heads are copied before the ledger.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.compliance.heads import HEADS_FILE, PUBLIC_KEY_FILE, SIGNING_KEY_FILE
from gateway.compliance.ledger_file import LEDGER_FILE
from gateway.operations.manifest import BadBackup
from gateway.secrets import KEY_FILE
from gateway.store.engine import DATABASE_FILE

KEY_FILES = (KEY_FILE, SIGNING_KEY_FILE, PUBLIC_KEY_FILE)
IN_ORDER = (*KEY_FILES, DATABASE_FILE, HEADS_FILE, LEDGER_FILE)
"""Every part, in the order in which it is copied; only the heads may be missing (before the first day has ended)."""
CONFIGURATION_PART = "configuration.toml"
"""The configuration file of the day; it is kept in the archive and never put back by itself."""
DATABASES = (DATABASE_FILE, LEDGER_FILE)
WAIT_S = 30.0


def copy_parts(data_dir: Path, target: Path) -> None:
    """Copy every part of a data directory into the directory ``target``. Raises OSError, BadBackup."""
    for name in IN_ORDER:
        source = data_dir / name
        if name in DATABASES:
            copy_database(source, target / name)
        elif name == HEADS_FILE:
            _copy_lines(source, target / name)
        else:
            shutil.copyfile(source, target / name)
            (target / name).chmod(0o600)


def copy_database(source: Path, target: Path) -> None:
    """A copy of one SQLite file as it is at one moment, in one file, found undamaged. Raises OSError, BadBackup."""
    if not source.is_file():
        raise BadBackup(f"{source} is missing")
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=WAIT_S)) as original,
            closing(sqlite3.connect(target, isolation_level=None)) as copy,
        ):
            original.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
        check_database(target)
    except sqlite3.Error as error:
        raise BadBackup(f"{source} cannot be copied: {error}") from error


def check_database(path: Path) -> None:
    """Raises BadBackup unless SQLite finds the file undamaged."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            [answer] = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        answer = str(error)
    if answer != "ok":
        raise BadBackup(f"{path.name} is damaged: {answer}")


def row_counts(database: Path) -> dict[str, int]:
    """Rows by table. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        names = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
            )
            if name != "alembic_version"
        ]
        return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


def schema_of(database: Path) -> str:
    """The schema revision of a gateway.db. Raises BadBackup."""
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise BadBackup(f"{database.name} is no database of a node: {error}") from error
    if row is None:
        raise BadBackup(f"{database.name} has no schema")
    return str(row[0])


def _copy_lines(source: Path, target: Path) -> None:
    """The whole lines of a file; one that is being written is left out. Nothing when there is no file."""
    try:
        content = source.read_bytes()
    except FileNotFoundError:
        return
    target.write_bytes(content[: content.rfind(b"\n") + 1])
    target.chmod(0o600)
