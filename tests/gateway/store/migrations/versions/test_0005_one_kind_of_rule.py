from __future__ import annotations

import json
from pathlib import Path

from alembic import command
from sqlalchemy import Connection, text

from catalog import ChannelKey, Item, ShareMode
from gateway.secrets import SecretBox
from gateway.signalling.shared import sharing_rule
from gateway.store.engine import Database
from gateway.store.migrations.upgrade import alembic_config, migrate
from gateway.store.rules import Rule, Rules

UPPER = "34000000002000000001"
OLD = {
    "id": "city", "upper_id": UPPER, "name": "市局", "mode": "subtree", "roots": [["p", "p"], ["", "3402"]],
    "exclude": [["p", "c"]], "withhold": ["longitude", "info.ContactInfo"], "actions": ["play", "ptz", "erase"],
}  # fmt: skip


async def test_rules_of_both_tables_are_kept_and_none_begins_to_share(tmp_path: Path) -> None:
    database = Database.open(tmp_path)

    def fourth(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")

    async with database.write() as connection:
        await connection.run_sync(fourth)
        await connection.execute(
            text("INSERT INTO rules VALUES ('city', '', 'list', '[\"p/1\"]', '[]', '{}', '[\"live\"]', 3.0)")
        )
        await connection.execute(
            text(
                f"INSERT INTO uppers VALUES ('{UPPER}', '', '192.0.2.1', 5060, 'udp', '', '', '', '', 86400, 60, NULL,"
                " NULL, NULL, '[]', 'upper', 1, 0, NULL, '[]')"
            )
        )
        rows = [
            {"id": "city", "upper": UPPER, "document": json.dumps(OLD)},
            {"id": "市 局", "upper": UPPER, "document": json.dumps({"id": "x", "upper_id": UPPER})},
        ]
        await connection.execute(text("INSERT INTO catalog_sharing_rule VALUES (:id, :upper, :document)"), rows)
    await migrate(database.writer)
    rules = await Rules(database, SecretBox(b"k" * 32)).load()
    moved = Rule("city-2", f"市局 ({UPPER})", "subtree", ("p/p", "3402"), ("p/c",), {}, ("live", "ptz"), 0.0,
                 ("longitude", "info.ContactInfo"))  # fmt: skip
    assert rules.all() == [
        Rule("---", f"市 局 ({UPPER})", "all", actions=()),
        Rule("city", "", "list", ("p/1",), actions=("live",), created_at=3.0),
        moved,
    ]
    meant = sharing_rule(moved, UPPER, [Item(code="c", peer_id="p")])
    assert meant.roots >= {ChannelKey("p", "p"), ChannelKey("", "3402")} and meant.mode is ShareMode.SUBTREE
    assert meant.withhold == {"longitude", "info.ContactInfo"}
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT rule_id FROM uppers"))).scalar_one() is None

    def back(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0004")

    async with database.write() as connection:
        await connection.run_sync(back)
        assert (await connection.execute(text("SELECT count(*) FROM rules"))).scalar_one() == 3
        assert (await connection.execute(text("SELECT count(*) FROM catalog_sharing_rule"))).scalar_one() == 0
    await database.close()
