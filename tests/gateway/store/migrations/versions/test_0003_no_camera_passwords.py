from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, text

from catalog.item import Item
from catalog.store import CatalogStore
from catalog.store.rows import coded_item
from gateway.store.engine import Database
from gateway.store.migrations.upgrade import alembic_config, migrate

PEER, GATE, YARD = "34020000001180000001", "34020000001320000001", "34020000001320000002"
ITEM = (
    "INSERT INTO catalog_item VALUES (:peer, :code, 0, 4611686018427387904, 'channel', x'00', :code, '3402', 'ON',"
    " x'11', '', :document, :raw, 1.0)"
)
HISTORY = "INSERT INTO catalog_history VALUES (NULL, :peer, :code, 0, 1.0, 'sync', 'UPDATE', :old, :new)"


@pytest.fixture
async def before(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database.open(tmp_path)

    def second(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")

    async with database.write() as connection:
        await connection.run_sync(second)
        peer = "INSERT INTO catalog_peer VALUES (:peer, 0, 1, NULL, 1)"
        await connection.execute(text(peer), {"peer": PEER})
    yield database
    await database.close()


async def test_passwords_kept_before_are_removed_and_nothing_else(before: Database, tmp_path: Path) -> None:
    plain = {"code": YARD, "name": "院子", "info": {"PTZType": "1"}}
    told = {"code": GATE, "name": "东门", "password": "s3cret", "extra": {"LoginPwd": "s3cret", "Odd": "y"},
            "info": {"Passwd": "s3cret"}}  # fmt: skip
    many = [
        {"peer": PEER, "code": f"{10**19 + n}", "document": '{"password":"s3cret"}', "raw": ""} for n in range(1100)
    ]
    async with before.write() as connection:
        await connection.execute(
            text(ITEM),
            [
                {"peer": PEER, "code": GATE, "document": json.dumps(told),
                 "raw": "<Item><Password>s3cret</Password><Name>东门</Name></Item>"},
                {"peer": PEER, "code": YARD, "document": json.dumps(plain), "raw": "<Item/>"},
                {"peer": PEER, "code": "broken", "document": '{"password": "s3cret', "raw": "<Password>s3cret"},
                *many,
            ],
        )  # fmt: skip
        rows = [
            {"old": json.dumps(told), "new": json.dumps({"extra": {"pwd": "s3cret"}, "name": "西门"})},
            {"old": None, "new": json.dumps(plain)},
            {"old": '"password"', "new": None},
        ]
        await connection.execute(text(HISTORY), [{"peer": PEER, "code": GATE, **row} for row in rows])
    await migrate(before.writer)
    store = CatalogStore(before.writer, write_turn=before.write_turn)
    gate, yard = await store.get(PEER, GATE), await store.get(PEER, YARD)
    assert gate is not None and yard is not None
    assert gate.item == Item(code=GATE, name="东门", peer_id=PEER, extra={"Odd": "y"})
    assert gate.item.raw == "<Item><Password>***</Password><Name>东门</Name></Item>"
    assert yard.item == Item.from_document(plain, peer_id=PEER)
    async with before.read() as connection:
        query = text("SELECT document, raw, digest FROM catalog_item WHERE code = :code")
        stored = (await connection.execute(query, {"code": GATE})).one()
        assert stored.digest == coded_item(gate.item).digest  # a sync finds it unchanged
        untouched = (await connection.execute(query, {"code": YARD})).one()
        assert (untouched.document, untouched.digest) == (json.dumps(plain), b"\x11")
        entries = (await connection.execute(text("SELECT old, new FROM catalog_history ORDER BY id"))).all()
        assert json.loads(entries[0].old) == {"code": GATE, "name": "东门", "extra": {"Odd": "y"}}
        assert json.loads(entries[0].new) == {"name": "西门"}
        assert json.loads(entries[1].new) == plain and entries[2] == ("{}", None)
    await before.close()
    assert b"s3cret" not in (tmp_path / "gateway.db").read_bytes()
