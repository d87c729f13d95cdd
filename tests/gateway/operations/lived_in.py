"""A data directory that has been lived in: a row in every table, a ledger over two days with a signed head."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sqlalchemy import MetaData

from gateway.compliance.entry import Entry
from gateway.compliance.ledger import Ledger
from gateway.config import Config
from gateway.store.engine import Database
from gateway.store.migrations.upgrade import migrate_to, newest
from tests.gateway.store.sample_rows import fill

NOW = 1_700_000_000.0


def config(data_dir: Path, node_id: str = "34020000002000000001") -> Config:
    base = Config()
    return replace(base, node=replace(base.node, data_dir=data_dir, id=node_id))


async def live_in(data_dir: Path, revision: str | None = None) -> None:
    """Fill ``data_dir`` as a program of that revision of the database would have (None: the newest)."""
    database = Database.open(data_dir)

    def filled(connection: object) -> None:
        found = MetaData()
        found.reflect(connection)  # type: ignore[arg-type]
        tables = [one for one in found.sorted_tables if one.name != "alembic_version"]
        fill(connection, tables, data_dir)  # type: ignore[arg-type]

    await migrate_to(database.writer, revision or newest())
    async with database.write() as connection:
        await connection.run_sync(filled)
    await database.close()
    at = [NOW]
    ledger = Ledger.open(data_dir, clock=lambda: at[0])
    for number in range(4):
        await ledger.append(Entry("user", "wang", "live", "granted", code=f"c{number}"))
        at[0] += 43_200
    await ledger.close()
