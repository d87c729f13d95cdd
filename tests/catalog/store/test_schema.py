from __future__ import annotations

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from catalog.store.schema import OPEN_ENDED, metadata

# Whoever shares the metadata adds tables of its own; only the catalogue's are judged here.
TABLES = {name: table for name, table in metadata.tables.items() if name.startswith("catalog_")}


def test_every_table_of_the_catalogue_bears_its_name() -> None:
    assert set(TABLES) == {
        "catalog_peer",
        "catalog_item",
        "catalog_edge",
        "catalog_history",
        "catalog_published_id",
    }


def test_constraints_and_indexes_are_named_alike_everywhere() -> None:
    names = {str(table.primary_key.name) for table in TABLES.values()}
    assert names == {f"pk_{name}" for name in TABLES}
    indexes = [str(index.name) for table in TABLES.values() for index in table.indexes]
    assert len(indexes) == len(set(indexes))
    assert all(name.startswith("ix_catalog_") for name in indexes)


def test_text_is_ordered_by_its_bytes_on_both_databases() -> None:
    item = metadata.tables["catalog_item"]
    assert 'code VARCHAR(64) COLLATE "C"' in str(CreateTable(item).compile(dialect=postgresql.dialect()))
    assert "COLLATE" not in str(CreateTable(item).compile(dialect=sqlite.dialect()))


def test_the_index_over_ended_rows_holds_only_those() -> None:
    for name in ("catalog_item", "catalog_edge"):
        index = next(i for i in metadata.tables[name].indexes if str(i.name).endswith("_ended"))
        for dialect in (sqlite.dialect(), postgresql.dialect()):
            assert f"WHERE gen_to < {OPEN_ENDED}" in str(CreateIndex(index).compile(dialect=dialect))
