"""The strict reader: silent on the example messages of the specification, a sentence for each rule broken."""

from __future__ import annotations

import pytest

from interop.wire.lint import manscdp_faults, message_faults, sdp_faults

KEEPALIVE = (
    "MESSAGE sip:34020000002000000001@3402000000 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 198.51.100.20:5060;rport;branch=z9hG4bKk1\r\n"
    "From: <sip:34020000001180000001@3402000000>;tag=k1\r\n"
    "To: <sip:34020000002000000001@3402000000>\r\n"
    "Call-ID: ka-0043@198.51.100.20\r\n"
    "CSeq: 20 MESSAGE\r\n"
    "Max-Forwards: 70\r\n"
    "Content-Type: Application/MANSCDP+xml\r\n"
    "Content-Length: 218\r\n"
    "\r\n"
    '<?xml version="1.0" encoding="GB18030"?>\r\n'
    "<Notify><CmdType>Keepalive</CmdType><SN>43</SN>\r\n"
    "<DeviceID>34020000001180000001</DeviceID><Status>OK</Status>\r\n"
    "<Info><DeviceID>34020000001320000002</DeviceID></Info></Notify>\r\n"
)
REGISTERED = (
    "SIP/2.0 200 OK\r\n"
    "Via: SIP/2.0/UDP 198.51.100.20:5060;rport=5060;received=198.51.100.20;branch=z9hG4bKr2\r\n"
    "From: <sip:34020000001180000001@3402000000>;tag=d1a7\r\n"
    "To: <sip:34020000001180000001@3402000000>;tag=s9k2\r\n"
    "Call-ID: 7f3a9c20@198.51.100.20\r\n"
    "CSeq: 2 REGISTER\r\n"
    "Contact: <sip:34020000001180000001@198.51.100.20:5060>\r\n"
    "Expires: 3600\r\n"
    "Date: 2024-05-06T14:03:12.345\r\n"
    "Content-Length: 0\r\n"
    "\r\n"
)
NOTHING = "Content-Length: 0\r\n"


def test_the_example_messages_are_without_fault() -> None:
    assert message_faults(KEEPALIVE.encode()) == []
    assert message_faults(REGISTERED.encode()) == []
    assert message_faults(REGISTERED.replace("200 OK", "100 Trying").replace(";tag=s9k2", "").encode()) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("218", "217", "Content-Length"),
        ("\r\n\r\n", "\r\n", "no blank line"),
        ("CSeq: 20 MESSAGE\r\n", "", "CSeq occurs 0 times"),
        ("CSeq: 20 MESSAGE\r\n", "CSeq: 20 MESSAGE\r\nCSeq: 21 MESSAGE\r\n", "CSeq occurs 2 times"),
        ("20 MESSAGE", "20 Message", "CSeq"),
        ("20 MESSAGE", "20 NOTIFY", "request line against CSeq"),
        ("MESSAGE sip:", "MESSAGE tel:", "request line"),
        (";rport", "", "Via"),
        ("z9hG4bKk1", "k1", "Via"),
        ("/UDP", "/TCP", "Via"),
        (";tag=k1", "", "From without tag"),
        ("Max-Forwards: 70\r\n", "", "no Max-Forwards"),
    ],
)
def test_requests(old: str, new: str, fault: str) -> None:
    assert any(fault in one for one in message_faults(KEEPALIVE.replace(old, new, 1).encode()))


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        ("REGISTER", "no Contact"),
        ("REGISTER", "no Expires"),
        ("SUBSCRIBE", "no Expires"),
        ("INVITE", "no Subject"),
        ("NOTIFY", "no Subscription-State"),
    ],
)
def test_headers_a_method_needs(method: str, fault: str) -> None:
    assert any(fault in one for one in message_faults(KEEPALIVE.replace("MESSAGE", method).encode()))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (";tag=s9k2", "", "To without tag"),
        ("rport=5060", "rport", "top Via not filled"),
        (";received=198.51.100.20", "", "top Via not filled"),
        ("Expires: 3600\r\n", "", "no Expires"),
        ("Contact: <sip:34020000001180000001@198.51.100.20:5060>\r\n", "", "no Contact"),
        ("2024-05-06T14:03:12.345", "Mon, 06 May 2024 06:03:12 GMT", "Date"),
        ("200 OK", "401 Unauthorized", "no WWW-Authenticate"),
    ],
)
def test_answers(old: str, new: str, fault: str) -> None:
    assert any(fault in one for one in message_faults(REGISTERED.replace(old, new, 1).encode()))


def test_an_invite_answer_needs_a_contact() -> None:
    text = REGISTERED.replace("REGISTER", "INVITE").replace("Contact:", "X-Contact:")
    assert any("no Contact in 200 to INVITE" in one for one in message_faults(text.encode()))


def test_sdp_order_line_ends_and_y() -> None:
    good = b"v=0\r\no=1 0 0 IN IP4 192.0.2.1\r\ns=Play\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=video 9 RTP/AVP 96\r\n"
    good += b"a=recvonly\r\ny=0200000001\r\n"
    assert sdp_faults(good) == []
    assert "line order" in sdp_faults(good.replace(b"a=recvonly\r\n", b"") + b"a=recvonly\r\n")[0]
    assert "no CRLF" in sdp_faults(good[:-2])[0]
    assert "y=200000001" in sdp_faults(good.replace(b"y=0", b"y="))[0]
    whole = KEEPALIVE.replace("Application/MANSCDP+xml", "application/sdp").partition("\r\n\r\n")[0].replace("218", "6")
    assert any("SDP" in one for one in message_faults(whole.encode() + b"\r\n\r\nx=1\r\ny"))


CATALOG = (
    '<?xml version="1.0" encoding="GB18030"?>\r\n<Response><CmdType>Catalog</CmdType><SN>1</SN><DeviceID>1</DeviceID>'
    '<SumNum>1</SumNum><DeviceList Num="1"><Item><DeviceID>2</DeviceID><Name>东</Name></Item></DeviceList></Response>'
)


@pytest.mark.parametrize(
    ("old", "new", "charset", "fault"),
    [
        ("东", "东", "utf-8", "but is UTF-8"),
        ("GB18030", "UTF-8", "gb18030", "does not decode"),
        ("GB18030", "KLINGON", "utf-8", "does not decode"),
        ("</Response>", "", "gb18030", "MANSCDP"),
        ("Response>", "Answer>", "gb18030", "begins with"),
        ("<SN>1</SN>", "", "gb18030", "begins with"),
        ('Num="1"', 'Num="2"', "gb18030", "Num 2 for 1"),
        ("<DeviceID>2</DeviceID><Name>东</Name>", "<Name>东</Name><DeviceID>2</DeviceID>", "gb18030", "out of order"),
    ],
)
def test_manscdp_rules(old: str, new: str, charset: str, fault: str) -> None:
    assert manscdp_faults(CATALOG.encode("gb18030")) == []
    assert any(fault in one for one in manscdp_faults(CATALOG.replace(old, new).encode(charset)))
