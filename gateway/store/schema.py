"""The gateway's tables, in the one MetaData shared with the catalogue.

Column names equal the field names of the records in the repository modules. Times are unix seconds.
Sealed secrets are text (:class:`gateway.secrets.SecretBox`).
"""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, false, true

from catalog.store.schema import metadata

__all__ = ["TABLES", "metadata"]

_CODE = String(32)

rules = Table(
    "rules",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(256), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("channels", JSON, nullable=False),
    Column("exclude", JSON, nullable=False),
    Column("published", JSON, nullable=False),
    Column("actions", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("withhold", JSON, nullable=False, server_default="[]"),
)

devices = Table(
    "devices",
    metadata,
    Column("id", _CODE, primary_key=True),
    Column("name", String(256), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("password", String(512), nullable=False),
    Column("allow_no_password", Boolean, nullable=False),
    Column("charset", String(16)),
    Column("edition", String(8)),
    Column("media_transport", String(16)),
    Column("tolerances", JSON, nullable=False),
    Column("zone", String(32)),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("url", String(1024), nullable=False, server_default=""),
    Column("username", String(128), nullable=False, server_default=""),
    Column("channel_id", _CODE, nullable=False, server_default=""),
    Column("rtsp_transport", String(8), nullable=False, server_default="tcp"),
    Column("always_on", Boolean, nullable=False, server_default=false()),
    Column("max_sessions", Integer),
    Column("profile", String(64), nullable=False, server_default=""),
)

video_sources = Table(
    "video_sources",
    metadata,
    Column("device_id", _CODE, primary_key=True),
    Column("entered_at", Float, nullable=False),
    Column("url", String(1024), nullable=False),
    Column("channel_id", _CODE, nullable=False),
    Column("tokens", JSON, nullable=False),
)

uppers = Table(
    "uppers",
    metadata,
    Column("id", _CODE, primary_key=True),
    Column("name", String(256), nullable=False),
    Column("host", String(255), nullable=False),
    Column("port", Integer, nullable=False),
    Column("transport", String(8), nullable=False),
    Column("domain", String(32), nullable=False),
    Column("local_id", _CODE, nullable=False),
    Column("username", String(64), nullable=False),
    Column("password", String(512), nullable=False),
    Column("register_expires_seconds", Integer, nullable=False),
    Column("keepalive_seconds", Integer, nullable=False),
    Column("charset", String(16)),
    Column("edition", String(8)),
    Column("rule_id", String(64), ForeignKey("rules.id", ondelete="RESTRICT")),
    Column("source_addresses", JSON, nullable=False),
    Column("ssrc_policy", String(8), nullable=False),
    Column("media_transport", String(16)),
    Column("tolerances", JSON, nullable=False, server_default='["media_to_any_address"]'),
    Column("zone", String(32)),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
)

registrations = Table(
    "registrations",
    metadata,
    Column("side", String(8), primary_key=True),
    Column("peer_id", _CODE, primary_key=True),
    Column("transport", String(8), nullable=False),
    Column("host", String(255), nullable=False),
    Column("port", Integer, nullable=False),
    Column("contact", String(512), nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("gb_ver", String(32), nullable=False),
    Column("user_agent", String(256), nullable=False),
    Column("call_id", String(256), nullable=False),
    Column("cseq", Integer, nullable=False),
    Column("registered_at", Float, nullable=False),
    Column("last_seen", Float, nullable=False),
    Column("settled", Boolean, nullable=False, server_default=true()),
)

offline_events = Table(
    "offline_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("peer_id", _CODE, nullable=False),
    Column("at", Float, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("facts", String(1024), nullable=False),
    Index("offline_events_by_peer", "peer_id", "id"),
)

dialogs = Table(
    "dialogs",
    metadata,
    Column("id", String(1024), primary_key=True),
    Column("role", String(8), nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("peer_id", _CODE, nullable=False),
    Column("code", _CODE, nullable=False),
    Column("stream_key", String(256), nullable=False),
    Column("dialog", JSON, nullable=False),
    Column("legs", JSON, nullable=False),
    Column("grant_id", String(64)),
    Column("created_at", Float, nullable=False),
    Index("dialogs_by_stream", "stream_key"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", String(1024), primary_key=True),
    Column("direction", String(8), nullable=False),
    Column("peer_id", _CODE, nullable=False),
    Column("event", String(64), nullable=False),
    Column("subject", _CODE, nullable=False),
    Column("dialog", JSON, nullable=False),
    Column("state", JSON, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("created_at", Float, nullable=False),
)

views = Table(
    "views",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("grant_id", String(64), nullable=False),
    Column("actor_kind", String(16), nullable=False),
    Column("actor_id", String(64), nullable=False),
    Column("action", String(32), nullable=False),
    Column("peer_id", _CODE, nullable=False),
    Column("code", _CODE, nullable=False),
    Column("token_sha256", String(64), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("end_reason", String(64), nullable=False),
    Index("views_by_channel", "peer_id", "code"),
)

users = Table(
    "users",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(256), nullable=False),
    Column("password_hash", String(256), nullable=False),
    Column("role", String(16), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("failed_logins", Integer, nullable=False),
    Column("locked_until", Float, nullable=False),
    Column("password_changed_at", Float, nullable=False),
    Column("created_at", Float, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("user_id", String(64), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("name", String(128), nullable=False),
    Column("role", String(16), nullable=False),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("remote", String(64), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
)

TABLES = (
    rules, devices, video_sources, uppers, registrations, offline_events, dialogs, subscriptions, views, users, tokens,
)  # fmt: skip
