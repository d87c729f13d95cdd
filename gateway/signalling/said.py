"""Sentences for an operator in English and Chinese, and what is said of every SIP peer in the same words."""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple

from sip import RemoteError, TransactionTimeout, TransportFailed


class Said(NamedTuple):
    """One sentence in English and in Chinese."""

    en: str
    zh: str

    def __str__(self) -> str:
        return self.en


_STATUS_ZH = MappingProxyType(
    {
        200: "成功",
        302: "重定向",
        400: "请求错误",
        401: "要求认证",
        403: "禁止",
        404: "未找到",
        408: "请求超时",
        423: "有效期过短",
        480: "暂时不可用",
        486: "忙",
        500: "服务器内部错误",
        501: "未实现",
        503: "服务不可用",
        504: "服务器超时",
    }
)


def reason_said(status: int, reason: str) -> Said:
    """The reason phrase of an answer; in Chinese the code's meaning where it has a usual one."""
    return Said(reason, _STATUS_ZH.get(status, reason))


def peer_fault(error: RemoteError) -> Said:
    """No answer, nothing sent, or an answer that cannot be used."""
    en = str(error) or type(error).__name__
    if isinstance(error, TransactionTimeout):
        return Said(en, f"{error.where} 在规定时间内没有应答")
    return Said(en, _not_sent(error) if isinstance(error, TransportFailed) else f"通信错误：{en}")


_NOT_SENT_ZH = MappingProxyType(
    {
        "name not known": "域名无法解析",
        "not reachable": "无法到达",
        "too many connections": "连接数已满",
        "too many requests under way": "未完成的请求过多",
        "closed": "信令服务已停止",
    }
)


def _not_sent(error: TransportFailed) -> str:
    value = f"（{error.value}）" if error.value else ""
    return f"{error.where}：{_NOT_SENT_ZH.get(error.what, error.what)}{value}"
