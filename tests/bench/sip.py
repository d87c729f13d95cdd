"""Reading SIP: a REGISTER with Digest and a MESSAGE with XML, against a bare split of the same bytes."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from xml.etree import ElementTree

from interop.wire import manscdp as wire_manscdp
from interop.wire import sipwire
from sip import Credentials, parse_message
from sip.manscdp import loads
from tests.bench.figure import Figure

LINES = [
    "Via: SIP/2.0/UDP 192.168.1.64:5060;rport;branch=z9hG4bK1371463273",
    "From: <sip:34020000001320000001@3402000000>;tag=2043466181",
    "To: <sip:34020000001320000001@3402000000>",
    "Call-ID: 1011047669",
    "Max-Forwards: 70",
    "User-Agent: Embedded Net DVR/NVR",
]
AUTHORIZATION = (
    'Authorization: Digest username="34020000001320000001", realm="3402000000", '
    'nonce="44010b73623249f6916a6acf7c316b8e", '
    'uri="sip:34020000002000000001@3402000000", response="e4ca3fdc5869fa1c544ea7af60014444", algorithm=MD5'
)
REGISTER = sipwire.build(
    "REGISTER sip:34020000002000000001@3402000000 SIP/2.0",
    [
        *LINES,
        "CSeq: 2 REGISTER",
        "Contact: <sip:34020000001320000001@192.168.1.64:5060>",
        "Expires: 3600",
        AUTHORIZATION,
    ],
)
_BODY = wire_manscdp.xml(
    "Response",
    "Catalog",
    17430,
    "34020000001180000001",
    wire_manscdp.device_list(
        [wire_manscdp.WireChannel(f"3402000000132000000{n}").item("34020000001180000001") for n in (1, 2)], 100
    ),
)
MESSAGE = sipwire.build(
    "MESSAGE sip:34020000002000000001@3402000000 SIP/2.0",
    [*LINES, "CSeq: 20 MESSAGE", "Content-Type: Application/MANSCDP+xml"],
    _BODY,
)


def read_register(data: bytes) -> str:
    """All a registrar looks at."""
    message = parse_message(data)
    assert message.expires == 3600
    assert message.from_.uri.user and message.to.uri.user and message.contact and message.top_via and message.cseq
    return Credentials.parse(message.headers.get("Authorization") or "").response


def read_message(data: bytes) -> int:
    """All a catalogue synchronisation looks at."""
    message = parse_message(data)
    assert message.content_type == "application/manscdp+xml"
    assert message.from_.uri.user and message.top_via and message.cseq
    return len(loads(message.body).message.items)  # type: ignore[union-attr]


def bare_register(data: bytes) -> str:
    """The least a program can do: split at lines, colons and commas."""
    cut = sipwire.split(data)
    return sipwire.digest_fields(cut.need("authorization"))["response"]


def bare_message(data: bytes) -> int:
    """The same with the standard library's XML reader."""
    text = sipwire.split(data).body.decode("gb18030").partition("?>")[2]
    return len(ElementTree.fromstring(text).findall(".//Item"))


def microseconds(work: Callable[[], object], seconds: float) -> float:
    """CPU time of one call, in the best batch."""
    best, batch = float("inf"), 200
    ends = time.process_time() + seconds
    while time.process_time() < ends:
        began = time.process_time()
        for _ in range(batch):
            work()
        best = min(best, (time.process_time() - began) / batch * 1e6)
    return best


async def run(*, quick: bool) -> list[Figure]:
    """Both messages both ways."""
    seconds = 0.5 if quick else 2.0
    figures = []
    for name, data, ours, bare in (
        ("REGISTER with Digest", REGISTER, read_register, bare_register),
        ("MESSAGE with 2 items", MESSAGE, read_message, bare_message),
    ):
        assert ours(data) == bare(data)
        value, floor = (microseconds(partial(work, data), seconds) for work in (ours, bare))
        figures.append(Figure("sip", f"read a {name}", value, "us", note=f"bare split {floor:.1f} us"))
        figures.append(Figure("sip", f"read a {name}, ratio to a bare split", value / floor, "x"))
    return figures
