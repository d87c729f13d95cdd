"""Cameras that speak RTSP only: where they are called, and the channel they appear as"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.add_column(sa.Column("url", sa.String(length=1024), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("username", sa.String(length=128), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("channel_id", sa.String(length=32), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("rtsp_transport", sa.String(length=8), nullable=False, server_default="tcp"))
        batch_op.add_column(sa.Column("always_on", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM devices WHERE kind = 'rtsp'"))
    with op.batch_alter_table("devices", schema=None) as batch_op:
        for name in ("always_on", "rtsp_transport", "channel_id", "username", "url"):
            batch_op.drop_column(name)
