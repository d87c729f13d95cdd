"""How a registration with an upper platform stands, in words for the operator."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class UplinkState(enum.Enum):
    STOPPED = "stopped"
    REGISTERING = "registering"
    REGISTERED = "registered"
    WAITING = "waiting"


@dataclass(slots=True)
class UplinkStatus:
    """What the console, the API and the log say of an uplink. Times are unix seconds."""

    state: UplinkState = UplinkState.STOPPED
    since: float = 0.0
    problem: str | None = None
    hint: str | None = None
    registered_until: float = 0.0
    last_keepalive: float = 0.0
    missed_keepalives: int = 0
    peer_version: str | None = None
    trace: list[str] = field(default_factory=list)

    def step(self, text: str) -> None:
        """Remember the last twenty steps for the wizard that explains a failing registration."""
        self.trace.append(text)
        del self.trace[:-20]


HINTS = {
    401: "The upper platform did not accept the password: compare user name and password on both sides.",
    403: "The upper platform refuses this id or password: compare our id, user name and password with its form.",
    404: "The upper platform does not know our id: it must be entered there first.",
    408: "No answer: check address, port and transport, and that nothing filters them.",
    503: "Not reachable: check address, port and transport, and that the upper platform is up.",
    423: "The upper platform wants a longer registration time.",
}

CLOSED_HINT = "We register again after the configured wait (uplink.retry_seconds), as the standard asks."
CLOSED_AGAIN_HINT = (
    "The upper platform closes the connection again and again: it may take registrations over UDP only, "
    "or another registration with our id may be replacing ours."
)

HINTS_ZH = {
    HINTS[401]: "上级平台不接受密码：请核对两边的用户名和密码。",
    HINTS[403]: "上级平台拒绝此编码或密码：请将本平台编码、用户名、密码与其登记表核对。",
    HINTS[404]: "上级平台不认识本平台编码：需先在上级平台登记。",
    HINTS[408]: "无应答：请检查地址、端口、传输方式，以及是否被防火墙拦截。",
    HINTS[503]: "无法到达：请检查地址、端口、传输方式，以及上级平台是否在运行。",
    HINTS[423]: "上级平台要求更长的注册有效期。",
    CLOSED_HINT: "将按标准要求，在配置的等待时间（uplink.retry_seconds）后重新注册。",
    CLOSED_AGAIN_HINT: "上级平台反复断开连接：它可能只接受 UDP 注册，或另有注册使用了相同的本平台编码。",
}
"""The same in Chinese, by the English words."""
