"""The schema's step to video sources that keep their channels."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect

from gateway.store.engine import Database
from tests.gateway.store.migrations.versions.test_0006_rtsp_cameras import stepping


async def test_the_table_comes_and_goes(tmp_path: Path) -> None:
    database = Database.open(tmp_path)

    async def there() -> bool:
        async with database.read() as connection:
            return await connection.run_sync(lambda sync: inspect(sync).has_table("video_sources"))

    for revision, up, expected in (("0009", True, False), ("0010", True, True), ("0009", False, False)):
        async with database.write() as connection:
            await connection.run_sync(stepping(revision, up=up))
        assert await there() is expected
    await database.close()
