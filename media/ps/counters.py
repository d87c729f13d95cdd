"""What a program stream showed while it was read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class PsCounters:
    """``packs`` and ``maps`` met; ``units`` handed out and ``damaged`` ones among them; ``gaps`` told by the caller;
    ``resyncs`` losses of structure; ``skipped`` bytes without structure; ``dropped`` pieces thrown away for want of
    codec, beginning or room; ``tolerated`` how often each named tolerance was needed."""

    packs: int = 0
    maps: int = 0
    units: int = 0
    damaged: int = 0
    gaps: int = 0
    resyncs: int = 0
    skipped: int = 0
    dropped: int = 0
    tolerated: Counter[str] = field(default_factory=Counter)
