"""May this actor do this to this channel? Pure: facts come in as values, the answer names its clause.

Order of the rules, the first that objects decides: secrecy (N8), unknown channel, who is asking (an operator by role,
an upper platform by its sharing rule, a system actor by its one purpose), approval for stored video (A1, A2).
There is no way around :func:`decide`; a use without a viewer asks as a named system actor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Literal


class Action(StrEnum):
    """What is asked for."""

    LIVE = "live"
    PLAYBACK = "playback"
    DOWNLOAD = "download"
    SNAPSHOT = "snapshot"
    PTZ = "ptz"
    QUERY_RECORDS = "query_records"
    EXPORT_CATALOG = "export_catalog"
    RECORD = "record"


STORED_VIDEO = frozenset({Action.PLAYBACK, Action.DOWNLOAD})
PICTURES = STORED_VIDEO | {Action.LIVE, Action.SNAPSHOT, Action.RECORD}
"""The actions that show or keep a picture."""

ActorKind = Literal["user", "upper", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a user by login name, an upper platform by its 20-digit code, a part of this program by name.

    ``kind`` and ``id`` come from authentication, never from what the asker says of itself.
    """

    kind: ActorKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when the request is made.

    ``role`` of a user (None: not a user, or disabled); ``shared`` the sharing rule's answer for an upper and this
    action; ``secret`` the channel's secrecy (保密属性 1); ``known`` whether the channel is in the catalogue;
    ``approval`` the id of a complete two-person approval covering channel, span and action, if any.
    """

    role: str | None = None
    shared: bool = False
    secret: bool = False
    known: bool = True
    approval: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A span of recorded time, unix seconds."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """One request for access. ``peer_id``/``code`` is the channel ("" when the action is not about one channel).

    ``purpose`` is why, ``destination`` where the material goes (an address, a platform's code, "browser").
    """

    actor: Actor
    action: Action
    peer_id: str
    code: str
    purpose: str = ""
    destination: str = ""
    span: Span | None = None
    facts: Facts = field(default=Facts())


@dataclass(frozen=True, slots=True)
class Permit:
    """Yes, and under which clause."""

    clause: str


@dataclass(frozen=True, slots=True)
class Denial:
    """No, under which clause, and why in words."""

    clause: str
    message: str
    message_zh: str


Decision = Permit | Denial

_VIEWER = frozenset({Action.LIVE, Action.SNAPSHOT})
_OPERATOR = _VIEWER | {Action.PTZ, Action.QUERY_RECORDS, Action.PLAYBACK, Action.DOWNLOAD}
_ADMIN = _OPERATOR | {Action.EXPORT_CATALOG, Action.RECORD}

ROLE_ACTIONS: Mapping[str, frozenset[Action]] = MappingProxyType(
    {"viewer": _VIEWER, "operator": _OPERATOR, "admin": _ADMIN}
)
"""What each role may ask for."""

SYSTEM_ACTIONS: Mapping[str, frozenset[Action]] = MappingProxyType(
    {
        "snapshot": frozenset({Action.SNAPSHOT}),
        "baseline-picture": frozenset({Action.SNAPSHOT}),
        "recording-plan": frozenset({Action.RECORD}),
        "health-check": frozenset({Action.LIVE}),
    }
)
"""The named system actors and the one thing each may do."""

_SECRET_ROLES = frozenset({"operator", "admin"})


def decide(request: AccessRequest) -> Decision:
    """Permit or deny ``request`` from its facts alone."""
    if request.facts.secret:
        objection = _secrecy(request)
        if objection is not None:
            return objection
    if not request.facts.known:
        return Denial("A10", "The channel is not in the catalogue.", "通道不在目录中。")
    if request.actor.kind == "upper":
        return _upper(request)
    if request.actor.kind == "system":
        return _system(request)
    return _user(request)


def _secrecy(request: AccessRequest) -> Denial | None:
    if request.actor.kind == "user" and request.facts.role in _SECRET_ROLES:
        return None
    return Denial("N8", "The channel is secret.", "该通道为涉密通道。")


def _upper(request: AccessRequest) -> Decision:
    if request.facts.shared:
        return Permit("SHARE")
    return Denial("SHARE", "The sharing rule does not allow it.", "共享规则不允许该操作。")


def _system(request: AccessRequest) -> Decision:
    if request.action in SYSTEM_ACTIONS.get(request.actor.id, frozenset()):
        return Permit("A5")
    return Denial("O9", f"{request.actor.id} has no such duty.", "该系统任务无此权限。")


def _user(request: AccessRequest) -> Decision:
    if request.facts.role is None:
        return Denial("O9", "No such account, or it is disabled.", "账号不存在或已停用。")
    if request.action not in ROLE_ACTIONS.get(request.facts.role, frozenset()):
        return Denial("O9", f"The role {request.facts.role} does not allow it.", "当前角色没有该权限。")
    if request.action in STORED_VIDEO and request.facts.approval is None:
        return Denial("A2", "Stored video needs an approved request by two officers.", "调阅录像须经两人申请并审批。")
    if request.action in STORED_VIDEO and request.span is None:
        return Denial("A1", "The time span is missing.", "缺少调阅的时间段。")
    return Permit("A2" if request.action in STORED_VIDEO else "A10")
