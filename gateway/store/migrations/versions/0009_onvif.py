"""ONVIF cameras: the media profile that is taken"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.add_column(sa.Column("profile", sa.String(length=64), nullable=False, server_default=""))


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM devices WHERE kind = 'onvif'"))
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.drop_column("profile")
