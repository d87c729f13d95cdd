"""Why a device is offline, said once: one table from a reason to its words in English and Chinese."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

MAX_FACT = 80
"""Longest text of a peer or a socket that is kept with a reason: as JSON it may be twelve times as long, and it has to
fit into its column."""


class OfflineReason(enum.StrEnum):
    """The value is the `reason` of the API."""

    NO_KEEPALIVE = "no_keepalive"
    UNREGISTERED = "unregistered"
    EXPIRED = "expired"
    CONNECTION_CLOSED = "connection_closed"
    MOVED = "moved"
    RESTART = "restart"
    REMOVED = "removed"
    DISABLED = "disabled"
    PASSWORD_CHANGED = "password_changed"


OURS = frozenset({OfflineReason.RESTART, OfflineReason.REMOVED, OfflineReason.DISABLED, OfflineReason.PASSWORD_CHANGED})
"""Reasons on our side: coming back after them says nothing about the device."""


class OfflineWords(NamedTuple):
    """The sentences of one reason; {names} stand for its facts."""

    en: str
    zh: str


TABLE = MappingProxyType(
    {
        OfflineReason.NO_KEEPALIVE: OfflineWords(
            "no keepalive for {silent} s ({basis} interval {interval} s × {misses})",
            "{silent} 秒内未收到心跳（{basis}间隔 {interval} 秒 × {misses} 次）",
        ),
        OfflineReason.UNREGISTERED: OfflineWords("unregistered by itself", "设备主动注销"),
        OfflineReason.EXPIRED: OfflineWords("registration expired", "注册已过期，未刷新"),
        OfflineReason.CONNECTION_CLOSED: OfflineWords("TCP connection closed: {why}", "TCP 连接已断开：{why}"),
        OfflineReason.MOVED: OfflineWords("registered again from {source}", "已从 {source} 重新注册"),
        OfflineReason.RESTART: OfflineWords("restart of the node", "本节点重新启动"),
        OfflineReason.REMOVED: OfflineWords("removed by operator", "已被管理员删除"),
        OfflineReason.DISABLED: OfflineWords("disabled by operator", "已被管理员停用"),
        OfflineReason.PASSWORD_CHANGED: OfflineWords("password changed by operator", "管理员修改了密码"),
    }
)
_BASIS_ZH = {"learned": "学习到的", "configured": "配置的"}


@dataclass(frozen=True, slots=True)
class Offline:
    """A device went offline at `at` (unix seconds). `facts` are those its words name, as JSON."""

    at: float
    reason: OfflineReason
    facts: str = ""

    @classmethod
    def of(cls, at: float, reason: OfflineReason, **facts: Any) -> Offline:
        kept = {name: value[:MAX_FACT] if isinstance(value, str) else value for name, value in facts.items()}
        return cls(at, reason, json.dumps(kept) if kept else "")

    @property
    def message(self) -> str:
        """The reason in English."""
        return TABLE[self.reason].en.format_map(_Known(self._facts()))

    @property
    def message_zh(self) -> str:
        """The reason in Chinese."""
        facts = self._facts()
        if "basis" in facts:
            facts["basis"] = _BASIS_ZH.get(facts["basis"], facts["basis"])
        return TABLE[self.reason].zh.format_map(_Known(facts))

    def _facts(self) -> dict[str, Any]:
        return dict(json.loads(self.facts)) if self.facts else {}


class _Known(dict[str, Any]):
    """Facts by name; one that an older program did not note is a question mark."""

    def __missing__(self, name: str) -> str:
        return "?"
