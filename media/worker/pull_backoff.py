"""How long to wait before a camera is called again: 1, 2, 4 … 30 s, each a little different."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_S = 1.0
MOST_S = 30.0
JITTER = 0.25
STEADY_S = 10.0
"""A stream that ran for this long counts as well again."""


class BackOff:
    """``uniform(low, high)`` gives random numbers."""

    def __init__(self, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._uniform = uniform
        self._failures = 0

    def wait(self, ran_s: float) -> float:
        """Seconds until the next attempt, the last one having lasted ``ran_s``."""
        if ran_s >= STEADY_S:
            self._failures = 0
        planned = min(MOST_S, FIRST_S * 2.0**self._failures)
        self._failures = min(self._failures + 1, 16)
        return planned * self._uniform(1 - JITTER, 1 + JITTER)
