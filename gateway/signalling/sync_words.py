"""How reading a peer's catalogue failed, in words for the operator."""

from __future__ import annotations

from gateway.signalling.exchange import QuestionRefused
from gateway.signalling.said import Said, peer_fault, reason_said
from sip import RemoteError

OFFLINE = Said("the peer is offline", "设备或平台离线")
INTERNAL = Said("internal fault, see the log", "内部错误，详见日志")
NO_ANSWER = Said("the query was accepted, but no answer came", "查询已被接受，但没有收到应答")


def missing_items(count: int | None) -> Said:
    """An answer that broke off; None: how many were to come is not known."""
    if count is None:
        return Said("unknown many items did not come", "有目录项未到，数量未知")
    return Said(f"{count} items did not come", f"有 {count} 项未到")


def not_taken(error: RemoteError | QuestionRefused) -> Said:
    """The query itself failed."""
    if isinstance(error, QuestionRefused):
        zh = reason_said(error.status, error.reason).zh
        return Said(f"the peer refused the query: {error}", f"对方拒绝查询：{error.status} {zh}")
    fault = peer_fault(error)
    return Said(f"the peer did not take the query: {fault.en}", f"查询未能送达：{fault.zh}")
