"""What the API works with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.compliance.grant import Grants
from gateway.compliance.ledger import Ledger
from gateway.config import Config
from gateway.signalling.reachability import MediaWay
from gateway.store.stores import Stores
from gateway.telemetry.metrics import Metrics
from gateway.web.auth import Auth
from gateway.web.setup_code import SetupCode


@dataclass(slots=True)
class WebContext:
    """The services behind the API.

    ``upper_state`` tells the state of our registration at an upper platform by its id; ``source_state`` what is known
    of an RTSP camera by its id, None when it is none; ``device_state`` that of another lower peer, and ``media_way``
    how it is asked for its media; ``checks`` are named health checks, each None when well, else what is wrong.
    """

    config: Config
    stores: Stores
    ledger: Ledger
    grants: Grants
    metrics: Metrics
    auth: Auth
    setup: SetupCode
    clock: Callable[[], float] = time.time
    upper_state: Callable[[str], Mapping[str, Any]] = lambda _upper_id: {}
    source_state: Callable[[str], Mapping[str, Any] | None] = lambda _peer_id: None
    device_state: Callable[[str], Mapping[str, Any]] = lambda _device_id: {}
    media_way: Callable[[str], MediaWay | None] = lambda _device_id: None
    checks: dict[str, Callable[[], str | None]] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        config: Config,
        stores: Stores,
        ledger: Ledger,
        grants: Grants,
        metrics: Metrics,
        *,
        announce: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> WebContext:
        """The context with authentication and set-up made; ``announce`` shows the one-time set-up code to a person."""
        auth = Auth(stores.users, stores.tokens, ledger, config.http, metrics, clock=clock)
        setup = SetupCode(stores.users, announce)
        return cls(config, stores, ledger, grants, metrics, auth, setup, clock)
