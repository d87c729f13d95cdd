"""A migrated database in a directory of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.secrets import SecretBox
from gateway.store.engine import Database
from gateway.store.migrations.upgrade import migrate


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database.open(tmp_path)
    await migrate(opened.writer)
    yield opened
    await opened.close()


@pytest.fixture
def box(tmp_path: Path) -> SecretBox:
    return SecretBox.open(tmp_path)
