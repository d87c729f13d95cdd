"""HTTP authentication of a camera."""

from __future__ import annotations

import base64
import re
from typing import Any, Literal

import pytest

from interop.onvif.http_login import KEPT_NONCES, HttpLogin


def _basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def _given(login: HttpLogin, offered: str, **changed: str) -> str:
    nonce, count, cnonce = changed.get("nonce", offered), changed.get("nc", "00000001"), "0a4f113b"
    fields = {
        "username": "Mufasa", "realm": "http-auth@example.org", "uri": "/dir/index.html", "nonce": nonce, "nc": count,
        "cnonce": cnonce, "qop": "auth", "response": login.response(nonce, count, cnonce, "GET", "/dir/index.html"),
        **changed,
    }  # fmt: skip
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in fields.items())


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_response_is_that_of_rfc_7616_3_9_1(algorithm: Literal["MD5", "SHA-256"], response: str) -> None:
    login = HttpLogin("http-auth@example.org", "Mufasa", "Circle of Life", algorithm)
    nonce, cnonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    assert login.response(nonce, "00000001", cnonce, "GET", "/dir/index.html") == response


@pytest.fixture
def login() -> HttpLogin:
    return HttpLogin("http-auth@example.org", "Mufasa", "Circle of Life")


def _nonce(login: HttpLogin) -> str:
    found = re.fullmatch(
        r'Digest realm="http-auth@example.org", qop="auth", nonce="([0-9a-f]{32})", algorithm=MD5',
        login.challenge("digest"),
    )
    assert found is not None
    return found[1]


def _accepts(login: HttpLogin, given: str) -> bool:
    return login.accepts("digest", given, "GET", "/dir/index.html")


def test_a_right_answer_counts_once_and_the_next_count_again(login: HttpLogin) -> None:
    nonce = _nonce(login)
    given = _given(login, nonce)
    assert _accepts(login, given)
    assert not _accepts(login, given)
    assert _accepts(login, _given(login, nonce, nc="00000002"))


@pytest.mark.parametrize(
    "changed",
    [
        {"username": "Scar"},
        {"uri": "/other"},
        {"qop": "auth-int"},
        {"response": "0" * 32},
        {"nc": "one"},
        {"nonce": "x"},
    ],
    ids=str,
)
def test_a_wrong_answer_is_refused(login: HttpLogin, changed: dict[str, Any]) -> None:
    assert not _accepts(login, _given(login, _nonce(login), **changed))


@pytest.mark.parametrize("given", ["", "Digest", "Digest ,,,", "Bearer x", 'Digest username="'])
def test_what_is_no_answer_is_refused(login: HttpLogin, given: str) -> None:
    assert not _accepts(login, given)


def test_old_nonces_give_way(login: HttpLogin) -> None:
    first = _nonce(login)
    for _ in range(KEPT_NONCES):
        _nonce(login)
    assert not _accepts(login, _given(login, first))


def test_basic_is_name_and_password(login: HttpLogin) -> None:
    assert login.challenge("basic") == 'Basic realm="http-auth@example.org"'
    assert login.accepts("basic", _basic("Mufasa:Circle of Life"), "GET", "/")
    for wrong in (_basic("Mufasa:no"), "Basic *", "", _given(login, _nonce(login))):
        assert not login.accepts("basic", wrong, "GET", "/")
