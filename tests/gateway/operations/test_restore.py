from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.compliance.verify import Verified, verify
from gateway.operations import restore as restore_module
from gateway.operations.archive import read_archive, write_archive
from gateway.operations.backup import take_backup
from gateway.operations.manifest import BadBackup, Manifest, Part
from gateway.operations.occupancy import UNFINISHED_FILE, Occupied, Unfinished, occupied
from gateway.operations.restore import Restored, RestoreRefused, restore
from gateway.store.migrations.upgrade import newest
from gateway.store.stores import Stores
from tests.gateway.operations.lived_in import NOW, config, live_in
from tests.gateway.store.sample_rows import DEVICE, PASSWORD


@pytest.fixture
async def backup(tmp_path: Path) -> Path:
    """A backup of a node whose data are lost since."""
    await live_in(tmp_path / "lost")
    taken = take_backup(config(tmp_path / "lost"), None, tmp_path / "b.tar.gz", now=NOW)
    shutil.rmtree(tmp_path / "lost")
    return taken.file


def put_back(data: Path, source: Path, *, replace: bool = False, other_node: bool = False) -> Restored:
    return restore(config(data), None, source, replace=replace, other_node=other_node, now=NOW)


def changed(source: Path, work: Callable[[Path, Manifest], Manifest]) -> Path:
    """The same backup with other parts and manifest, true to each other."""
    folder = source.parent / "opened"
    folder.mkdir()
    manifest = work(folder, read_archive(source, folder))
    parts = {name: Part.of(folder / name) for name in manifest.parts if (folder / name).exists()}
    target = source.with_name("changed.tar.gz")
    write_archive(target, replace(manifest, parts=parts), folder)
    return target


async def test_everything_is_brought_back_and_counted(backup: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    done = await in_thread(lambda: put_back(data, backup))
    assert (done.aside, done.schema, done.same_configuration) == (None, newest(), None)
    assert done.counts["devices"] == done.counts["users"] == done.counts["catalog_item"] == 1
    assert done.counts["ledger"] == 4 and done.manifest.ledger_entries == 4
    stores = await Stores.open(data)
    assert stores.devices.require(DEVICE).password.reveal() == PASSWORD
    await stores.close()
    outcome = verify(data / "ledger.db")
    assert isinstance(outcome, Verified) and (outcome.entries, outcome.signed) == (4, 2)
    assert data.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o177 for path in data.iterdir() if path.is_file()} <= {0, 0o044}
    names = {path.name for path in data.iterdir()}
    assert not [name for name in names if name.startswith(".") or name.endswith(("-wal", "unfinished"))]


@pytest.mark.parametrize("revision", ["0001", "0003"])
async def test_a_backup_of_an_older_schema_is_brought_to_the_present_one(revision: str, tmp_path: Path) -> None:
    await live_in(tmp_path / "old", revision)
    taken = take_backup(config(tmp_path / "old"), None, tmp_path / "b.tar.gz", now=NOW)
    assert taken.manifest.schema == revision
    done = await in_thread(lambda: put_back(tmp_path / "data", taken.file))
    assert done.schema == newest() and done.counts["devices"] == 1


async def test_a_backup_of_a_newer_program_is_refused(backup: Path, tmp_path: Path) -> None:
    newer = changed(backup, lambda folder, manifest: replace(manifest, schema="9999"))
    with pytest.raises(RestoreRefused, match="schema 9999, this program knows"):
        put_back(tmp_path / "data", newer)
    assert not (tmp_path / "data").exists()


async def test_what_is_there_is_moved_aside_only_when_asked(backup: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    await live_in(data)
    (data / "run").mkdir()
    (data / "recordings").mkdir()
    (data / "gateway.db-wal").write_bytes(b"of the old database")
    with pytest.raises(RestoreRefused, match="--replace"):
        put_back(data, backup)
    old = (data / "secret.key").read_bytes()
    first = await in_thread(lambda: put_back(data, backup, replace=True))
    again = await in_thread(lambda: put_back(data, backup, replace=True))
    assert first.aside == data / "replaced-20231114T221320Z" and (first.aside / "secret.key").read_bytes() == old
    assert again.aside == data / "replaced-20231114T221320Z-2"
    assert (again.aside / "gateway.db").exists() and not (again.aside / "run").exists()
    assert (first.aside / "gateway.db-wal").exists() and not (data / "gateway.db-wal").exists()
    assert (data / "run").is_dir() and (data / "recordings").is_dir(), "what no backup holds stays"


async def test_a_directory_a_node_works_on_is_left_alone(backup: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with occupied(data), pytest.raises(Occupied):
        put_back(data, backup, replace=True)
    assert [path.name for path in data.iterdir()] == ["node.lock"]


async def test_a_backup_of_another_node_is_taken_only_when_asked(backup: Path, tmp_path: Path) -> None:
    other = config(tmp_path / "data", "34020000002000000002")
    with pytest.raises(RestoreRefused, match="backup of node 34020000002000000001"):
        restore(other, None, backup, replace=False, other_node=False, now=NOW)
    done = await in_thread(lambda: restore(other, None, backup, replace=False, other_node=True, now=NOW))
    assert done.counts["devices"] == 1


def _foreign_key(folder: Path, manifest: Manifest) -> Manifest:
    (folder / "secret.key").write_text("A" * 43 + "=")
    return manifest


def _shorter_ledger(folder: Path, manifest: Manifest) -> Manifest:
    with closing(sqlite3.connect(folder / "ledger.db")) as connection, connection:
        connection.execute("DROP TRIGGER ledger_no_delete")
        connection.execute("DELETE FROM ledger WHERE seq = 4")
    return manifest


def _no_signing_key(folder: Path, manifest: Manifest) -> Manifest:
    (folder / "ledger-signing.key").unlink()
    return manifest


def _other_schema(folder: Path, manifest: Manifest) -> Manifest:
    return replace(manifest, schema="0001")


@pytest.mark.parametrize(
    ("work", "problem"),
    [
        (_foreign_key, "does not open with this node's key"),
        (_shorter_ledger, "not the one its manifest names"),
        (_no_signing_key, "ledger-signing.key is not in it"),
        (_other_schema, "another schema than its manifest says"),
    ],
)
async def test_parts_that_do_not_belong_together_replace_nothing(
    work: Callable[[Path, Manifest], Manifest], problem: str, backup: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    await live_in(data)
    before = sorted(path.name for path in data.iterdir())
    bad = changed(backup, work)
    with pytest.raises(BadBackup, match=problem):
        await in_thread(lambda: put_back(data, bad, replace=True))
    assert sorted(path.name for path in data.iterdir()) == sorted([*before, "node.lock"])


async def test_a_restore_broken_off_half_way_keeps_a_node_from_starting_until_it_is_done_again(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    await live_in(data)
    given: list[Path] = []

    def give(path: Path, owner: os.stat_result) -> None:
        given.append(path)
        if len(given) == 4:
            raise OSError("power cut")

    monkeypatch.setattr(restore_module, "_give", give)
    with pytest.raises(OSError, match="power cut"):
        await in_thread(lambda: put_back(data, backup, replace=True))
    assert (data / UNFINISHED_FILE).exists()
    with pytest.raises(Unfinished), occupied(data):
        pass
    with pytest.raises(Unfinished):
        put_back(data, backup)
    (data / ".restore-left").mkdir()
    monkeypatch.undo()
    done = await in_thread(lambda: put_back(data, backup, replace=True))
    assert done.counts["ledger"] == 4 and not (data / ".restore-left").exists()
    with occupied(data):
        pass


async def test_it_is_said_whether_the_configuration_is_the_one_of_the_backup(tmp_path: Path) -> None:
    await live_in(tmp_path / "lost")
    file = tmp_path / "g.toml"
    file.write_text("[node]\n")
    taken = take_backup(config(tmp_path / "lost"), file, tmp_path / "b.tar.gz", now=NOW)
    data = tmp_path / "data"
    same = await in_thread(lambda: restore(config(data), file, taken.file, replace=True, other_node=False, now=NOW))
    file.write_text("[sip]\n")
    other = await in_thread(lambda: restore(config(data), file, taken.file, replace=True, other_node=False, now=NOW))
    assert (same.same_configuration, other.same_configuration) == (True, False)
    assert not (data / "configuration.toml").exists()


async def in_thread(work: Callable[[], Restored]) -> Restored:
    """A restore has an event loop of its own, as in the command."""

    return await asyncio.to_thread(work)
