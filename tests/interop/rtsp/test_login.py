"""Who is let in: proofs computed here from the formula of RFC 2617 3.2.2."""

from __future__ import annotations

import hashlib

import pytest

from interop.rtsp.login import Login
from interop.rtsp.settings import Auth

URL = "rtsp://127.0.0.1:8554/live"


def _digest(password: str, algorithm: str = "md5", *, user: str = "admin", uri: str = URL, nonce: str = "n0") -> str:
    def hashed(text: str) -> str:
        return hashlib.new(algorithm, text.encode()).hexdigest()

    proof = hashed(f"{hashed(f'{user}:gbsim:{password}')}:{nonce}:{hashed(f'DESCRIBE:{uri}')}")
    return f'Digest username="{user}", realm="gbsim", nonce="{nonce}", uri="{uri}", response="{proof}"'


def test_without_a_user_everybody_is_let_in() -> None:
    login = Login("digest", "", "", "n0")
    assert not login.asks
    assert login.accepts("DESCRIBE", URL, "")


def test_basic_is_base64_of_user_and_password() -> None:
    login = Login("basic", "Aladdin", "open sesame", "n0")
    assert login.asks and login.challenge() == 'Basic realm="gbsim"'
    assert login.accepts("DESCRIBE", URL, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    for wrong in ("", "Basic", "Basic !!", "Basic QWxhZGRpbjpvcGVu", "Digest QWxhZGRpbjpvcGVuIHNlc2FtZQ=="):
        assert not login.accepts("DESCRIBE", URL, wrong)


def test_digest_is_the_proof_of_rfc_2617() -> None:
    login = Login("digest", "admin", "12345", "n0")
    assert login.challenge() == 'Digest realm="gbsim", nonce="n0"'
    assert login.accepts("DESCRIBE", URL, _digest("12345"))
    assert not login.accepts("SETUP", URL, _digest("12345"))
    assert not login.accepts("DESCRIBE", URL, "Basic YWRtaW46MTIzNDU=")


@pytest.mark.parametrize("changed", [{"user": "root"}, {"uri": URL + "2"}, {"nonce": "n1"}])
def test_a_digest_for_something_else_is_refused(changed: dict[str, str]) -> None:
    login = Login("digest", "admin", "12345", "n0")
    assert not login.accepts("DESCRIBE", URL, _digest("12345", **changed))
    assert not login.accepts("DESCRIBE", URL, _digest("54321"))


@pytest.mark.parametrize(("auth", "algorithm"), [("digest", "md5"), ("digest-sha256", "sha256")])
def test_each_algorithm_has_its_own_hash(auth: Auth, algorithm: str) -> None:
    login = Login(auth, "admin", "12345", "n0")
    assert ("SHA-256" in login.challenge()) is (algorithm == "sha256")
    for one in ("md5", "sha256"):
        assert login.accepts("DESCRIBE", URL, _digest("12345", one)) is (one == algorithm)


def test_quotes_in_a_user_are_escaped() -> None:
    login = Login("digest", 'a"b', "12345", "n0")
    said = _digest("12345", user='a"b').replace('username="a"b"', 'username="a\\"b"')
    assert login.accepts("DESCRIBE", URL, said)
