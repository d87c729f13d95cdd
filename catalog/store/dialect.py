"""The one statement SQLite and PostgreSQL spell the same and SQLAlchemy does not: insert, or update what is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert


def upsert(dialect: str, table: Table, *, update: Sequence[str], values: dict[str, Any] | None = None) -> Insert:
    """An insert that on a row with the same primary key sets the `update` columns; with none it leaves the row."""
    keys = list(table.primary_key.columns)
    if dialect == "postgresql":
        pg = postgresql.insert(table)
        if values is not None:
            pg = pg.values(values)
        if not update:
            return pg.on_conflict_do_nothing(index_elements=keys)
        return pg.on_conflict_do_update(index_elements=keys, set_={name: pg.excluded[name] for name in update})
    lite = sqlite.insert(table)
    if values is not None:
        lite = lite.values(values)
    if not update:
        return lite.on_conflict_do_nothing(index_elements=keys)
    return lite.on_conflict_do_update(index_elements=keys, set_={name: lite.excluded[name] for name in update})
