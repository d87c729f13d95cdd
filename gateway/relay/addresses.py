"""Which media address a peer is told (configured, or the local address of the route to it)."""

from __future__ import annotations

from gateway.config import MediaConfig
from sip.aio import Peer, SipStack


class NodeMediaAddresses:
    """The media addresses of a node with one network zone."""

    def __init__(self, config: MediaConfig, stack: SipStack) -> None:
        self._config = config
        self._stack = stack

    def bind_host(self) -> str:
        return self._config.host

    def advertised_host(self, peer: Peer) -> str:
        """The address written into SDP for `peer`."""
        if self._config.advertised_host:
            return self._config.advertised_host
        if self._config.host not in ("0.0.0.0", "::"):
            return self._config.host
        return self._stack.local_address(peer)[0]
