from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from gateway.store.engine import DATABASE_FILE, Database
from gateway.store.migrations.upgrade import alembic_config, current, migrate, migrate_to, newest


async def test_a_database_is_brought_up_to_date_once_and_then_left_alone(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    assert await current(database.engine) is None
    assert await migrate(database.writer) == newest()
    assert await migrate(database.writer) == newest() == await current(database.engine)
    await database.close()


async def test_a_database_newer_than_the_program_is_refused(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    await migrate(database.writer)
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CommandError, match="9999"):
        await migrate(database.writer)
    await database.close()


def test_the_scripts_are_one_chain_named_by_their_revisions() -> None:
    scripts = ScriptDirectory.from_config(alembic_config())
    chain = list(scripts.walk_revisions())
    assert scripts.get_heads() == [newest()] == [chain[0].revision]
    assert all(Path(one.path).name.startswith(f"{one.revision}_") for one in chain)


async def test_a_database_that_is_up_to_date_is_opened_without_loading_alembic(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    await migrate(database.writer)
    await database.close()
    program = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom gateway.store.stores import Stores\n"
        "async def run():\n    await (await Stores.open(Path(sys.argv[1]))).close()\n"
        "asyncio.run(run())\nprint('alembic' in sys.modules)"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(tmp_path), stdout=subprocess.PIPE)
    said, _ = await process.communicate()
    assert (process.returncode, said) == (0, b"False\n")


async def test_rows_that_refer_to_nothing_stop_an_upgrade_which_then_has_changed_nothing(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    await migrate_to(database.writer, "0004")
    row = "('t', 'nobody', 'key', '', 'viewer', '0', '', 0, 0)"
    with closing(sqlite3.connect(tmp_path / DATABASE_FILE)) as outside, outside:
        outside.execute(f"INSERT INTO tokens VALUES {row}")
    with pytest.raises(IntegrityError, match="tokens"):
        await migrate(database.writer)
    assert await current(database.engine) == "0004"
    async with database.read() as connection:
        assert (await connection.execute(text("PRAGMA foreign_keys"))).scalar() == 1
    await database.close()
