"""The Transport header: how a track of a session travels (RFC 2326 12.39). No I/O."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Transport:
    """Over the connection on `channel` and the one above, or in datagrams to `port` and `rtcp_port`."""

    tcp: bool
    channel: int = 0
    port: int = 0
    rtcp_port: int = 0

    def collides(self, other: Transport) -> bool:
        """Whether both would use a channel of the connection."""
        return self.tcp and other.tcp and abs(self.channel - other.channel) < 2

    def granted(self, server_ports: tuple[int, int], ssrc: int) -> str:
        """The header of the answer."""
        if self.tcp:
            return f"RTP/AVP/TCP;unicast;interleaved={self.channel}-{self.channel + 1};ssrc={ssrc:08X}"
        ports = f"client_port={self.port}-{self.rtcp_port};server_port={server_ports[0]}-{server_ports[1]}"
        return f"RTP/AVP;unicast;{ports};ssrc={ssrc:08X}"


def choose(header: str, carried: Collection[str], *, default_channel: int) -> Transport | None:
    """The first alternative of a client's header that is carried ("TCP", "UDP"), or None.

    Datagrams go to the client's own address: `destination` is not looked at, so that nobody is sent what he did not
    ask for.
    """
    for alternative in header.split(","):
        profile, *parameters = (word.strip() for word in alternative.split(";"))
        values = {name.lower(): value for name, _, value in (word.partition("=") for word in parameters)}
        if "multicast" in values or values.get("mode", "PLAY").strip('"').upper() != "PLAY":
            continue
        if profile.upper() == "RTP/AVP/TCP" and "TCP" in carried:
            pair = _pair(values.get("interleaved", f"{default_channel}-{default_channel + 1}"), 0, 255)
            if pair is not None and pair[1] == pair[0] + 1:
                return Transport(True, channel=pair[0])
        elif profile.upper() in ("RTP/AVP", "RTP/AVP/UDP") and "UDP" in carried:
            pair = _pair(values.get("client_port", ""), 1, 65_535)
            if pair is not None:
                return Transport(False, port=pair[0], rtcp_port=pair[1])
    return None


def _pair(text: str, lowest: int, highest: int) -> tuple[int, int] | None:
    """Two numbers; the second is one above the first where it is left out."""
    first, dash, second = text.partition("-")
    if not all(number.isascii() and number.isdigit() and len(number) < 6 for number in (first, second or "0")):
        return None
    low = int(first)
    high = int(second) if dash and second else low + 1
    return (low, high) if lowest <= low <= highest and lowest <= high <= highest else None
