"""Ways a camera answers badly on purpose."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

GARBAGE = b"\x00\xff<html><body>500</html \xc3\x28 <soap:Envelope><"


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """One way: never answer, answer after seconds, answer rubbish, a fault with a subcode, or without end."""

    kind: Literal["silent", "slow", "garbage", "fault", "oversized"]
    seconds: float = 0.0
    subcode: str = ""


def parse(text: str) -> Misbehaviour:
    """ "silent", "slow:SECONDS", "garbage", "fault:Subcode" or "oversized". Raises ValueError."""
    kind, colon, detail = text.partition(":")
    match kind:
        case "silent" | "garbage" | "oversized" if not colon:
            return Misbehaviour(kind)
        case "slow" if colon:
            seconds = float(detail)
            if math.isfinite(seconds) and seconds >= 0:
                return Misbehaviour("slow", seconds=seconds)
        case "fault" if detail.isascii() and detail.isalnum():
            return Misbehaviour("fault", subcode=f"ter:{detail}")
    raise ValueError(f"no misbehaviour: {text!r}; one of silent, slow:SECONDS, garbage, fault:Subcode, oversized")


def chosen(table: Mapping[str, Misbehaviour], service: str, operation: str) -> Misbehaviour | None:
    """The misbehaviour of an operation: by service and name, by name, or of all."""
    for key in (f"{service}:{operation}", operation, "*"):
        if key in table:
            return table[key]
    return None
