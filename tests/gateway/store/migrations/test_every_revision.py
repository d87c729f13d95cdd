"""A database of every revision, with a row in every table, is brought to the newest without losing one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, select

from gateway.store.engine import DATABASE_FILE, Database
from gateway.store.migrations.upgrade import alembic_config, current, migrate_to, newest
from gateway.store.schema import metadata
from gateway.store.stores import Stores
from tests.gateway.store.sample_rows import CHANNEL, DEVICE, PASSWORD, UPPER, fill

REVISIONS = [script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()][::-1]
GONE = {"catalog_sharing_rule": "0005"}
"""Tables a revision took away, moving what was in them elsewhere."""


async def made_at(revision: str, data_dir: Path) -> dict[str, dict[str, Any]]:
    """A database of ``revision`` in ``data_dir``, with a row in every table; what was written."""

    def filled(connection: Connection) -> dict[str, dict[str, Any]]:
        found = MetaData()
        found.reflect(connection)
        return fill(connection, [one for one in found.sorted_tables if one.name != "alembic_version"], data_dir)

    database = Database.open(data_dir)
    try:
        await migrate_to(database.writer, revision)
        async with database.write() as connection:
            return await connection.run_sync(filled)
    finally:
        await database.close()


@pytest.mark.parametrize("revision", REVISIONS)
async def test_every_row_of_a_revision_is_there_in_the_newest(revision: str, tmp_path: Path) -> None:
    written = await made_at(revision, tmp_path)
    stores = await Stores.open(tmp_path)
    try:
        assert await current(stores.database.engine) == newest()
        async with stores.database.read() as connection:
            for table in metadata.sorted_tables:
                if table.name not in written:
                    continue
                found = [dict(row) for row in (await connection.execute(select(table))).mappings()]
                assert any(written[table.name].items() <= row.items() for row in found), table.name
            assert await connection.run_sync(differences) == []
        for name in set(written) - set(metadata.tables):
            assert GONE[name] > revision, f"{name} is gone"
        # What was written can be read as the program reads it: secrets open, lists are lists.
        assert stores.devices.require(DEVICE).password.reveal() == PASSWORD
        assert stores.uppers.require(UPPER).rule_id == "all"
        assert stores.users.require("wang").role == "admin" and stores.tokens.by_digest("1" * 64) is not None
        assert [one.peer_id for one in stores.registrations.all()] == [DEVICE]
        assert stores.dialogs.all()[0].code == CHANNEL and stores.subscriptions.all()[0].state == {"sn": 3}
    finally:
        await stores.close()


def test_the_first_revision_is_among_them_and_the_last_is_the_newest() -> None:
    assert REVISIONS[0] == "0001" and REVISIONS[-1] == newest()


@pytest.mark.parametrize("revision", REVISIONS[:-1])
async def test_the_newest_schema_can_be_taken_back_and_brought_forward_again(revision: str, tmp_path: Path) -> None:
    await made_at(newest(), tmp_path)
    database = Database.open(tmp_path)

    await migrate_to(database.writer, revision)
    assert await current(database.engine) == revision
    await database.close()
    stores = await Stores.open(tmp_path)
    assert stores.devices.require(DEVICE).password.reveal() == PASSWORD
    await stores.close()
    with closing(sqlite3.connect(tmp_path / DATABASE_FILE)) as connection:
        assert connection.execute("SELECT count(*) FROM catalog_item").fetchone() == (1,)


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))
