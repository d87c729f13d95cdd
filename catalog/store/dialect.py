"""The one statement SQLite and PostgreSQL spell the same and SQLAlchemy does not: insert, or update what is there."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert


def upsert(dialect: str, table: Table, *, update: Sequence[str]) -> Insert:
    """An insert that on a row with the same primary key sets the `update` columns; with none it leaves the row."""
    keys = list(table.primary_key.columns)
    # Two classes with the same methods and no common ancestor that has them.
    statement = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    if not update:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(
        index_elements=keys, set_={name: statement.excluded[name] for name in update}
    )
