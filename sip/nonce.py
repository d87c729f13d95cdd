"""Nonces a server gives out and recognises again, and the nonce counts it has seen (RFC 7616 3.3, 3.4)."""

from __future__ import annotations

import hmac
import secrets
from typing import Literal

Verdict = Literal["ok", "stale", "replay", "unknown"]

_WRAP = 2**32


class NonceTable:
    """Issues nonces and tells a first use from a replay.

    A nonce carries its time and a keyed hash, so that giving one out costs no memory: a flood of unauthenticated
    requests cannot push out anybody else's. Only nonces that came back are kept, at most `capacity` of them. A nonce
    given `bound_to` somebody (an address) is nobody else's: for others it was never issued.

    lifetime_s  how long a nonce may be used
    key         32 secret bytes; equal keys make several tables recognise each other's nonces
    """

    def __init__(self, lifetime_s: float = 300, *, capacity: int = 131_072, key: bytes | None = None) -> None:
        self._lifetime_s = lifetime_s
        self._capacity = capacity
        self._key = secrets.token_bytes(32) if key is None else key
        self._serial = secrets.randbits(32)
        self._used: dict[str, int] = {}  # nonce -> highest count seen; in order of first use
        self._forgotten_until: int | None = None  # issue time of the youngest nonce put out for want of room

    def issue(self, now: float, bound_to: str = "") -> str:
        """A fresh nonce of 32 hex digits. `now` in seconds on any one clock."""
        self._serial = (self._serial + 1) % _WRAP
        text = f"{int(now) % _WRAP:08x}{self._serial:08x}"
        return text + self._seal(text, bound_to)

    def issued(self, nonce: str, bound_to: str = "") -> bool:
        """Whether this table gave the nonce out, to exactly that holder; how long ago and how used does not matter."""
        return self._issued(nonce, bound_to) is not None

    def check(self, nonce: str, nc: str | None, now: float, bound_to: str = "") -> Verdict:
        """Judge a nonce that came back, and remember its use. Call it only once verify() has accepted the credentials.

        ok       first use, or a higher count than before
        stale    ours, but too old: challenge again with stale=true
        replay   a count already used; without nc any second use
        unknown  not ours, not this holder's, or from before a restart
        """
        issued = self._issued(nonce, bound_to)
        if issued is None:
            return "unknown"
        if (int(now) - issued) % _WRAP > self._lifetime_s:
            return "stale"
        count = _count(nc)
        seen = self._used.get(nonce)
        if seen is not None:
            if count is None or count <= seen:
                return "replay"
            self._used[nonce] = count
            return "ok"
        if self._forgotten_until is not None and issued <= self._forgotten_until:
            return "stale"
        self._make_room(now)
        self._used[nonce] = count or 0
        return "ok"

    def __len__(self) -> int:
        return len(self._used)

    def _seal(self, text: str, bound_to: str) -> str:
        return hmac.digest(self._key, f"{text}{bound_to}".encode(), "sha256")[:8].hex()

    def _issued(self, nonce: str, bound_to: str) -> int | None:
        """Issue time in whole seconds, None for a nonce that is not ours."""
        if len(nonce) != 32 or not nonce.isascii():
            return None
        text = nonce[:16]
        if not hmac.compare_digest(self._seal(text, bound_to), nonce[16:]):
            return None
        return int(text[:8], 16)

    def _make_room(self, now: float) -> None:
        while self._used:
            oldest = next(iter(self._used))
            issued = int(oldest[:8], 16)
            expired = (int(now) - issued) % _WRAP > self._lifetime_s
            if not expired:
                if len(self._used) < self._capacity:
                    return
                self._forgotten_until = max(issued, self._forgotten_until or 0)
            del self._used[oldest]


def _count(nc: str | None) -> int | None:
    try:
        return None if nc is None else int(nc[:16], 16)
    except ValueError:
        return None
