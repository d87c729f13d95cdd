from __future__ import annotations

import os
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.compliance.entry import Entry
from gateway.compliance.ledger import Ledger
from gateway.operations import backup as backup_module
from gateway.operations.archive import read_archive
from gateway.operations.backup import BackupRefused, take_backup, verified_ledger
from gateway.operations.manifest import BadBackup
from gateway.store.devices import Device
from gateway.store.migrations.upgrade import newest
from gateway.store.stores import Stores
from tests.gateway.operations.lived_in import NOW, config, live_in


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    await live_in(tmp_path / "data")
    return tmp_path / "data"


def test_a_backup_says_what_is_in_it(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "g.toml"
    file.write_text('[registrar]\nshared_password = "s"\n')
    taken = take_backup(config(data), file, tmp_path / "b.tar.gz", now=NOW)
    manifest = taken.manifest
    assert (taken.file, taken.bytes) == (tmp_path / "b.tar.gz", (tmp_path / "b.tar.gz").stat().st_size)
    assert taken.file.stat().st_mode & 0o777 == 0o600
    assert manifest.made_at == "2023-11-14T22:13:20+00:00" and manifest.node_id == "34020000002000000001"
    assert (manifest.schema, manifest.ledger_entries, manifest.ledger_signed) == (newest(), 4, 2)
    assert manifest.counts["devices"] == 1 and manifest.counts["ledger"] == 4
    assert set(manifest.versions) == {"gb28181-gateway", "python", "sqlite"}
    assert read_archive(taken.file) == manifest
    with tarfile.open(taken.file) as archive:
        assert set(archive.getnames()) == {
            "manifest.json", "secret.key", "ledger-signing.key", "ledger-signing.pub", "gateway.db",
            "ledger-heads.jsonl", "ledger.db", "configuration.toml",
        }  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar.gz", "data", "g.toml"], "nothing is left over"


async def test_a_backup_is_taken_while_the_node_has_its_files_open_and_is_writing(data: Path, tmp_path: Path) -> None:
    stores, ledger = await Stores.open(data), Ledger.open(data)
    try:
        await stores.devices.create(Device("34020000001110000002"))
        await ledger.append(Entry("user", "li", "live", "granted"))
        async with stores.database.write():  # even in the middle of a write
            taken = take_backup(config(data), None, tmp_path / "b.tar.gz", now=NOW)
        await stores.devices.create(Device("34020000001110000003"))
    finally:
        await ledger.close()
        await stores.close()
    assert taken.manifest.counts["devices"] == 2 and taken.manifest.ledger_entries == 5


def test_in_a_directory_a_backup_gets_a_name_of_its_own(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    taken = take_backup(config(data), None, folder, now=NOW)
    assert taken.file == folder / "gbgateway-34020000002000000001-20231114T221320Z.tar.gz"


def test_what_is_there_is_not_replaced(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "b.tar.gz"
    target.write_text("mine")
    with pytest.raises(BackupRefused, match="is there already"):
        take_backup(config(data), None, target, now=NOW)
    monkeypatch.setattr(backup_module, "_refuse_what_cannot_be", lambda *_: None)
    with pytest.raises(BackupRefused, match="is there already"):  # it came while the backup was taken
        take_backup(config(data), None, target, now=NOW)
    assert target.read_text() == "mine"


def test_without_data_or_room_nothing_is_begun(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BackupRefused, match="no node's data"):
        take_backup(config(tmp_path / "none"), None, tmp_path / "b.tar.gz", now=NOW)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1 << 10))
    with pytest.raises(BackupRefused, match="0 MB free; up to 1 MB"):
        take_backup(config(data), None, tmp_path / "b.tar.gz", now=NOW)
    assert not list(tmp_path.glob("*.gz"))


def test_a_ledger_that_is_not_whole_makes_no_backup(data: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(data / "ledger.db")) as connection, connection:
        connection.execute("DROP TRIGGER ledger_no_update")
        connection.execute("UPDATE ledger SET body = replace(body, 'wang', 'xxxx') WHERE seq = 2")
    with pytest.raises(BadBackup, match="entry 2 is bad"):
        take_backup(config(data), None, tmp_path / "b.tar.gz", now=NOW)
    with pytest.raises(BadBackup):
        verified_ledger(data)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_an_archive_that_does_not_read_back_makes_no_backup(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(target: Path, manifest: Any, folder: Path) -> None:
        write_archive(target, manifest, folder)
        os.truncate(target, target.stat().st_size // 2)

    write_archive = backup_module.write_archive
    monkeypatch.setattr(backup_module, "write_archive", write)
    with pytest.raises(BadBackup):
        take_backup(config(data), None, tmp_path / "b.tar.gz", now=NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
