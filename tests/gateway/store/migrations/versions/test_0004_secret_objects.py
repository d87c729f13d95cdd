from __future__ import annotations

from pathlib import Path

import orjson
from alembic import command
from sqlalchemy import Connection, text

from catalog.code import Kind
from catalog.item import Item
from catalog.store import CatalogStore, KindCount
from gateway.store.engine import Database
from gateway.store.migrations.upgrade import alembic_config, migrate

PEER = "34020000001180000001"
ITEM = (
    "INSERT INTO catalog_item (peer_id, code, gen_from, gen_to, kind, sort, search, region, status, digest, claims,"
    " document, raw, changed_at)"
    " VALUES (:peer, :code, 0, 4611686018427387904, 'channel', x'00', '', '3402', 'ON', x'00', '', :document, '', 1.0)"
)


async def test_secret_objects_of_before_are_marked_and_only_those(tmp_path: Path) -> None:
    database = Database.open(tmp_path)

    def third(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")

    codes = [f"34020000001320{number:06d}" for number in range(1203)]
    items = [Item(code=code, secrecy=1 if number < 1200 else 0) for number, code in enumerate(codes)]
    items[1201] = Item(code=codes[1201], extra={"secrecy": "1"})
    items[1202] = Item(code=codes[1202], name='"secrecy":1')
    rows = [{"peer": PEER, "code": one.code, "document": one.document_bytes().decode()} for one in items]
    async with database.write() as connection:
        await connection.run_sync(third)
        await connection.execute(text("INSERT INTO catalog_peer VALUES (:peer, 0, 1, NULL, 1)"), {"peer": PEER})
        await connection.execute(text(ITEM), rows)
    await migrate(database.writer)
    store = CatalogStore(database.writer, write_turn=database.write_turn)
    assert await store.counts(secret=False) == {Kind.CHANNEL: KindCount(3, 3)}
    assert await store.counts() == {Kind.CHANNEL: KindCount(1203, 1203)}
    async with database.read() as connection:
        marked = text("SELECT document FROM catalog_item WHERE secret")
        assert all(orjson.loads(one)["secrecy"] == 1 for one in (await connection.execute(marked)).scalars())
    await database.close()
