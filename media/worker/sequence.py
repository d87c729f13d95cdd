"""The running sequence of one source: 16-bit wire numbers to one number that only grows, over wraps and restarts.

RFC 3550 A.1 with two changes for relaying: packets are never put back in order, so loss and reordering stay visible
behind the relay, and a camera that restarts (a jump nobody could explain as loss) goes on one after the last number,
so that receivers do not notice.
"""

from __future__ import annotations

MAX_DROPOUT = 3000
MAX_MISORDER = 300
_MISSING_KEPT = 1024


class RunningSequence:
    """Numbers the packets of one source in arrival order."""

    __slots__ = (
        "_held",
        "_held_at",
        "_jump",
        "_last",
        "_missing",
        "duplicates",
        "first",
        "highest",
        "lost",
        "received",
        "released",
        "reordered",
        "restarts",
    )

    def __init__(self) -> None:
        self.first: int | None = None
        self.highest = -1
        self.received = 0
        self.lost = 0
        self.reordered = 0
        self.duplicates = 0
        self.restarts = 0
        self.released: tuple[int, bytes] | None = None
        self._last = 0
        self._jump = False
        self._missing: dict[int, None] = {}
        self._held: tuple[int, bytes] | None = None
        self._held_at = -1

    @property
    def last(self) -> int:
        """The newest 16-bit number as the source wrote it."""
        return self._last

    def expect_jump(self) -> None:
        """Another SSRC or connection follows: its first number is a restart whatever it is."""
        self._jump = self.first is not None

    def take(self, number: int, packet: bytes | bytearray | memoryview) -> int:
        """The running number of ``packet``, or -1 when it is a duplicate or held back for now.

        A packet far from the sequence is held until the next one confirms a restart. Then `released` holds its
        running number and bytes, to be sent before the present packet; the caller clears it.
        """
        delta = (number - self._last) & 0xFFFF
        if delta == 1 and self.first is not None and not self._jump:
            self._last = number
            self.highest += 1
            self.received += 1
            return self.highest
        if self.first is None:
            return self._begin(number)
        if self._jump:
            self._jump = False
            return self._restart(number)
        if 0 < delta < MAX_DROPOUT:
            return self._skip_ahead(number, delta)
        if delta == 0 or delta > 0xFFFF - MAX_MISORDER:
            return self._behind((0x10000 - delta) & 0xFFFF)
        return self._suspicious(number, packet)

    def _begin(self, number: int) -> int:
        self.first = self.highest = self._last = number
        self.received = 1
        return number

    def _restart(self, number: int) -> int:
        self.restarts += 1
        self._missing.clear()
        self._last = number
        self.highest += 1
        self.received += 1
        return self.highest

    def _skip_ahead(self, number: int, delta: int) -> int:
        self.lost += delta - 1
        if delta > _MISSING_KEPT:
            self._missing.clear()
        else:
            self._missing.update(dict.fromkeys(range(self.highest + 1, self.highest + delta)))
        while len(self._missing) > _MISSING_KEPT:
            del self._missing[next(iter(self._missing))]
        self._last = number
        self.highest += delta
        self.received += 1
        return self.highest

    def _behind(self, distance: int) -> int:
        running = self.highest - distance
        if running not in self._missing:
            self.duplicates += 1
            return -1
        del self._missing[running]
        self.lost -= 1
        self.reordered += 1
        self.received += 1
        return running

    def _suspicious(self, number: int, packet: bytes | bytearray | memoryview) -> int:
        held, self._held = self._held, None
        if held is not None and self._held_at == self.highest and number == (held[0] + 1) & 0xFFFF:
            self.released = (self._restart(held[0]), held[1])
            self._last = number
            self.highest += 1
            self.received += 1
            return self.highest
        self._held, self._held_at = (number, bytes(packet)), self.highest
        return -1
