"""Media addresses: which of ours a peer is told, and which of a peer's can be compared with packets."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

from gateway.errors import Failure, Reason
from gateway.relay.pool import WorkerSpec
from gateway.relay.processes import port_share
from gateway.zones import Zone
from media.worker.control import ConnectFailed, SendFailed
from sip.aio import Peer, SipStack


class NodeMediaAddresses:
    """The media addresses of a node: for each peer those of its network zone. `workers` counts the relay workers."""

    def __init__(self, zone_of: Callable[[Peer], Zone], stack: SipStack, workers: int = 1) -> None:
        self._zone_of = zone_of
        self._stack = stack
        self._workers = workers

    def bind_host(self, peer: Peer) -> str:
        """The address the media leg of `peer` binds to."""
        return self._zone_of(peer).media_host

    def advertised_host(self, peer: Peer) -> str:
        """The address written into SDP for `peer`."""
        return self._zone_of(peer).media_shown or self._stack.local_address(peer)[0]

    def ports(self, peer: Peer, worker: WorkerSpec) -> tuple[int, int] | None:
        """The media ports for `peer` at a worker: its share of the zone's; None: its own."""
        ports = self._zone_of(peer).ports
        return None if ports is None else port_share(*ports, self._workers, worker.number)


def stream_base(public_url: str, http_host: str, port: int, seen_host: str) -> str:
    """Base address of the streams of the stream worker at `port`, for a viewer who reached us at `seen_host`."""
    if public_url:
        return public_url.replace("{port}", str(port)).rstrip("/")
    host = usable_ip(http_host) or seen_host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def nat_words(said: str, seen: str) -> tuple[str, str]:
    """Why media may not get to a peer that names another address than its requests come from, and what to change, in
    English and Chinese; empty when it names the same."""
    if not usable_ip(said) or said == seen:
        return "", ""
    en = f"it names {said}, but its requests come from {seen}: behind a NAT nobody reaches it there"
    en_change = "forward its media ports and have it name the outer address, or have it connect to this node over TCP"
    zh = f"对方声明的地址是 {said}，而其信令来自 {seen}：若在 NAT 之后则无法到达该地址"
    zh_change = "请映射其媒体端口并在 SDP 中写外网地址，或改由对方通过 TCP 主动连接本节点"
    return f"{en}; {en_change}", f"{zh}；{zh_change}"


def connect_failure(event: ConnectFailed | SendFailed, seen: str, channel: str | None = None) -> Failure:
    """A peer whose requests come from `seen` could not be connected to, or sent to."""
    en, zh = nat_words(event.remote[0], seen)
    what = f"{event.remote[0]}:{event.remote[1]}: {event.error}"
    reason = Reason.CONNECT_FAILED if isinstance(event, ConnectFailed) else Reason.MEDIA_UNREACHABLE
    words = (f"{what}; {en}", f"{what}；{zh}") if en else (what, "")
    return Failure(reason, words[0], channel=channel, detail_zh=words[1])


def usable_ip(host: str | None) -> str | None:
    """An address of an SDP that can be compared with packets: not a name, not 0.0.0.0."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return None
    return None if address.is_unspecified else str(address)
