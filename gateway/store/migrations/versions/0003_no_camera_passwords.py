"""Passwords of cameras are not kept: what peers had written into their catalogues is removed"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BATCH = 500

# As they were when this was written: a migration does not change with the program.
_HINT = re.compile(r"passw|passphrase|pwd", re.IGNORECASE)
_NAME = r"[\w.-]*(?:passw|passphrase|pwd)[\w.-]*"
_ELEMENT = re.compile(
    rf"(<(?:[\w.-]+:)?({_NAME})(?:\s[^<>]*)?(?<!/)>)"
    r"(?:<!\[CDATA\[.*?(?:\]\]>|\Z)|.)*?"
    r"(</(?:[\w.-]+:)?\2\s*>|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE = re.compile(rf"(\s(?:[\w.-]+:)?{_NAME}\s*=\s*)(?:\"[^\"]*\"|'[^']*')", re.IGNORECASE)

_item = sa.table(
    "catalog_item",
    sa.column("peer_id", sa.String),
    sa.column("code", sa.String),
    sa.column("gen_from", sa.BigInteger),
    sa.column("digest", sa.LargeBinary),
    sa.column("document", sa.Text),
    sa.column("raw", sa.Text),
)
_history = sa.table(
    "catalog_history", sa.column("id", sa.BigInteger), sa.column("old", sa.Text), sa.column("new", sa.Text)
)


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        # What is overwritten must not be found in the free pages of the file.
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
    key = (_item.c.peer_id, _item.c.code, _item.c.gen_from)
    for row in _suspicious(connection, _item, key, (_item.c.document, _item.c.raw)):
        document = _cleaned(row.document, {"code": row.code})
        values: dict[str, Any] = {"document": document, "raw": _masked(row.raw)}
        if document != row.document:
            values["digest"] = blake2b(document.encode(), digest_size=16).digest()
        which = [column == getattr(row, column.name) for column in key]
        connection.execute(sa.update(_item).where(*which).values(values))
    for row in _suspicious(connection, _history, (_history.c.id,), (_history.c.old, _history.c.new)):
        values = {name: _cleaned(text, {}) if (text := getattr(row, name)) else text for name in ("old", "new")}
        connection.execute(sa.update(_history).where(_history.c.id == row.id).values(values))


def downgrade() -> None:
    """What was removed is gone."""


def _suspicious(connection: sa.Connection, table: Any, key: tuple[Any, ...], texts: tuple[Any, ...]) -> Iterator[Any]:
    """The rows in which one of the texts may hold a password, a batch at a time."""
    hints = [sa.func.lower(text).like(f"%{word}%") for text in texts for word in ("passw", "passphrase", "pwd")]
    after: tuple[Any, ...] | None = None
    while True:
        query = sa.select(*key, *texts).where(sa.or_(*hints)).order_by(*key).limit(BATCH)
        if after is not None:
            query = query.where(sa.tuple_(*key) > sa.tuple_(*after) if len(key) > 1 else key[0] > after[0])
        rows = connection.execute(query).all()
        yield from rows
        if len(rows) < BATCH:
            return
        after = tuple(rows[-1][: len(key)])


def _cleaned(document: str, unreadable: dict[str, str]) -> str:
    """The elements of an item, as JSON, without those that hold a password; what is no item becomes `unreadable`."""
    try:
        elements = orjson.loads(document)
    except orjson.JSONDecodeError:
        elements = unreadable
    if not isinstance(elements, dict):
        elements = unreadable
    kept = {name: value for name, value in elements.items() if not _HINT.search(name)}
    for name in ("info", "extra"):
        if isinstance(kept.get(name), dict):
            kept[name] = {key: value for key, value in kept[name].items() if not _HINT.search(key)}
            if not kept[name]:
                del kept[name]
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode()


def _masked(raw: str) -> str:
    return _ATTRIBUTE.sub(r'\1"***"', _ELEMENT.sub(r"\1***\3", raw))
