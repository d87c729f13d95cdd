"""The login of a SOAP request, against the example of ONVIF and a digest made by hand."""

from __future__ import annotations

import base64

from lxml import etree

from gateway.onvif.username_token import UsernameToken, add_token


def test_the_digest_is_that_of_the_worked_example() -> None:
    """ONVIF Application Programmer's Guide 6.1.1.3: user, userpassword, 2010-09-16T07:50:45Z."""
    nonce = base64.b64decode("LKqI6G/AikKCQrN0zqZFlg==")
    token = UsernameToken("user", "userpassword", 1284623445.0, nonce)
    assert token.created == "2010-09-16T07:50:45.000Z"
    # The example's time has no fraction; over that text its digest is tuOSpGlFlIXsozq4HFNeeGeFLEI=.
    import hashlib

    example = hashlib.sha1(nonce + b"2010-09-16T07:50:45Z" + b"userpassword").digest()
    assert base64.b64encode(example) == b"tuOSpGlFlIXsozq4HFNeeGeFLEI="
    ours = hashlib.sha1(nonce + b"2010-09-16T07:50:45.000Z" + b"userpassword").digest()
    assert token.digest == base64.b64encode(ours).decode()


def test_it_stands_in_the_header_with_its_types_and_never_with_the_password() -> None:
    header = etree.Element("{http://www.w3.org/2003/05/soap-envelope}Header")
    add_token(header, UsernameToken("用户", "s3cret", 0.0, b"0123456789abcdef"))
    text = etree.tostring(header, encoding="unicode")
    assert "s3cret" not in text and "用户" in text and "1970-01-01T00:00:00.000Z" in text
    password = header.find(".//{*}Password")
    assert password is not None and str(password.get("Type")).endswith("#PasswordDigest")
    nonce = header.find(".//{*}Nonce")
    assert nonce is not None and base64.b64decode(nonce.text or "") == b"0123456789abcdef"
