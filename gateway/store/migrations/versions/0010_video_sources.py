"""Which video source of an ONVIF camera is which of its channels"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "video_sources",
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("entered_at", sa.Float(), nullable=False),
        sa.Column("url", sa.String(length=1024), nullable=False),
        sa.Column("channel_id", sa.String(length=32), nullable=False),
        sa.Column("tokens", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_video_sources")),
    )


def downgrade() -> None:
    op.drop_table("video_sources")
