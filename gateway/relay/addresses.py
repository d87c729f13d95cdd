"""Media addresses: which of ours a peer is told, and which of a peer's can be compared with packets."""

from __future__ import annotations

from ipaddress import ip_address

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


def stream_base(config: MediaConfig, port: int, seen_host: str) -> str:
    """Base address of the streams of the stream worker at `port`, for a viewer who reached us at `seen_host`."""
    if config.public_url:
        return config.public_url.replace("{port}", str(port)).rstrip("/")
    host = usable_ip(config.http_host) or seen_host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def usable_ip(host: str | None) -> str | None:
    """An address of an SDP that can be compared with packets: not a name, not 0.0.0.0."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return None
    return None if address.is_unspecified else str(address)
