"""MANSCDP bodies as text templates, and the SDP of live view (GB/T 28181-2022 Annex A, Annex G)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from interop.wire.lint import ITEM_ORDER


def xml(kind: str, command: str, sn: int | str, device: str, inner: str = "", *, declared: str = "GB2312",
        written: str | None = None) -> bytes:  # fmt: skip
    """A body with the envelope; `declared` is what the prolog says, `written` the charset really used."""
    text = (
        f'<?xml version="1.0" encoding="{declared}"?>\r\n<{kind}>\r\n<CmdType>{command}</CmdType>\r\n<SN>{sn}</SN>\r\n'
    )
    text += f"<DeviceID>{device}</DeviceID>\r\n{inner}</{kind}>\r\n"
    charset = written or declared
    return text.encode("gb18030" if charset.upper().startswith("GB") else charset)


@dataclass
class WireChannel:
    """One camera of a device: its code, its name, and any further Item elements (they override the usual ones)."""

    id: str
    name: str = "东门枪机"
    elements: dict[str, str] = field(default_factory=dict)

    def item(self, parent: str) -> str:
        """The Item element in the order of the standard; an element set to an empty text is left out."""
        usual = {
            "DeviceID": self.id, "Name": self.name, "Manufacturer": "WireCo", "Model": "IPC-W", "Owner": "Owner",
            "CivilCode": self.id[:6], "Address": "1号岗亭", "Parental": "0", "ParentID": parent, "SafetyWay": "0",
            "RegisterWay": "1", "Secrecy": "0", "IPAddress": "192.168.1.64", "Port": "8000", "Password": "secret",
            "Status": "ON", "Longitude": "118.376451", "Latitude": "31.326319", "Info": "<PTZType>1</PTZType>",
        }  # fmt: skip
        full = usual | self.elements
        return "<Item>" + "".join(f"<{n}>{full[n]}</{n}>" for n in ITEM_ORDER if full.get(n)) + "</Item>"


def device_list(items: Iterable[str], total: int) -> str:
    """SumNum and DeviceList; an empty answer has no list."""
    rows = list(items)
    listing = f'<DeviceList Num="{len(rows)}">\r\n' + "\r\n".join(rows) + "\r\n</DeviceList>\r\n" if rows else ""
    return f"<SumNum>{total}</SumNum>\r\n{listing}"


def items_of(text: str) -> list[dict[str, str]]:
    """Every Item as element -> text; nested elements are taken flat, the first of a name wins."""
    out = []
    for inner in re.findall(r"<Item>(.*?)</Item>", text, re.S):
        row: dict[str, str] = {}
        for name, value in re.findall(r"<(\w+)>([^<]*)</\1>", inner):
            row.setdefault(name, value)
        out.append(row)
    return out


def sdp(owner: str, host: str, port: int, *, tcp: bool = False, setup: str = "", send: bool = False,
        y: str | None = None, session: str = "Play", payload_type: int = 96) -> bytes:  # fmt: skip
    """The SDP of a live offer or answer with PS as its one payload."""
    rows = ["v=0", f"o={owner} 0 0 IN IP4 {host}", f"s={session}", f"c=IN IP4 {host}", "t=0 0"]
    rows += [
        f"m=video {port} {'TCP/RTP/AVP' if tcp else 'RTP/AVP'} {payload_type}",
        f"a={'send' if send else 'recv'}only",
    ]
    rows += [f"a=rtpmap:{payload_type} PS/90000"]
    rows += [f"a=setup:{setup}", "a=connection:new"] if setup else []
    rows += [f"y={y}"] if y is not None else []
    return "".join(row + "\r\n" for row in rows).encode()


@dataclass(frozen=True, slots=True)
class SdpFacts:
    """What a media leg needs of an SDP body."""

    host: str
    port: int
    tcp: bool
    setup: str | None
    y: str | None


def sdp_facts(body: bytes) -> SdpFacts:
    """Read c=, m=, a=setup and y= by search."""
    text = body.decode("utf-8", "replace")
    media = re.search(r"(?m)^m=\w+ (\d+) (\S+)", text)
    host = re.search(r"(?m)^c=IN IP4 (\S+)", text)
    if not media or not host:
        raise ValueError(f"SDP without m= or c=: {text!r}")
    setup, y = re.search(r"(?m)^a=setup:(\w+)", text), re.search(r"(?m)^y=(\d+)", text)
    return SdpFacts(host[1], int(media[1]), "TCP" in media[2], setup and setup[1], y and y[1])
