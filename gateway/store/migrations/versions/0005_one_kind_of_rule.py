"""One kind of sharing rule: what stood in the catalogue's own table moves to the rules, which can withhold fields"""

from __future__ import annotations

import re
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_CODE = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")
_ACTIONS = {"play": "live"}
_KNOWN_ACTIONS = ("live", "playback", "download", "ptz", "query", "alarm")

_rules = sa.table(
    "rules",
    sa.column("id", sa.String),
    sa.column("name", sa.String),
    sa.column("mode", sa.String),
    sa.column("channels", sa.JSON),
    sa.column("exclude", sa.JSON),
    sa.column("published", sa.JSON),
    sa.column("actions", sa.JSON),
    sa.column("created_at", sa.Float),
    sa.column("withhold", sa.JSON),
)
_old = sa.table(
    "catalog_sharing_rule",
    sa.column("id", sa.String),
    sa.column("upper_id", sa.String),
    sa.column("document", sa.Text),
)


def upgrade() -> None:
    with op.batch_alter_table("rules", schema=None) as batch_op:
        batch_op.add_column(sa.Column("withhold", sa.JSON(), nullable=False, server_default="[]"))
    connection = op.get_bind()
    taken = set(connection.execute(sa.select(_rules.c.id)).scalars())
    for row in connection.execute(sa.select(_old.c.id, _old.c.upper_id, _old.c.document).order_by(_old.c.id)).all():
        moved = _moved(row.id, row.upper_id, orjson.loads(row.document), taken)
        taken.add(moved["id"])
        connection.execute(sa.insert(_rules).values(moved))
    with op.batch_alter_table("catalog_sharing_rule", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_catalog_sharing_rule_upper_id"))
    op.drop_table("catalog_sharing_rule")


def downgrade() -> None:
    op.create_table(
        "catalog_sharing_rule",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("upper_id", _CODE, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_sharing_rule")),
    )
    with op.batch_alter_table("catalog_sharing_rule", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_catalog_sharing_rule_upper_id"), ["upper_id"], unique=False)
    with op.batch_alter_table("rules", schema=None) as batch_op:
        batch_op.drop_column("withhold")


def _moved(rule_id: str, upper_id: str, document: dict[str, Any], taken: set[str]) -> dict[str, Any]:
    """The rule as the other table has it. No upper platform is given it: it was in force for none."""
    actions = [_ACTIONS.get(action, action) for action in document.get("actions", ())]
    return {
        "id": _free(re.sub(r"[^A-Za-z0-9._-]", "-", rule_id)[:50] or "rule", taken),
        "name": f"{document.get('name') or rule_id} ({upper_id})"[:256],
        "mode": document.get("mode", "all"),
        "channels": [_name(key) for key in document.get("roots", ())],
        "exclude": [_name(key) for key in document.get("exclude", ())],
        "published": {},
        "actions": [action for action in _KNOWN_ACTIONS if action in actions],
        "created_at": 0.0,
        "withhold": list(document.get("withhold", ())),
    }


def _name(key: list[str]) -> str:
    """An object by peer and code; a region by its code alone."""
    peer_id, code = key
    return f"{peer_id}/{code}" if peer_id else code


def _free(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name
