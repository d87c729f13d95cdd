"""Upper platforms (上级平台): where this node registers and what it shows there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gateway.secrets import Secret
from gateway.store import schema
from gateway.store.devices import MediaTransport
from gateway.store.repository import Repository

SsrcPolicy = Literal["own", "upper"]
UpperTolerance = Literal["media_to_any_address", "answer_from_elsewhere"]
"""Quirks: its media servers may live on any host, not only where its signalling comes from; it answers requests from
another of its `source_addresses` than the one asked (`sip/core/answer_source.py`)."""
MEDIA_TO_ANY_ADDRESS: UpperTolerance = "media_to_any_address"
ANSWER_FROM_ELSEWHERE: UpperTolerance = "answer_from_elsewhere"


@dataclass(frozen=True, slots=True)
class Upper:
    """One upper platform.

    ``id`` is its 20-digit code and ``domain`` its SIP domain (empty: the first ten digits); ``local_id`` is the code
    under which this node appears there (empty: the node's own) and ``username`` the digest user (empty: ``local_id``).
    ``source_addresses`` are the addresses its requests may come from besides ``host``. ``rule_id`` names the sharing
    rule; without one nothing is shown. ``ssrc_policy``: "own" lets this node choose the SSRC when the upper sent none
    or one it cannot use, "upper" always takes the upper's. ``media_transport``, seen from this node, is what we offer
    to an INVITE without a description of its own (None: UDP). ``tolerances`` are names of quirks allowed for it.
    ``zone`` is its network zone (None: that of its address).
    """

    id: str
    name: str = ""
    host: str = ""
    port: int = 5060
    transport: Literal["udp", "tcp"] = "udp"
    domain: str = ""
    local_id: str = ""
    username: str = ""
    password: Secret = field(default=Secret(""))
    register_expires_seconds: int = 86_400
    keepalive_seconds: int = 60
    charset: str | None = None
    edition: str | None = None
    rule_id: str | None = None
    source_addresses: tuple[str, ...] = ()
    ssrc_policy: SsrcPolicy = "upper"
    media_transport: MediaTransport | None = None
    tolerances: tuple[str, ...] = (MEDIA_TO_ANY_ADDRESS,)
    enabled: bool = True
    created_at: float = 0.0
    zone: str | None = None

    @property
    def realm(self) -> str:
        """Its SIP domain."""
        return self.domain or self.id[:10]


class Uppers(Repository[Upper]):
    """All upper platforms."""

    TABLE = schema.uppers
    RECORD = Upper
