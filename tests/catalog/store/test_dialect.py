from __future__ import annotations

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from catalog.store.dialect import upsert
from catalog.store.schema import catalog_published_id

DIALECTS = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}


@pytest.mark.parametrize("name", DIALECTS)
def test_an_insert_updates_the_named_columns_of_a_row_that_is_there(name: str) -> None:
    statement = upsert(name, catalog_published_id, update=("published_id",))
    text = str(statement.compile(dialect=DIALECTS[name]))
    assert "ON CONFLICT (upper_id, peer_id, code) DO UPDATE SET published_id = excluded.published_id" in text


@pytest.mark.parametrize("name", DIALECTS)
def test_with_nothing_to_update_a_row_that_is_there_is_left_alone(name: str) -> None:
    text = str(upsert(name, catalog_published_id, update=()).compile(dialect=DIALECTS[name]))
    assert "ON CONFLICT (upper_id, peer_id, code) DO NOTHING" in text
