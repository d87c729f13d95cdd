"""Learning whether a sender's hint about frame ends can be relied on."""

from __future__ import annotations

NEEDED = 50


class BoundaryTrust:
    """A hint (marker bit, timestamp change) is trusted after it was right at 50 frame ends in a row."""

    __slots__ = ("_right",)

    def __init__(self) -> None:
        self._right = 0

    @property
    def trusted(self) -> bool:
        """May a frame be handed out on this hint alone?"""
        return self._right >= NEEDED

    def confirm(self) -> None:
        """The hint was there at a frame end."""
        self._right += 1

    def deny(self) -> None:
        """The hint was missing at a frame end, or there in the middle of a frame."""
        self._right = 0
