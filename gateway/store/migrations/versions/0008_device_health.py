"""The health of devices: why they were offline, the sessions they take, and registrations that are on trial"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "offline_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("peer_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("facts", sa.String(length=1024), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offline_events")),
    )
    with op.batch_alter_table("offline_events", schema=None) as batch_op:
        batch_op.create_index("offline_events_by_peer", ["peer_id", "id"], unique=False)
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.add_column(sa.Column("max_sessions", sa.Integer(), nullable=True))
    with op.batch_alter_table("registrations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("settled", sa.Boolean(), nullable=False, server_default=sa.true()))


def downgrade() -> None:
    with op.batch_alter_table("registrations", schema=None) as batch_op:
        batch_op.drop_column("settled")
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.drop_column("max_sessions")
    with op.batch_alter_table("offline_events", schema=None) as batch_op:
        batch_op.drop_index("offline_events_by_peer")
    op.drop_table("offline_events")
