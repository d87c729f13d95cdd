"""A row for every table of gateway.db, as any version's program may have left it: what an upgrade must carry over.

Columns a revision does not have are left out when its rows are written; a table without a sample fails the test.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Table, insert

from gateway.secrets import Secret, SecretBox

DEVICE, CHANNEL, UPPER = "34020000001110000001", "34020000001310000001", "34000000002000000001"
PASSWORD = "device-0815"
OPEN_ENDED = 2**62
_AT = 1_700_000_000.0
_CALL = {
    "call_id": "c1@192.0.2.1",
    "local_tag": "a",
    "remote_tag": "b",
    "local_uri": "<sip:34020000002000000001@3402000000>",
    "remote_uri": f"<sip:{DEVICE}@3402000000>",
    "remote_target": f"sip:{DEVICE}@192.0.2.9:5060",
    "route_set": [],
    "local_cseq": 2,
    "remote_cseq": 1,
    "secure": False,
}
_DOCUMENT = orjson.dumps({"code": CHANNEL, "name": "东门", "status": "ON"}).decode()


def rows(data_dir: Path) -> dict[str, dict[str, Any]]:
    """Table to row; passwords are sealed with the key of ``data_dir``."""
    box = SecretBox.open(data_dir)
    item = {"peer_id": DEVICE, "code": CHANNEL, "gen_from": 1, "gen_to": OPEN_ENDED, "sort": b"\x01"}
    return {
        "rules": {
            "id": "all", "name": "All", "mode": "all", "channels": [], "exclude": [], "published": {},
            "actions": ["live", "query"], "withhold": [], "created_at": _AT,
        },
        "devices": {
            "id": DEVICE, "name": "东门", "kind": "device",
            "password": box.seal(Secret(PASSWORD), f"devices/{DEVICE}/password"), "allow_no_password": False,
            "charset": None, "edition": "2016", "media_transport": "udp", "tolerances": ["ssrc_any"],
            "enabled": True, "created_at": _AT, "max_sessions": 4,
        },
        "uppers": {
            "id": UPPER, "name": "City", "host": "192.0.2.1", "port": 5060, "transport": "udp", "domain": "",
            "local_id": "", "username": "", "password": box.seal(Secret("up"), f"uppers/{UPPER}/password"),
            "register_expires_seconds": 3600, "keepalive_seconds": 60, "charset": None, "edition": None,
            "rule_id": "all", "source_addresses": ["192.0.2.2"], "ssrc_policy": "upper", "media_transport": None,
            "tolerances": [], "enabled": True, "created_at": _AT,
        },
        "registrations": {
            "side": "lower", "peer_id": DEVICE, "transport": "UDP", "host": "192.0.2.9", "port": 5060,
            "contact": f"<sip:{DEVICE}@192.0.2.9:5060>", "expires_at": _AT + 3600, "gb_ver": "2.0", "user_agent": "cam",
            "call_id": "r1", "cseq": 2, "registered_at": _AT, "last_seen": _AT, "settled": False,
        },
        "offline_events": {
            "id": 1, "peer_id": DEVICE, "at": _AT, "reason": "moved", "facts": '{"source": "udp:192.0.2.9:5060"}',
        },
        "dialogs": {
            "id": "c1", "role": "uac", "purpose": "live", "peer_id": DEVICE, "code": CHANNEL,
            "stream_key": f"{DEVICE}/{CHANNEL}", "dialog": _CALL, "legs": {}, "grant_id": None, "created_at": _AT,
        },
        "subscriptions": {
            "id": "s1", "direction": "in", "peer_id": UPPER, "event": "Catalog", "subject": "34020000002000000001",
            "dialog": _CALL, "state": {"sn": 3}, "expires_at": _AT + 3600, "created_at": _AT,
        },
        "views": {
            "id": "v1", "grant_id": "g1", "actor_kind": "user", "actor_id": "wang", "action": "live",
            "peer_id": DEVICE, "code": CHANNEL, "token_sha256": "0" * 64, "created_at": _AT, "expires_at": _AT + 300,
            "ended_at": _AT + 10, "end_reason": "closed",
        },
        "users": {
            "id": "wang", "name": "王", "password_hash": "$argon2id$x", "role": "admin", "enabled": True,
            "failed_logins": 0, "locked_until": 0.0, "password_changed_at": _AT, "created_at": _AT,
        },
        "tokens": {
            "id": "t1", "user_id": "wang", "kind": "key", "name": "wall", "role": "viewer", "token_sha256": "1" * 64,
            "remote": "127.0.0.1", "created_at": _AT, "expires_at": _AT + 300,
        },
        "video_sources": {
            "device_id": DEVICE, "entered_at": _AT, "url": "http://192.0.2.9/onvif", "channel_id": CHANNEL,
            "tokens": ["vs0", "vs1"],
        },
        "catalog_peer": {
            "peer_id": DEVICE, "generation": 1, "online": True, "synced_at": _AT, "sync_complete": True,
        },
        "catalog_item": {
            **item, "kind": "channel", "search": "东门", "region": "34020000", "status": "ON", "secret": False,
            "digest": b"\x02" * 16, "claims": "[]", "document": _DOCUMENT, "raw": "<Item/>", "changed_at": _AT,
        },
        "catalog_edge": {**item, "parent": DEVICE, "live": True},
        "catalog_history": {
            "id": 1, "peer_id": DEVICE, "code": CHANNEL, "generation": 1, "at": _AT, "who": "sync", "event": "ADD",
            "old": None, "new": _DOCUMENT,
        },
        "catalog_sharing_rule": {"id": "r", "upper_id": UPPER, "document": "{}"},
        "catalog_published_id": {
            "upper_id": UPPER, "peer_id": DEVICE, "code": CHANNEL, "published_id": "34020000001310009001",
        },
    }  # fmt: skip


def fill(connection: Connection, tables: list[Table], data_dir: Path) -> dict[str, dict[str, Any]]:
    """Write the row of every one of the tables, which are in an order that foreign keys allow; what was written."""
    samples = rows(data_dir)
    written = {}
    for table in tables:
        row = {name: value for name, value in samples[table.name].items() if name in table.c}
        connection.execute(insert(table).values(row))
        written[table.name] = row
    return written
