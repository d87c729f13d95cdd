"""Secret objects (保密属性) are marked in a column, so that listings and counts leave them out alike"""

from __future__ import annotations

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BATCH = 500

_item = sa.table(
    "catalog_item",
    sa.column("peer_id", sa.String),
    sa.column("code", sa.String),
    sa.column("gen_from", sa.BigInteger),
    sa.column("document", sa.Text),
    sa.column("secret", sa.Boolean),
)
_KEY = (_item.c.peer_id, _item.c.code, _item.c.gen_from)


def upgrade() -> None:
    with op.batch_alter_table("catalog_item", schema=None) as batch_op:
        batch_op.add_column(sa.Column("secret", sa.Boolean(), nullable=False, server_default=sa.false()))
    connection = op.get_bind()
    after: tuple[str, str, int] | None = None
    while True:
        query = sa.select(*_KEY, _item.c.document).where(_item.c.document.like('%"secrecy"%')).order_by(*_KEY)
        if after is not None:
            query = query.where(sa.tuple_(*_KEY) > sa.tuple_(*after))
        rows = connection.execute(query.limit(BATCH)).all()
        for row in rows:
            if orjson.loads(row.document).get("secrecy", 0) != 0:
                which = [column == getattr(row, column.name) for column in _KEY]
                connection.execute(sa.update(_item).where(*which).values(secret=True))
        if len(rows) < BATCH:
            return
        after = (rows[-1].peer_id, rows[-1].code, rows[-1].gen_from)


def downgrade() -> None:
    with op.batch_alter_table("catalog_item", schema=None) as batch_op:
        batch_op.drop_column("secret")
