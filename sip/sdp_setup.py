"""Who connects the media TCP connection: setup lines of offer and answer as a table (2022 Annex D, 2016 Annex L)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_COMPLEMENT = {"passive": "active", "active": "passive", "actpass": "active"}


def answer_setup(offered: str | None) -> str:
    """The role to answer with: the complement; active when the offer names none (the device connects, Annex D)."""
    return _COMPLEMENT.get(offered or "passive", "active")


Side = Literal["offerer", "answerer"]


@dataclass(frozen=True, slots=True)
class Connecting:
    """Which side connects the media TCP connection.

    first: the side expected to connect. fallback: the side that tries as well when the setup lines are irregular:
    after `fallback_after_s` seconds of silence, and only to a usable port.
    """

    first: Side
    fallback: Side | None = None
    fallback_after_s: float = 0.0


_ANSWERER, _OFFERER = Connecting("answerer"), Connecting("offerer")
WHO_CONNECTS: dict[tuple[str | None, str | None], Connecting] = {
    ("passive", "active"): _ANSWERER,
    ("passive", None): _ANSWERER,
    ("passive", "passive"): Connecting("answerer", "offerer", 2.0),
    ("active", "passive"): _OFFERER,
    ("active", None): Connecting("offerer", "answerer"),
    ("active", "active"): Connecting("offerer", "answerer"),
    ("actpass", "active"): _ANSWERER,
    ("actpass", None): _ANSWERER,
    ("actpass", "passive"): _OFFERER,
    (None, "active"): _ANSWERER,
    (None, None): _ANSWERER,
    (None, "passive"): Connecting("answerer", "offerer", 2.0),
}
"""(setup of the offer, setup of the answer) -> who connects. An unknown word counts as missing."""


def who_connects(offer_setup: str | None, answer_setup: str | None, *, offerer_is_device: bool = False) -> Connecting:
    """Decides who connects. Without a setup in the offer the device does (2022 Annex D); see `offerer_is_device`."""
    offered = offer_setup if offer_setup in ("active", "passive", "actpass") else None
    answered = answer_setup if answer_setup in ("active", "passive") else None
    if offered is None and offerer_is_device:
        return Connecting("offerer", "answerer" if answered == "active" else None)
    return WHO_CONNECTS[offered, answered]


def is_usable_port(port: int) -> bool:
    """Whether a port in an m= line can be dialled: 0 and 9 are placeholders of the side that connects."""
    return 0 < port < 65_536 and port != 9
