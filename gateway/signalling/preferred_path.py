"""The way an upper platform wants its request to take through the platforms below it: `X-PreferredPath` of an INVITE
(GB/T 28181-2022 Annex H), the ids of platforms joined by `-`, ours first. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from gateway.errors import Failure, Reason
from gateway.relay.trail import PREFERRED_PATH
from sip import ParseError, Request

MAX_PLATFORMS = 64

_ID = re.compile(r"[0-9]{20}")


@dataclass(frozen=True, slots=True)
class PreferredPath:
    """`platforms` still to be passed, the next one first; empty: the usual way."""

    platforms: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: Request) -> PreferredPath:
        """The path of a request as it came. Raises ParseError."""
        text = (request.headers.get(PREFERRED_PATH) or "").strip()
        platforms = tuple(part.strip() for part in text.split("-")) if text else ()
        if len(platforms) > MAX_PLATFORMS or not all(map(_ID.fullmatch, platforms)):
            raise ParseError(PREFERRED_PATH, "not the ids of platforms joined by -", text)
        return cls(platforms)

    def onward(self, own_ids: Collection[str]) -> PreferredPath:
        """The path from here on: without our own id, which came first. Where we are not on it, the usual way.

        Raises Failure (loop) when our id stands further on: the request would come back.
        """
        first, *rest = self.platforms or ("",)
        if any(platform in own_ids for platform in rest):
            raise Failure(Reason.LOOP, f"{PREFERRED_PATH} leads back here")
        return PreferredPath(tuple(rest)) if first in own_ids else PreferredPath()

    @property
    def next_hop(self) -> str:
        """The platform below us that it leads to; "" for whichever has the channel."""
        return self.platforms[0] if self.platforms else ""

    def __str__(self) -> str:
        """As it is sent on; "" means without the header."""
        return "-".join(self.platforms)
