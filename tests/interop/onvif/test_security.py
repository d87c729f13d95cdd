"""WS-Security UsernameToken."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from interop.onvif.clock import CameraClock
from interop.onvif.envelope import parse
from interop.onvif.faults import OnvifFault
from interop.onvif.security import KEPT_NONCES, UsernameTokens, password_digest
from tests.interop.onvif.conftest import SETTINGS, Hands, enveloped, security

NOW = datetime(2025, 3, 1, tzinfo=UTC)


def _tokens(hands: Hands, offset_s: float = 0.0, strict: bool = False) -> UsernameTokens:
    clock = CameraClock(lambda: hands.now, lambda: hands.wall, offset_s)
    return UsernameTokens(replace(SETTINGS, strict_clock=strict), clock)


def _check(tokens: UsernameTokens, header: str) -> None:
    tokens.check(parse(enveloped("<tds:GetScopes/>", header)).header)


def test_the_digest_is_that_openssl_computes() -> None:
    nonce = bytes.fromhex("2ca98d4a8a4b4d9ca9d6cb3a2a3c1f8e")
    # (xxd -r -p <<< $nonce; echo -n ${created}userpassword) | openssl sha1 -binary | base64
    assert password_digest(nonce, "2010-09-16T07:50:45Z", "userpassword") == "Wg4dHIEMIB9z+SKgC2iLPI/DNf8="


def test_the_right_password_is_accepted(hands: Hands) -> None:
    _check(_tokens(hands), security("admin", "pw-0815", NOW))


@pytest.mark.parametrize(
    "header",
    [
        "",
        security("admin", "wrong", NOW),
        security("root", "pw-0815", NOW),
        security("admin", "pw-0815", NOW, kind="Text"),
        security("admin", "pw-0815", NOW).replace("<wsse:Nonce>", "<wsse:Nonce>*"),
        security("admin", "pw-0815", NOW).replace("2025-03-01", "2025-13-01"),
        security("admin", "pw-0815", NOW).replace("wsse:Password", "wsse:Passwort"),
    ],
    ids=["none", "password", "user", "text", "nonce", "created", "no password"],
)
def test_everything_else_is_refused(hands: Hands, header: str) -> None:
    with pytest.raises(OnvifFault) as refused:
        _check(_tokens(hands), header)
    assert refused.value.subcodes == ("ter:NotAuthorized",)


def test_a_nonce_counts_once(hands: Hands) -> None:
    tokens = _tokens(hands)
    header = security("admin", "pw-0815", NOW, nonce=b"same")
    _check(tokens, header)
    with pytest.raises(OnvifFault):
        _check(tokens, header)
    _check(tokens, security("admin", "pw-0815", NOW + timedelta(seconds=1), nonce=b"same"))


def test_nonces_are_not_kept_for_ever(hands: Hands) -> None:
    tokens = _tokens(hands)
    for number in range(KEPT_NONCES + 1):
        _check(tokens, security("admin", "pw-0815", NOW, nonce=f"n{number}".encode()))
    _check(tokens, security("admin", "pw-0815", NOW, nonce=b"n0"))


def test_a_strict_camera_wants_its_own_time(hands: Hands) -> None:
    tokens = _tokens(hands, offset_s=-730 * 86400.0, strict=True)
    with pytest.raises(OnvifFault):
        _check(tokens, security("admin", "pw-0815", NOW))
    two_years_ago = NOW - timedelta(days=730)
    _check(tokens, security("admin", "pw-0815", two_years_ago + timedelta(seconds=5)))
    with pytest.raises(OnvifFault):
        _check(tokens, security("admin", "pw-0815", two_years_ago - timedelta(seconds=6)))
