"""The sessions of a device as the calls meet them: asked before an INVITE, told what became of it (并发会话数)."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from gateway.device_health.session_limit import Admission, SessionLimits, is_busy
from gateway.errors import Failure, Reason
from gateway.signalling.call_environment import LowerTarget

log = structlog.get_logger("call")


class DeviceSessions:
    """How many streams each device sends at once. A lower platform has no limit but the one set by hand: what it
    refuses may be refused by a camera far below it. `clock` gives unix seconds."""

    def __init__(self, limits: SessionLimits | None = None, clock: Callable[[], float] = time.time) -> None:
        self.limits = limits or SessionLimits()
        self._clock = clock

    def admits(self, target: LowerTarget, running: int) -> bool:
        """Whether a device with `running` calls may be called once more."""
        verdict = self.limits.admit(target.key.peer_id, running, target.max_sessions, self._clock())
        if verdict is Admission.PROBE:
            log.info("one session more is tried", peer=target.key.peer_id, running=running)
        return verdict is not Admission.REFUSED

    def refusal(self, target: LowerTarget) -> Failure:
        """What a viewer is told who would be one too many."""
        known = self.limits.learned(target.key.peer_id, self._clock())
        detail, detail_zh = "", ""
        if target.max_sessions is not None:
            detail, detail_zh = f"max_sessions is {target.max_sessions}", f"max_sessions 为 {target.max_sessions}。"
        elif known is not None:
            detail = f"it refused more than {known.sessions} before"
            detail_zh = f"此前超过 {known.sessions} 路时被设备拒绝。"
        key = target.key
        return Failure(Reason.DEVICE_SESSIONS_USED, detail, detail_zh=detail_zh, peer_id=key.peer_id, channel=key.code)

    def failed(self, target: LowerTarget, failure: Failure, running: int) -> None:
        """A call came to nothing while `running` others were up."""
        if failure.reason is not Reason.REJECTED or failure.code is None or target.platform:
            return
        if is_busy(failure.code, failure.detail):
            self.limits.busy(target.key.peer_id, running, self._clock())
            log.info("the device takes no session more", peer=target.key.peer_id, running=running)

    def succeeded(self, target: LowerTarget, running: int) -> None:
        """A call was answered; `running` are up with it."""
        self.limits.succeeded(target.key.peer_id, running, self._clock())

    def forget(self, peer_id: str) -> None:
        """The device was removed, or its limit changed by hand."""
        self.limits.forget(peer_id)
