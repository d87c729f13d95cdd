"""Initial schema"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "catalog_edge",
        sa.Column(
            "peer_id",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "parent",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("sort", sa.LargeBinary(length=128), nullable=False),
        sa.Column(
            "code", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("gen_from", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("gen_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("peer_id", "parent", "live", "sort", "code", "gen_from", name=op.f("pk_catalog_edge")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("catalog_edge", schema=None) as batch_op:
        batch_op.create_index("ix_catalog_edge_code", ["peer_id", "code"], unique=False)
        batch_op.create_index(
            "ix_catalog_edge_ended",
            ["peer_id", "gen_to"],
            unique=False,
            sqlite_where=sa.text("gen_to < 4611686018427387904"),
            postgresql_where=sa.text("gen_to < 4611686018427387904"),
        )

    op.create_table(
        "catalog_history",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column(
            "peer_id",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "code", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("event", sa.String(length=8), nullable=False),
        sa.Column("old", sa.Text(), nullable=True),
        sa.Column("new", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_history")),
    )
    with op.batch_alter_table("catalog_history", schema=None) as batch_op:
        batch_op.create_index("ix_catalog_history_peer_id_code_id", ["peer_id", "code", "id"], unique=False)

    op.create_table(
        "catalog_item",
        sa.Column(
            "peer_id",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "code", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("gen_from", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("gen_to", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("sort", sa.LargeBinary(length=128), nullable=False),
        sa.Column("search", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column(
            "region",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("claims", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("peer_id", "code", "gen_from", name=op.f("pk_catalog_item")),
    )
    with op.batch_alter_table("catalog_item", schema=None) as batch_op:
        batch_op.create_index("ix_catalog_item_code", ["code"], unique=False)
        batch_op.create_index(
            "ix_catalog_item_ended",
            ["peer_id", "gen_to"],
            unique=False,
            sqlite_where=sa.text("gen_to < 4611686018427387904"),
            postgresql_where=sa.text("gen_to < 4611686018427387904"),
        )
        batch_op.create_index("ix_catalog_item_region", ["region", "sort", "code"], unique=False)
        batch_op.create_index(
            "ix_catalog_item_search", ["sort", "code", "peer_id", "gen_from", "gen_to", "search"], unique=False
        )

    op.create_table(
        "catalog_peer",
        sa.Column(
            "peer_id",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("synced_at", sa.Float(), nullable=True),
        sa.Column("sync_complete", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("peer_id", name=op.f("pk_catalog_peer")),
    )
    op.create_table(
        "catalog_published_id",
        sa.Column(
            "upper_id",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "peer_id",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "code", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False
        ),
        sa.Column(
            "published_id",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("upper_id", "peer_id", "code", name=op.f("pk_catalog_published_id")),
        sa.UniqueConstraint("upper_id", "published_id", name=op.f("uq_catalog_published_id_upper_id_published_id")),
    )
    op.create_table(
        "catalog_sharing_rule",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column(
            "upper_id",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_sharing_rule")),
    )
    with op.batch_alter_table("catalog_sharing_rule", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_catalog_sharing_rule_upper_id"), ["upper_id"], unique=False)

    op.create_table(
        "devices",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("password", sa.String(length=512), nullable=False),
        sa.Column("allow_no_password", sa.Boolean(), nullable=False),
        sa.Column("charset", sa.String(length=16), nullable=True),
        sa.Column("edition", sa.String(length=8), nullable=True),
        sa.Column("media_transport", sa.String(length=16), nullable=True),
        sa.Column("tolerances", sa.JSON(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
    )
    op.create_table(
        "dialogs",
        sa.Column("id", sa.String(length=1024), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("peer_id", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("stream_key", sa.String(length=256), nullable=False),
        sa.Column("dialog", sa.JSON(), nullable=False),
        sa.Column("legs", sa.JSON(), nullable=False),
        sa.Column("grant_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dialogs")),
    )
    with op.batch_alter_table("dialogs", schema=None) as batch_op:
        batch_op.create_index("dialogs_by_stream", ["stream_key"], unique=False)

    op.create_table(
        "registrations",
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("peer_id", sa.String(length=32), nullable=False),
        sa.Column("transport", sa.String(length=8), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("contact", sa.String(length=512), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.Column("gb_ver", sa.String(length=32), nullable=False),
        sa.Column("user_agent", sa.String(length=256), nullable=False),
        sa.Column("call_id", sa.String(length=256), nullable=False),
        sa.Column("cseq", sa.Integer(), nullable=False),
        sa.Column("registered_at", sa.Float(), nullable=False),
        sa.Column("last_seen", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("side", "peer_id", name=op.f("pk_registrations")),
    )
    op.create_table(
        "rules",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.Column("exclude", sa.JSON(), nullable=False),
        sa.Column("published", sa.JSON(), nullable=False),
        sa.Column("actions", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules")),
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.String(length=1024), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("peer_id", sa.String(length=32), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("dialog", sa.JSON(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("password_hash", sa.String(length=256), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("failed_logins", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.Float(), nullable=False),
        sa.Column("password_changed_at", sa.Float(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_table(
        "views",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("grant_id", sa.String(length=64), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("peer_id", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.Column("end_reason", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_views")),
    )
    with op.batch_alter_table("views", schema=None) as batch_op:
        batch_op.create_index("views_by_channel", ["peer_id", "code"], unique=False)

    op.create_table(
        "tokens",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("remote", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_tokens_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_tokens_token_sha256")),
    )
    op.create_table(
        "uppers",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("transport", sa.String(length=8), nullable=False),
        sa.Column("domain", sa.String(length=32), nullable=False),
        sa.Column("local_id", sa.String(length=32), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("password", sa.String(length=512), nullable=False),
        sa.Column("register_expires_seconds", sa.Integer(), nullable=False),
        sa.Column("keepalive_seconds", sa.Integer(), nullable=False),
        sa.Column("charset", sa.String(length=16), nullable=True),
        sa.Column("edition", sa.String(length=8), nullable=True),
        sa.Column("rule_id", sa.String(length=64), nullable=True),
        sa.Column("source_addresses", sa.JSON(), nullable=False),
        sa.Column("ssrc_policy", sa.String(length=8), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["rule_id"], ["rules.id"], name=op.f("fk_uppers_rule_id_rules"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uppers")),
    )


def downgrade() -> None:
    op.drop_table("uppers")
    op.drop_table("tokens")
    with op.batch_alter_table("views", schema=None) as batch_op:
        batch_op.drop_index("views_by_channel")

    op.drop_table("views")
    op.drop_table("users")
    op.drop_table("subscriptions")
    op.drop_table("rules")
    op.drop_table("registrations")
    with op.batch_alter_table("dialogs", schema=None) as batch_op:
        batch_op.drop_index("dialogs_by_stream")

    op.drop_table("dialogs")
    op.drop_table("devices")
    with op.batch_alter_table("catalog_sharing_rule", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_catalog_sharing_rule_upper_id"))

    op.drop_table("catalog_sharing_rule")
    op.drop_table("catalog_published_id")
    op.drop_table("catalog_peer")
    with op.batch_alter_table("catalog_item", schema=None) as batch_op:
        batch_op.drop_index("ix_catalog_item_search")
        batch_op.drop_index("ix_catalog_item_region")
        batch_op.drop_index(
            "ix_catalog_item_ended",
            sqlite_where=sa.text("gen_to < 4611686018427387904"),
            postgresql_where=sa.text("gen_to < 4611686018427387904"),
        )
        batch_op.drop_index("ix_catalog_item_code")

    op.drop_table("catalog_item")
    with op.batch_alter_table("catalog_history", schema=None) as batch_op:
        batch_op.drop_index("ix_catalog_history_peer_id_code_id")

    op.drop_table("catalog_history")
    with op.batch_alter_table("catalog_edge", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_catalog_edge_ended",
            sqlite_where=sa.text("gen_to < 4611686018427387904"),
            postgresql_where=sa.text("gen_to < 4611686018427387904"),
        )
        batch_op.drop_index("ix_catalog_edge_code")

    op.drop_table("catalog_edge")
