"""Alembic migrations of the shared schema, run by :func:`migrate` at every start that finds an older one.

Alembic takes longer to load than the whole database to open, so a start that finds the newest schema does without.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
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
    if await current(engine) == newest():
        return newest()

    def upgrade(connection: Connection) -> None:
        from alembic import command

        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
    return newest()


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
