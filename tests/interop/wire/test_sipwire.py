"""SIP text made and cut by hand, against the example messages of the specification."""

from __future__ import annotations

import pytest

from interop.wire import sipwire
from interop.wire.sipwire import Path, Split

NONCE = "b3f1c2d4e5a6978877665544332211ff"
URI = "sip:34020000002000000001@3402000000"
REGISTER = (
    b"REGISTER sip:34020000002000000001@3402000000 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 198.51.100.20:5060;rport;branch=z9hG4bKr1\r\n"
    b"f: <sip:34020000001180000001@3402000000>;tag=d1a7\r\n"
    b"To: <sip:34020000001180000001@3402000000>\r\n"
    b"Call-ID: 7f3a9c20@198.51.100.20\r\n"
    b"CSeq: 1 REGISTER\r\n"
    b"Subject: folded\r\n value\r\n"
    b"l: 2\r\n"
    b"\r\n"
    b"ab"
)
FIELDS = {
    "user": "34020000001180000001", "realm": "3402000000", "password": "12345678",
    "method": "REGISTER", "uri": URI, "nonce": NONCE,
}  # fmt: skip


def test_digest_of_the_worked_registration() -> None:
    assert sipwire.digest_response(**FIELDS) == "ac76b45e19a99dfa6a673d06efdbe2b6"
    with_qop = sipwire.digest_response(**FIELDS, qop="auth", nc="00000001", cnonce="0a4f113b")
    assert with_qop == "720785d4b558c60fdbb3dc4c438c50bb"


def test_digest_sha256_example_of_rfc7616() -> None:
    response = sipwire.digest_response(
        user="Mufasa", realm="http-auth@example.org", password="Circle of Life", method="GET", uri="/dir/index.html",
        nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", algorithm="SHA-256", qop="auth", nc="00000001",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )  # fmt: skip
    assert response == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"


@pytest.mark.parametrize("more", ["", ',qop="auth"', ',qop="auth,auth-int",opaque="xyz",algorithm=SHA-256'])
def test_an_answer_made_here_holds_here(more: str) -> None:
    value = sipwire.authorization(
        f'Digest realm="3402000000",nonce="{NONCE}"{more}', user="u", password="p", method="REGISTER", uri=URI
    )
    assert sipwire.credentials_hold(value, password="p", method="REGISTER", nonces={NONCE})
    assert not sipwire.credentials_hold(value, password="q", method="REGISTER", nonces={NONCE})
    assert not sipwire.credentials_hold(value, password="p", method="REGISTER", nonces=set())
    assert ("opaque" in value) == ("opaque" in more)


def test_the_worked_authorization_header_holds() -> None:
    value = (
        f'Digest username="34020000001180000001",realm="3402000000",nonce="{NONCE}",uri="{URI}",'
        'response="720785d4b558c60fdbb3dc4c438c50bb",algorithm=MD5,cnonce="0a4f113b",qop=auth,nc=00000001'
    )
    assert sipwire.credentials_hold(value, password="12345678", method="REGISTER", nonces={NONCE})


def test_splitting_resolves_compact_names_and_folds() -> None:
    cut = sipwire.split(b"\r\n\r\n" + REGISTER)
    assert (cut.method, cut.status, cut.body) == ("REGISTER", 0, b"ab")
    assert cut.need("Content-Length") == "2"
    assert cut.need("subject") == "folded value"
    assert sipwire.tag_of(cut.need("from")) == "d1a7"
    assert sipwire.tag_of(cut.need("to")) is None
    assert cut.get("contact") is None
    with pytest.raises(ValueError, match="no Contact"):
        cut.need("Contact")
    with pytest.raises(ValueError, match="without colon"):
        sipwire.split(b"REGISTER x SIP/2.0\r\nVia\r\n\r\n")


def test_a_stream_gives_messages_as_they_complete() -> None:
    buffer = bytearray(b"\r\n\r\n" + REGISTER + REGISTER[:-1])
    assert sipwire.take_stream(buffer) == [REGISTER]
    buffer += REGISTER[-1:] + b"SIP/2.0 200 OK\r\n\r\nrest"
    assert sipwire.take_stream(buffer) == [REGISTER, b"SIP/2.0 200 OK\r\n\r\n"]
    assert bytes(buffer) == b"rest"


def test_an_answer_copies_and_fills_the_top_via() -> None:
    request = sipwire.split(REGISTER.replace(b"To:", b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nTo:", 1))
    data = sipwire.answer_bytes(request, 404, source=Path("UDP", "203.0.113.9", 7000), to_tag="zz", lines=["X: 1"])
    cut = sipwire.split(data)
    assert cut.start == "SIP/2.0 404 Not Found"
    assert cut.all("via") == [
        "SIP/2.0/UDP 198.51.100.20:5060;rport=7000;received=203.0.113.9;branch=z9hG4bKr1",
        "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx",
    ]
    assert cut.need("to").endswith(">;tag=zz")
    assert (cut.need("cseq"), cut.method, cut.need("x")) == ("1 REGISTER", "REGISTER", "1")
    trying = sipwire.split(sipwire.answer_bytes(request, 100, source=Path("UDP", "203.0.113.9", 7000), to_tag="zz"))
    assert sipwire.tag_of(trying.need("to")) is None


def test_addresses_with_and_without_brackets() -> None:
    assert sipwire.uri_of('"x" <sip:a@b:5060;transport=tcp>;tag=1') == "sip:a@b:5060;transport=tcp"
    assert sipwire.uri_of("sip:a@b;tag=1") == "sip:a@b"
    assert sipwire.user_of("<sip:34020000001320000001@192.0.2.1>") == "34020000001320000001"


def test_bodies_in_either_charset_and_elements() -> None:
    text = '<SN>1</SN><Name>东门</Name><List Num="1">x</List>'
    assert sipwire.body_text(text.encode("gb18030")) == text
    assert Split(b"", "", [], text.encode()).text == text
    assert sipwire.element(text, "Name") == "东门"
    assert sipwire.element(text, "List") == "x"
    assert sipwire.element(text, "Nothing") is None


def test_a_refusal_names_its_status() -> None:
    refused = sipwire.WireRefused(sipwire.split(b"SIP/2.0 486 Busy Here\r\nCSeq: 1 INVITE\r\n\r\n"))
    assert refused.status == 486
    assert "486 Busy Here" in str(refused)


def test_built_messages_count_their_body_in_bytes() -> None:
    made = sipwire.build("MESSAGE sip:a@b SIP/2.0", ["CSeq: 1 MESSAGE"], "东".encode())
    assert made == "MESSAGE sip:a@b SIP/2.0\r\nCSeq: 1 MESSAGE\r\nContent-Length: 3\r\n\r\n东".encode()
    assert sipwire.fresh("a") != sipwire.fresh("a")
