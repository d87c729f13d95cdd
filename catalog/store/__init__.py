"""The catalogue in a database: SQLite or PostgreSQL, by SQLAlchemy Core."""

from __future__ import annotations

from catalog.store.history import HistoryEntry
from catalog.store.reading import BadCursor, CatalogReader, KindCount, Listed, Page
from catalog.store.rows import StoredItem
from catalog.store.schema import metadata
from catalog.store.sharing import SharingStore
from catalog.store.store import CatalogStore
from catalog.store.sync import Generation, StaleSync

__all__ = [
    "BadCursor",
    "CatalogReader",
    "CatalogStore",
    "Generation",
    "HistoryEntry",
    "KindCount",
    "Listed",
    "Page",
    "SharingStore",
    "StaleSync",
    "StoredItem",
    "metadata",
]
