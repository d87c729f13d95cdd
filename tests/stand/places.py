"""Where network cards and NATs may stand between devices, a gateway and an upper platform, and what works there.

The table of docs/networks.md is `table()` of these places, and the tests of the namespaces hold each of them to it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["works", "turned", "fails"]
TRANSPORTS = ("udp", "tcp_passive", "tcp_active")
"""Of a media leg, as the gateway sees it: tcp_passive, the other side connects; tcp_active, the gateway connects."""
LEGS = list(itertools.product(TRANSPORTS, TRANSPORTS))
"""Every combination of a device's leg and an upper platform's."""
SIGNS: dict[Outcome, str] = {"works": "yes", "turned": "turned", "fails": "no"}


@dataclass(frozen=True)
class Place:
    """Where the NATs stand, what the one of the upper platform forwards, and how that speaks."""

    words: str
    device_behind_nat: bool = False
    gateway_behind_nat: bool = False
    upper_behind_nat: bool = False
    upper_media_forwarded: bool = True
    signalling: str = "udp"

    def outcome(self, device: str, top: str) -> Outcome:
        """What becomes of a view whose legs are configured so: nobody connects or sends to somebody behind a NAT that
        forwards nothing, but a device that cannot be connected to connects itself."""
        if self.upper_behind_nat and not self.upper_media_forwarded and top != "tcp_passive":
            return "fails"
        return "turned" if self.device_behind_nat and device == "tcp_active" else "works"

    def legs(self, *outcomes: Outcome) -> list[tuple[str, str]]:
        """The combinations with one of those outcomes."""
        return [legs for legs in LEGS if self.outcome(*legs) in outcomes]

    def used(self, device: str) -> str:
        """The transport that really carries the media of a device configured so."""
        return "tcp_passive" if self.device_behind_nat and device == "tcp_active" else device


PLACES = {
    "two cards": Place("No NAT: two network cards"),
    "device behind NAT": Place("NAT in front of the devices", device_behind_nat=True),
    "gateway behind NAT": Place("NAT in front of this node, its ports forwarded", gateway_behind_nat=True),
    "upper behind NAT": Place(
        "NAT in front of the upper platform, SIP and media ports forwarded", upper_behind_nat=True
    ),
    "both": Place(
        "NATs in front of both, the upper platform's forwards", device_behind_nat=True, upper_behind_nat=True
    ),
    "device and gateway behind NAT": Place(
        "NATs in front of the devices and of this node, SIP over TCP to the upper platform",
        device_behind_nat=True,
        gateway_behind_nat=True,
        signalling="tcp",
    ),
    "upper behind NAT, SIP alone forwarded": Place(
        "NAT in front of the upper platform that forwards nothing but SIP",
        upper_behind_nat=True,
        upper_media_forwarded=False,
    ),
}


def table() -> str:
    """What works where, as Markdown: rows are places and device legs, columns the legs of the upper platform."""
    lines = [
        "| where | device leg | upper `udp` | upper `tcp_passive` | upper `tcp_active` |",
        "|---|---|---|---|---|",
    ]
    for place in PLACES.values():
        for device in TRANSPORTS:
            cells = [SIGNS[place.outcome(device, top)] for top in TRANSPORTS]
            lines.append(f"| {place.words if device == 'udp' else ''} | `{device}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
