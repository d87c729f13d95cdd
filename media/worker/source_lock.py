"""Whose packets a source takes: one sender and one SSRC at a time, and never another camera's picture.

Pure decisions, asked for each packet that is not of the locked sender and SSRC (media.md 2.1, 7.3):

* Only addresses of ``accept_from``. The first packet with the agreed SSRC locks its sender; another sender must wait
  until the locked one has been silent for 3 s (NAT rebinding).
* The port the answer named wins over other ports of the same addresses, which many devices send from.
* Another SSRC than agreed (tolerance ``any_ssrc``) is taken only when none with the agreed one has come for a second,
  and never from another port than the answer named: source and SSRC would both contradict. The agreed SSRC takes the
  lock back at once, because the other may be what a device still sends of a call that is over.
"""

from __future__ import annotations

import enum
from collections.abc import Callable

from media.worker.control import Address, Event, ForeignSource, OtherSsrc

RELOCK_S = 3.0
"""Silence of the locked sender after which another one may take its place."""
STRANGE_SSRC_S = 1.0
"""How long a sender with another SSRC must have been heard, without any packet of the agreed one, to be taken."""
REPEAT_S = 5.0
"""Least time between two reports about foreign senders."""
_STRANGERS_KEPT = 8


class Verdict(enum.Enum):
    """What becomes of a packet that is not of the locked sender and SSRC."""

    REFUSED = enum.auto()
    FIRST = enum.auto()
    """Taken; nothing was locked before."""
    MOVED = enum.auto()
    """Taken; it follows on the former sender or SSRC, which has ended."""
    REPLACED = enum.auto()
    """Taken; what was locked before was not the source: nothing kept or learnt of it may be used."""


class SourceLock:
    """The lock of one source and the counters of what it held back. ``emit`` is told about intruders, bounded."""

    def __init__(
        self,
        leg: str,
        ssrc: int | None,
        accept_from: list[str],
        emit: Callable[[Event], None],
        *,
        any_ssrc: bool = True,
    ) -> None:
        self.leg = leg
        self.expected_ssrc = ssrc
        self.accept_from = frozenset(accept_from)
        self.expect_port: int | None = None
        self.any_ssrc = any_ssrc
        self.remote: Address | None = None
        self.ssrc: int | None = None
        self.foreign = 0
        self.other_ssrc = 0
        self._emit = emit
        self._strange_since: dict[tuple[Address, int], float] = {}
        self._strange_told: set[int] = set()
        self._foreign_told_at = float("-inf")

    # --- what the answer changes ------------------------------------------------------------------------------------

    def update(self, ssrc: int | None, accept_from: list[str], expect_port: int | None, any_ssrc: bool) -> bool:
        """Apply the answer. True: the sender locked to before contradicts it and has lost the lock."""
        ssrc_changed = ssrc != self.expected_ssrc
        self.expected_ssrc = ssrc
        self.accept_from = frozenset(accept_from)
        self.expect_port = expect_port
        self.any_ssrc = any_ssrc
        self._strange_told.clear()
        stranger = self.remote is not None and not self.allows(self.remote)
        other = ssrc is not None and self.ssrc not in (None, ssrc) and (ssrc_changed or not any_ssrc)
        if stranger or other:
            self.remote = self.ssrc = None
            self._strange_since.clear()
        return stranger or other

    def release(self) -> None:
        """The locked sender is gone (its connection closed): the next accepted one may take its place at once."""
        self.remote = None

    def allows(self, remote: Address) -> bool:
        """Whether media may come from this address."""
        return not self.accept_from or remote[0] in self.accept_from

    def agrees(self, ssrc: int) -> bool:
        """Whether this is the agreed SSRC, or any is."""
        return self.expected_ssrc is None or ssrc == self.expected_ssrc

    def expects(self, remote: Address) -> bool:
        """Whether this is the very address and port the answer named."""
        return self.expect_port == remote[1] and remote[0] in self.accept_from

    # --- packets ----------------------------------------------------------------------------------------------------

    def judge(self, remote: Address, ssrc: int, now: float, last_packet_at: float | None) -> Verdict:
        """Decide about a packet whose sender or SSRC is not the locked one. ``last_packet_at``: of the locked one."""
        if not self.allows(remote):
            self.refuse_foreign(remote, now)
            return Verdict.REFUSED
        silent = self.remote is None or last_packet_at is None or now - last_packet_at >= RELOCK_S
        if self.agrees(ssrc):
            verdict = self._judge_agreed(remote, ssrc, silent)
        else:
            verdict = self._judge_strange(remote, ssrc, silent, now)
        if verdict is Verdict.REFUSED:
            if self.agrees(ssrc) and remote != self.remote:
                self.refuse_foreign(remote, now)
            else:
                self._refuse_ssrc(ssrc)
            return verdict
        self.remote, self.ssrc = remote, ssrc
        self._strange_since.clear()
        if not self.agrees(ssrc):
            self._tell_other_ssrc(ssrc, taken=True)
        return verdict

    def _judge_agreed(self, remote: Address, ssrc: int, silent: bool) -> Verdict:
        if self.ssrc is None:
            return Verdict.FIRST
        if not self.agrees(self.ssrc):
            same_host = self.remote is not None and self.remote[0] == remote[0]
            return Verdict.REPLACED if self.accept_from or same_host or silent else Verdict.REFUSED
        if self.remote is not None and self.expects(remote) and not self.expects(self.remote):
            return Verdict.REPLACED
        return Verdict.MOVED if silent else Verdict.REFUSED

    def _judge_strange(self, remote: Address, ssrc: int, silent: bool, now: float) -> Verdict:
        if not self.any_ssrc or not silent:
            return Verdict.REFUSED
        if remote == self.remote:
            return Verdict.MOVED
        proven = self.remote is not None and self.ssrc == self.expected_ssrc
        if proven or not self.accept_from or self.expect_port not in (None, remote[1]):
            return Verdict.REFUSED
        if ssrc != self.ssrc and not self._heard_long_enough(remote, ssrc, now):
            return Verdict.REFUSED
        return Verdict.FIRST if self.ssrc is None else Verdict.MOVED

    def _heard_long_enough(self, remote: Address, ssrc: int, now: float) -> bool:
        key = (remote, ssrc)
        since = self._strange_since.get(key)
        if since is None and len(self._strange_since) < _STRANGERS_KEPT:
            self._strange_since[key] = now
        return since is not None and now - since >= STRANGE_SSRC_S

    # --- reports ----------------------------------------------------------------------------------------------------

    def refuse_foreign(self, remote: Address, now: float, count: int = 1) -> None:
        """Count (and now and then tell) media or a connection from a sender that is not accepted."""
        self.foreign += count
        if now - self._foreign_told_at >= REPEAT_S:
            self._foreign_told_at = now
            self._emit(ForeignSource(leg=self.leg, remote=remote, count=self.foreign))

    def _refuse_ssrc(self, ssrc: int) -> None:
        self.other_ssrc += 1
        if ssrc not in self._strange_told and len(self._strange_told) < _STRANGERS_KEPT:
            self._strange_told.add(ssrc)
            self._tell_other_ssrc(ssrc, taken=False)

    def _tell_other_ssrc(self, got: int, *, taken: bool) -> None:
        expected = self.expected_ssrc
        if expected is not None:
            count = max(self.other_ssrc, 1)
            self._emit(OtherSsrc(leg=self.leg, expected=expected, got=got, count=count, taken=taken))
