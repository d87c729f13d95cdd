"""The tables of the catalogue.

Objects and tree edges are versioned: a row is in force for a reader when `gen_from <= generation < gen_to`, with the
generation of its peer in `catalog_peer`. A sync writes the rows of the next generation beside the present ones, and
makes them visible all at once by raising that one number. Rows not yet ended have `gen_to = OPEN_ENDED`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    literal_column,
)

OPEN_ENDED = 2**62
LITERALLY_OPEN_ENDED: ColumnElement[int] = literal_column(str(OPEN_ENDED), BigInteger())
"""The same, spelled out in a statement: SQLite uses the indexes over ended rows only when it can read the number."""

CODE_CHARS = 64
"""The longest text accepted as a code."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite compares text by its bytes; PostgreSQL must be told to, or the two would page in different orders.
_CODE = String(CODE_CHARS).with_variant(String(CODE_CHARS, collation="C"), "postgresql")
_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
_ROW_ID = BigInteger().with_variant(Integer(), "sqlite")

catalog_peer = Table(
    "catalog_peer",
    metadata,
    Column("peer_id", _CODE, primary_key=True),
    Column("generation", BigInteger, nullable=False, default=0),
    Column("online", Boolean, nullable=False, default=True),
    Column("synced_at", Float),
    Column("sync_complete", Boolean, nullable=False, default=False),
)
"""One row per peer. `synced_at` is Unix seconds of the last sync, `sync_complete` whether its answer was whole."""

catalog_item = Table(
    "catalog_item",
    metadata,
    Column("peer_id", _CODE, primary_key=True),
    Column("code", _CODE, primary_key=True),
    Column("gen_from", BigInteger, primary_key=True, autoincrement=False),
    Column("gen_to", BigInteger, nullable=False, default=OPEN_ENDED),
    Column("kind", String(16), nullable=False),
    Column("sort", LargeBinary(128), nullable=False),
    Column("search", _TEXT, nullable=False),
    Column("region", _CODE, nullable=False),
    Column("status", String(8), nullable=False),
    Column("secret", Boolean, nullable=False, server_default=false()),
    Column("digest", LargeBinary(16), nullable=False),
    Column("claims", _TEXT, nullable=False),
    Column("document", Text, nullable=False),
    Column("raw", Text, nullable=False),
    Column("changed_at", Float, nullable=False),
)
"""One row per object and generation. `document` is the item as JSON, the other columns are what it is found by."""

Index("ix_catalog_item_code", catalog_item.c.code)
Index("ix_catalog_item_region", catalog_item.c.region, catalog_item.c.sort, catalog_item.c.code)
# Carries all that a search looks at, so that a search without a hit reads this index only and no object.
Index(
    "ix_catalog_item_search",
    catalog_item.c.sort,
    catalog_item.c.code,
    catalog_item.c.peer_id,
    catalog_item.c.gen_from,
    catalog_item.c.gen_to,
    catalog_item.c.search,
)
Index(
    "ix_catalog_item_ended",
    catalog_item.c.peer_id,
    catalog_item.c.gen_to,
    sqlite_where=catalog_item.c.gen_to < OPEN_ENDED,
    postgresql_where=catalog_item.c.gen_to < OPEN_ENDED,
)

catalog_edge = Table(
    "catalog_edge",
    metadata,
    Column("peer_id", _CODE, primary_key=True),
    Column("parent", _CODE, primary_key=True),
    Column("live", Boolean, primary_key=True),
    Column("sort", LargeBinary(128), primary_key=True),
    Column("code", _CODE, primary_key=True),
    Column("gen_from", BigInteger, primary_key=True, autoincrement=False),
    Column("gen_to", BigInteger, nullable=False, default=OPEN_ENDED),
    sqlite_with_rowid=False,
)
"""Object hangs under parent (`live`), or says so and cannot: the parent is unknown or the claim closes a circle."""

Index("ix_catalog_edge_code", catalog_edge.c.peer_id, catalog_edge.c.code)
Index(
    "ix_catalog_edge_ended",
    catalog_edge.c.peer_id,
    catalog_edge.c.gen_to,
    sqlite_where=catalog_edge.c.gen_to < OPEN_ENDED,
    postgresql_where=catalog_edge.c.gen_to < OPEN_ENDED,
)

catalog_history = Table(
    "catalog_history",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("peer_id", _CODE, nullable=False),
    Column("code", _CODE, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("at", Float, nullable=False),
    Column("who", Text, nullable=False),
    Column("event", String(8), nullable=False),
    Column("old", Text),
    Column("new", Text),
)
"""Every change: when (Unix seconds), who, what, and the elements before and after as JSON."""

Index("ix_catalog_history_peer_id_code_id", catalog_history.c.peer_id, catalog_history.c.code, catalog_history.c.id)

catalog_published_id = Table(
    "catalog_published_id",
    metadata,
    Column("upper_id", _CODE, primary_key=True),
    Column("peer_id", _CODE, primary_key=True),
    Column("code", _CODE, primary_key=True),
    Column("published_id", _CODE, nullable=False),
    UniqueConstraint("upper_id", "published_id"),
)
"""The code an upper platform knows an object by. Given once and never given to another object."""
