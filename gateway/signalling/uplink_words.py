"""What an operator reads of a registration with an upper platform, each sentence said once in both languages."""

from __future__ import annotations

from types import MappingProxyType

from gateway.signalling.said import Said, peer_fault, reason_said
from sip import RemoteError

CONNECTION_CLOSED = Said("the TCP connection to the upper platform was closed", "与上级平台的 TCP 连接已断开")


class RegistrationRefused(Exception):
    """The upper platform refused with the SIP code `status`, or its answer leads nowhere."""

    def __init__(self, status: int, said: Said) -> None:
        super().__init__(f"{status} {said.en}")
        self.status = status
        self.said = Said(f"{status} {said.en}", f"{status} {said.zh}")


class ConnectionClosed(Exception):
    """The TCP connection of the registration is gone: abnormal offline (GB/T 28181-2022 9.1.1 f)."""

    said = CONNECTION_CLOSED


NOWHERE = Said("redirected to nowhere", "重定向没有给出目标地址")
NO_CHALLENGE = Said("no Digest challenge we can answer", "上级平台的认证要求中没有本平台支持的摘要算法")
CLOSED_HINT = Said(
    "We register again after the configured wait (uplink.retry_seconds), as the standard asks.",
    "将按标准要求，在配置的等待时间（uplink.retry_seconds）后重新注册。",
)
CLOSED_AGAIN_HINT = Said(
    "The upper platform closes the connection again and again: it may take registrations over UDP only, "
    "or another registration with our id may be replacing ours.",
    "上级平台反复断开连接：它可能只接受 UDP 注册，或另有注册使用了相同的本平台编码。",
)
OURS_HINT = Said("A fault of this node: it is in the log.", "本平台内部错误，详见日志。")

HINTS = MappingProxyType(
    {
        400: Said(
            "The upper platform does not understand our request: compare edition, domain and our id with its form.",
            "上级平台无法理解本平台的请求：请核对版本、域和本平台编码。",
        ),
        401: Said(
            "The upper platform did not accept the password: compare user name and password on both sides.",
            "上级平台不接受密码：请核对两边的用户名和密码。",
        ),
        403: Said(
            "The upper platform refuses this id or password: compare our id, user name and password with its form.",
            "上级平台拒绝此编码或密码：请将本平台编码、用户名、密码与其登记表核对。",
        ),
        404: Said(
            "The upper platform does not know our id: it must be entered there first.",
            "上级平台不认识本平台编码：需先在上级平台登记。",
        ),
        408: Said(
            "No answer: check address, port and transport, and that nothing filters them.",
            "无应答：请检查地址、端口、传输方式，以及是否被防火墙拦截。",
        ),
        423: Said("The upper platform wants a longer registration time.", "上级平台要求更长的注册有效期。"),
        503: Said(
            "Not reachable: check address, port and transport, and that the upper platform is up.",
            "无法到达：请检查地址、端口、传输方式，以及上级平台是否在运行。",
        ),
    }
)
"""What to do about a SIP status, or about what counts as one (408: no answer, 503: not sent)."""

_ELSEWHERE = MappingProxyType(
    {
        3: Said(
            "The upper platform sends us elsewhere: ask where to register.",
            "上级平台要求改向别处注册：请询问其注册地址。",
        ),
        4: Said(
            "The upper platform refuses the registration: its log or its operator can say why.",
            "上级平台拒绝注册：原因请查看其日志或联系其管理员。",
        ),
        5: Said("The upper platform has a fault of its own: tell its operator.", "上级平台自身故障：请通知其管理员。"),
        6: Said(
            "The upper platform refuses the registration: its log or its operator can say why.",
            "上级平台拒绝注册：原因请查看其日志或联系其管理员。",
        ),
    }
)
"""The same by the first digit, for codes without a line of their own."""


def register_answered(status: int, reason: str) -> Said:
    """The upper platform answered a REGISTER."""
    zh = reason_said(status, reason).zh
    return Said(f"REGISTER answered {status} {reason}", f"注册请求（REGISTER）得到应答 {status} {zh}")


def redirected(uri: object) -> Said:
    """The registration goes on elsewhere."""
    return Said(f"redirected to {uri}", f"重定向到 {uri}")


def not_resumed(problem: Said) -> Said:
    """What a restart left of a registration is of no use."""
    return Said(f"not resumed: {problem.en}", f"重启前的注册未能沿用：{problem.zh}")


def keepalive_unanswered(count: int, problem: Said) -> Said:
    """A keepalive got no answer."""
    return Said(f"keepalive {count} not answered: {problem.en}", f"第 {count} 次心跳没有得到应答：{problem.zh}")


def keepalive_refused(status: int, reason: str) -> Said:
    """The reason of a keepalive that was refused."""
    return Said(f"{reason} to a keepalive", f"{reason_said(status, reason).zh}（对心跳的应答）")


def unanswerable(error: object) -> Said:
    """A challenge that is beyond us."""
    return Said(f"a challenge that cannot be answered: {error}", f"无法应答的认证要求：{error}")


def failed(problem: Said) -> Said:
    """A try ended."""
    return Said(f"failed: {problem.en}", f"失败：{problem.zh}")


def problem_of(error: Exception) -> Said:
    """What went wrong."""
    if isinstance(error, RegistrationRefused | ConnectionClosed):
        return error.said
    if isinstance(error, RemoteError):
        return peer_fault(error)
    en = str(error) or type(error).__name__
    return Said(en, f"通信错误：{en}" if isinstance(error, OSError) else f"内部错误：{en}")


def hint_of(error: Exception) -> Said:
    """What to do about it."""
    if isinstance(error, RegistrationRefused | RemoteError):
        return HINTS.get(error.status) or _ELSEWHERE.get(error.status // 100, HINTS[400])
    return HINTS[503] if isinstance(error, OSError) else OURS_HINT
