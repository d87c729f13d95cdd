"""Arithmetic of counters that wrap: RTP sequence (16 bit), RTP timestamp (32 bit), PES PTS/DTS (33 bit)."""

from __future__ import annotations

SEQUENCE_BITS = 16
TIMESTAMP_BITS = 32
PTS_BITS = 33
PTS_MASK = (1 << PTS_BITS) - 1


def distance(new: int, old: int, bits: int) -> int:
    """Signed shortest way from ``old`` to ``new`` modulo 2**bits, in [-2**(bits-1), 2**(bits-1))."""
    half = 1 << (bits - 1)
    return ((new - old + half) & ((1 << bits) - 1)) - half


def is_newer(new: int, old: int, bits: int) -> bool:
    """True when ``new`` lies after ``old`` on the circle (RFC 1982 sense)."""
    return distance(new, old, bits) > 0


class Unwrapper:
    """Turns a wrapping counter into one that only grows past the wrap.

    The first value is taken as it is; each later one is placed nearest to its predecessor, so small steps backward
    (B-frames, reordered packets) stay small steps backward.
    """

    __slots__ = ("_bits", "_last")

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._last: int | None = None

    @property
    def last(self) -> int | None:
        """The last unwrapped value, None before the first."""
        return self._last

    def unwrap(self, value: int) -> int:
        """Extended value of ``value``; may be negative when the stream starts just before zero and steps back."""
        last = self._last
        result = value if last is None else last + distance(value, last, self._bits)
        self._last = result
        return result

    def reset(self) -> None:
        """Forget the history (new stream)."""
        self._last = None
