"""Alembic migrations of the shared schema, run by :func:`migrate` at every start that finds an older one.

Alembic takes longer to load than the whole database to open, so a start that finds the newest schema does without.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

if TYPE_CHECKING:
    from alembic.config import Config

_HERE = Path(__file__).parent
_TABLE = "alembic_version"


def alembic_config() -> Config:
    """The configuration Alembic would read from alembic.ini; the scripts are those of this package."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    return config


async def migrate(engine: AsyncEngine) -> str:
    """Bring the database to the newest revision; its name. A database newer than this program raises CommandError."""
    await migrate_to(engine, newest())
    return newest()


async def migrate_to(engine: AsyncEngine, revision: str) -> None:
    """Bring the database to that revision, forward or back. One newer than this program raises CommandError."""
    before = await current(engine)
    if before == revision:
        return

    def change(connection: Connection) -> None:
        from alembic import command

        config = alembic_config()
        config.attributes["connection"] = connection
        if before is None or before < revision:
            command.upgrade(config, revision)
        else:
            command.downgrade(config, revision)

    async with engine.connect() as connection:
        await connection.run_sync(_in_one_transaction, change)


def _in_one_transaction(connection: Connection, change: Callable[[Connection], None]) -> None:
    """Have the schema changed as SQLite wants it done (https://www.sqlite.org/lang_altertable.html, 7).

    A table may be made anew in place of the old one, and dropping that would delete what refers to its rows, or fail;
    so foreign keys are not enforced meanwhile (which can only be said outside a transaction), and checked at the end.
    """
    switch = connection.connection.cursor()
    switch.execute("PRAGMA foreign_keys = OFF")
    try:
        with connection.begin():
            change(connection)
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise IntegrityError("PRAGMA foreign_key_check", None, ValueError(f"{broken[0][0]}: {broken[0]}"))
    finally:
        switch.execute("PRAGMA foreign_keys = ON")
        switch.close()


def newest() -> str:
    """The revision this program needs: scripts are named by their revision, and each follows the one before."""
    return max(script.name.partition("_")[0] for script in (_HERE / "versions").glob("[0-9]*_*.py"))


async def current(engine: AsyncEngine) -> str | None:
    """The revision a database has, or None when it has none yet."""

    def read(connection: Connection) -> str | None:
        if not inspect(connection).has_table(_TABLE):
            return None
        found: str | None = connection.execute(text(f"SELECT version_num FROM {_TABLE}")).scalar()
        return found

    async with engine.connect() as connection:
        return await connection.run_sync(read)
