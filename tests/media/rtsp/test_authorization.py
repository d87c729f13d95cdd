"""Answers to challenges, against the examples of RFC 2617 and RFC 7616."""

from __future__ import annotations

import pytest

from media.rtsp.authorization import Challenge, authorization, parse_challenge, strongest

OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"


def test_basic_is_user_and_password_in_base64() -> None:
    # RFC 2617 2.
    challenge = parse_challenge('Basic realm="WallyWorld"')
    assert challenge == Challenge("Basic", "WallyWorld")
    header = authorization(challenge, "Aladdin", "open sesame", "DESCRIBE", "rtsp://x/", cnonce="")
    assert header == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


def test_digest_with_quality_of_protection() -> None:
    # RFC 2617 3.5.
    challenge = parse_challenge(
        'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    assert challenge is not None
    header = authorization(challenge, "Mufasa", "Circle Of Life", "GET", "/dir/index.html", cnonce="0a4f113b")
    assert 'response="6629fae49393a05397450978507c4ef1"' in header
    assert 'opaque="5ccc069c403ebaf9f0171e9517f40e41"' in header and "qop=auth, nc=00000001" in header
    assert 'cnonce="0a4f113b"' in header and "algorithm" not in header


def test_digest_with_sha_256() -> None:
    # RFC 7616 3.9.1.
    challenge = parse_challenge(
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="{NONCE}", '
        f'opaque="{OPAQUE}"'
    )
    assert challenge is not None
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    header = authorization(challenge, "Mufasa", "Circle of Life", "GET", "/dir/index.html", cnonce=cnonce)
    assert 'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"' in header
    assert header.endswith("algorithm=SHA-256")


def test_digest_as_most_cameras_ask_for_it() -> None:
    challenge = parse_challenge('Digest realm="IP Camera(12345)", nonce="abc", stale="FALSE"')
    assert challenge == Challenge("Digest", "IP Camera(12345)", "abc", None, "MD5", None)
    header = authorization(challenge, 'ad"min', "12345", "DESCRIBE", "rtsp://192.0.2.1/", cnonce="n")
    # md5(md5('ad"min:IP Camera(12345):12345'):abc:md5(DESCRIBE:rtsp://192.0.2.1/))
    assert header == (
        'Digest username="ad\\"min", realm="IP Camera(12345)", nonce="abc", uri="rtsp://192.0.2.1/", '
        'response="76f1533a28961ee8fd85fd4010fee405"'
    )


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Negotiate abc",
        'Digest realm="x"',
        'Digest nonce="x", algorithm=MD5-sess',
        'Digest nonce="x", qop="auth-int"',
    ],
)
def test_what_we_cannot_answer_is_no_challenge(header: str) -> None:
    assert parse_challenge(header) is None


def test_the_strongest_challenge_is_answered() -> None:
    basic, md5, sha = 'Basic realm="a"', 'Digest realm="a", nonce="1"', 'Digest realm="a", nonce="2", algorithm=SHA-256'
    found = strongest([basic, sha, md5, "Bearer"])
    assert found is not None and found.nonce == "2"
    found = strongest([basic, md5])
    assert found is not None and found.scheme == "Digest"
    assert strongest(["Bearer"]) is None
