"""Where upper platforms may have their media sent, and how it is offered to them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("uppers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("media_transport", sa.String(length=16), nullable=True))
        batch_op.add_column(
            sa.Column("tolerances", sa.JSON(), nullable=False, server_default='["media_to_any_address"]')
        )


def downgrade() -> None:
    with op.batch_alter_table("uppers", schema=None) as batch_op:
        batch_op.drop_column("tolerances")
        batch_op.drop_column("media_transport")
