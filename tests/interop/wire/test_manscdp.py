"""Bodies by hand: envelope, charset and its lies, items, SDP."""

from __future__ import annotations

import pytest

from interop.wire import manscdp
from interop.wire.lint import manscdp_faults, sdp_faults
from interop.wire.manscdp import SdpFacts, WireChannel

LIVE_OFFER = (
    b"v=0\r\no=34020000002000000001 0 0 IN IP4 192.0.2.20\r\ns=Play\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\n"
    b"m=video 30000 RTP/AVP 96\r\na=recvonly\r\na=rtpmap:96 PS/90000\r\ny=0200000001\r\n"
)


def test_the_worked_live_offer_and_answer() -> None:
    made = manscdp.sdp("34020000002000000001", "192.0.2.20", 30000, y="0200000001")
    assert made == LIVE_OFFER
    assert len(made) == 161
    answer = manscdp.sdp("34020000001320000001", "198.51.100.20", 15060, send=True, y="0200000001")
    assert len(answer) == 167
    assert sdp_faults(made) == []


def test_the_worked_tcp_offer() -> None:
    made = manscdp.sdp("34020000002000000001", "192.0.2.20", 30002, tcp=True, setup="passive", y="0200000002")
    assert made.endswith(
        b"m=video 30002 TCP/RTP/AVP 96\r\na=recvonly\r\na=rtpmap:96 PS/90000\r\na=setup:passive\r\na=connection:new\r\n"
        b"y=0200000002\r\n"
    )
    assert manscdp.sdp_facts(made) == SdpFacts("192.0.2.20", 30002, True, "passive", "0200000002")
    assert manscdp.sdp_facts(LIVE_OFFER) == SdpFacts("192.0.2.20", 30000, False, None, "0200000001")
    with pytest.raises(ValueError, match="without m= or c="):
        manscdp.sdp_facts(b"v=0\r\n")


def test_bodies_are_written_in_the_declared_charset_or_lie() -> None:
    body = manscdp.xml("Notify", "Keepalive", 43, "34020000001180000001", "<Status>东</Status>\r\n")
    assert body == (
        b'<?xml version="1.0" encoding="GB2312"?>\r\n<Notify>\r\n<CmdType>Keepalive</CmdType>\r\n<SN>43</SN>\r\n'
        b"<DeviceID>34020000001180000001</DeviceID>\r\n<Status>\xb6\xab</Status>\r\n</Notify>\r\n"
    )
    assert b"\xe4\xb8\x9c" in manscdp.xml("Notify", "Keepalive", 43, "1", "东", written="UTF-8")


def test_items_have_the_order_of_the_standard_and_may_lose_elements() -> None:
    item = WireChannel("34020000001320000001", "东门", {"Event": "ADD", "ParentID": "", "Owner": "我"}).item("p")
    body = manscdp.xml("Response", "Catalog", 1, "1", manscdp.device_list([item], 1))
    assert manscdp_faults(body) == []
    row = manscdp.items_of(body.decode("gb18030"))[0]
    assert list(row)[:6] == ["DeviceID", "Event", "Name", "Manufacturer", "Model", "Owner"]
    assert row["Owner"] == "我"
    assert row["PTZType"] == "1"
    assert "ParentID" not in row


def test_an_empty_answer_has_no_list() -> None:
    assert manscdp.device_list([], 0) == "<SumNum>0</SumNum>\r\n"
