from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.operations.manifest import BadBackup
from gateway.operations.parts import (
    IN_ORDER,
    check_database,
    copy_database,
    copy_parts,
    row_counts,
    schema_of,
)
from gateway.store.migrations.upgrade import newest
from tests.gateway.operations.lived_in import live_in


def wal_database(path: Path) -> sqlite3.Connection:
    """A database in WAL mode, with three rows, left open."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (n INTEGER)")
    connection.executemany("INSERT INTO t VALUES (?)", [(1,), (2,), (3,)])
    return connection


async def test_every_part_is_copied_for_its_owner_alone(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy"
    await live_in(data)
    copy.mkdir()
    copy_parts(data, copy)
    assert sorted(path.name for path in copy.iterdir()) == sorted(IN_ORDER)
    assert {path.stat().st_mode & 0o777 for path in copy.iterdir()} == {0o600}
    assert schema_of(copy / "gateway.db") == newest()
    counts = row_counts(copy / "gateway.db") | row_counts(copy / "ledger.db")
    assert counts["devices"] == counts["catalog_item"] == 1 and counts["ledger"] == 4
    assert "alembic_version" not in counts


async def test_a_head_that_is_being_written_is_left_out_and_the_file_may_be_missing(tmp_path: Path) -> None:
    data, copy, other = tmp_path / "data", tmp_path / "copy", tmp_path / "other"
    await live_in(data)
    heads = data / "ledger-heads.jsonl"
    whole = heads.read_bytes()
    with heads.open("ab") as file:
        file.write(b'{"day": "2023-')
    copy.mkdir()
    copy_parts(data, copy)
    assert (copy / heads.name).read_bytes() == whole
    heads.unlink()
    other.mkdir()
    copy_parts(data, other)
    assert not (other / heads.name).exists()


def test_a_copy_is_one_moment_and_holds_up_no_writer(tmp_path: Path) -> None:
    source = tmp_path / "s.db"
    with closing(wal_database(source)) as node:
        node.execute("BEGIN IMMEDIATE")
        node.execute("INSERT INTO t VALUES (4)")  # not committed: not in the copy
        copy_database(source, tmp_path / "c.db")
        node.execute("COMMIT")
        with closing(sqlite3.connect(tmp_path / "c.db")) as copy:
            assert copy.execute("SELECT n FROM t").fetchall() == [(1,), (2,), (3,)]
            assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",), "the copy is one file"
        assert sorted(path.name for path in tmp_path.glob("c.db*")) == ["c.db"]


def test_what_is_missing_or_damaged_is_no_copy(tmp_path: Path) -> None:
    with pytest.raises(BadBackup, match="is missing"):
        copy_database(tmp_path / "none.db", tmp_path / "c.db")
    broken = tmp_path / "b.db"
    broken.write_bytes(b"no database" * 100)
    with pytest.raises(BadBackup, match="cannot be copied"):
        copy_database(broken, tmp_path / "c2.db")
    with pytest.raises(BadBackup, match="is damaged"):
        check_database(broken)
    with pytest.raises(BadBackup, match="no database of a node"):
        schema_of(broken)


def test_damage_inside_a_database_is_found(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (n TEXT)")
        connection.execute("CREATE INDEX i ON t (n)")
        connection.executemany("INSERT INTO t VALUES (?)", [(str(number) * 50,) for number in range(500)])
    check_database(path)
    content = bytearray(path.read_bytes())
    content[8192:12288] = b"\xff" * 4096
    path.write_bytes(content)
    with pytest.raises(BadBackup, match="s.db is damaged"):
        check_database(path)


def test_a_database_without_a_schema_is_not_a_nodes(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    with pytest.raises(BadBackup, match="has no schema"):
        schema_of(path)
