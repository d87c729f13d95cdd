"""Digest authentication against golden values and the odd credentials devices send."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.digest import Challenge, Credentials, answer, first_usable, ha1, is_supported, verify
from sip.errors import LocalError, ParseError
from sip.tolerance import STRICT

USER, REALM, PASSWORD = "34020000001180000001", "3402000000", "12345678"
NONCE = "b3f1c2d4e5a6978877665544332211ff"
URI = "sip:34020000002000000001@3402000000"
SECRET = "267d3310dd883612bd0c4e9fb9be4f0d"
WITH_QOP = "720785d4b558c60fdbb3dc4c438c50bb"
WITHOUT_QOP = "ac76b45e19a99dfa6a673d06efdbe2b6"
GOLDEN = (
    f'Digest username="{USER}",realm="{REALM}",nonce="{NONCE}",uri="{URI}",response="{WITH_QOP}",'
    'algorithm=MD5,cnonce="0a4f113b",qop=auth,nc=00000001'
)


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def test_the_stored_secret_is_the_golden_one() -> None:
    assert ha1(USER, REALM, PASSWORD) == SECRET


def test_a_challenge_is_answered_with_the_golden_response() -> None:
    challenge = Challenge(REALM, NONCE, qop=("auth",))
    credentials = answer(challenge, username=USER, password=PASSWORD, method="REGISTER", uri=URI, cnonce="0a4f113b")
    assert credentials.response == WITH_QOP
    assert str(credentials) == GOLDEN


def test_a_challenge_of_2016_without_qop_is_answered_with_the_golden_response() -> None:
    credentials = answer(
        Challenge(REALM, NONCE), username=USER, password=PASSWORD, method="REGISTER", uri=URI, cnonce="x"
    )
    assert credentials.response == WITHOUT_QOP
    assert (credentials.qop, credentials.nc, credentials.cnonce) == (None, None, None)


def test_golden_credentials_are_verified_and_any_change_is_not() -> None:
    credentials = Credentials.parse(GOLDEN)
    assert str(credentials) == GOLDEN
    assert verify(credentials, ha1=SECRET, method="REGISTER")
    assert verify(credentials, ha1=SECRET, method="REGISTER", tolerance=STRICT)
    assert not verify(credentials, ha1=SECRET, method="INVITE")
    assert not verify(credentials, ha1=md5("x"), method="REGISTER")
    assert not verify(Credentials.parse(GOLDEN.replace("nc=00000001", "nc=1")), ha1=SECRET, method="REGISTER")
    assert not verify(Credentials.parse(GOLDEN.replace(WITH_QOP, "东")), ha1=SECRET, method="REGISTER")


def test_the_rfc_7616_examples_come_out() -> None:
    for algorithm, response in (
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ):
        challenge = Challenge(
            "http-auth@example.org",
            "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            algorithm,
            ("auth", "auth-int"),
            "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
        )
        credentials = answer(
            challenge,
            username="Mufasa",
            password="Circle of Life",
            method="GET",
            uri="/dir/index.html",
            cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        )
        assert (credentials.qop, credentials.response) == ("auth", response)
        assert credentials.opaque == challenge.opaque
        secret = ha1("Mufasa", challenge.realm, "Circle of Life", algorithm)
        assert verify(Credentials.parse(str(credentials)), ha1=secret, method="GET")


@pytest.mark.parametrize("algorithm", ["MD5", "md5", "MD5-sess", "SHA-256", "sha-256-sess", "SM3"])
@pytest.mark.parametrize("qop", [(), ("auth",), ("auth-int",), ("auth", "auth-int")])
def test_both_sides_agree_for_every_algorithm_and_qop(algorithm: str, qop: tuple[str, ...]) -> None:
    challenge = Challenge.parse(str(Challenge(REALM, NONCE, algorithm, qop, opaque="o", stale=True)))
    assert challenge == Challenge(REALM, NONCE, algorithm, qop, "o", True)
    credentials = answer(
        challenge, username=USER, password=PASSWORD, method="MESSAGE", uri=URI, body=b"<a/>", nc=26, cnonce="c"
    )
    assert credentials.nc == ("0000001a" if qop else None)
    received = Credentials.parse(str(credentials))
    secret = ha1(USER, REALM, PASSWORD, algorithm)
    assert verify(received, ha1=secret, method="MESSAGE", body=b"<a/>")
    assert verify(received, ha1=secret, method="MESSAGE", body=b"<b/>") == (qop != ("auth-int",))


def test_auth_int_hashes_the_body() -> None:
    body = md5("<a/>")
    response = md5(f"{SECRET}:{NONCE}:00000001:c:auth-int:{md5(f'MESSAGE:{URI}:{body}')}")
    text = GOLDEN.replace(WITH_QOP, response).replace("qop=auth", 'qop="auth-int"').replace("0a4f113b", "c")
    assert verify(Credentials.parse(text), ha1=SECRET, method="MESSAGE", body=b"<a/>")


def test_sm3_is_the_hash_of_gb_t_32905() -> None:
    assert ha1("abc", "", "", "SM3") == hashlib.new("sm3", b"abc::").hexdigest()
    assert hashlib.new("sm3", b"abc").hexdigest() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


@pytest.mark.parametrize("hashed", ["aut", "auth", None])
def test_a_misspelt_qop_is_verified_whichever_text_the_device_hashed(hashed: str | None) -> None:
    ha2 = md5(f"REGISTER:{URI}")
    middle = f"{NONCE}:00000001:0a4f113b:{hashed}" if hashed else NONCE
    text = GOLDEN.replace(WITH_QOP, md5(f"{SECRET}:{middle}:{ha2}")).replace("qop=auth", "qop=aut")
    credentials = Credentials.parse(text)
    assert verify(credentials, ha1=SECRET, method="REGISTER")
    assert not verify(credentials, ha1=SECRET, method="REGISTER", tolerance=STRICT)


def test_credentials_without_qop_cnonce_and_algorithm_are_verified() -> None:
    credentials = Credentials.parse(
        f'Digest username="{USER}", realm="{REALM}", nonce="{NONCE}", uri="{URI}", response="{WITHOUT_QOP.upper()}"'
    )
    assert (credentials.algorithm, credentials.qop) == ("MD5", None)
    assert verify(credentials, ha1=SECRET, method="REGISTER", tolerance=STRICT)


def test_unquoted_values_and_odd_blanks_are_read() -> None:
    text = (
        f"digest  username={USER} , realm={REALM},,nonce= {NONCE},uri={URI},"
        f'response={WITH_QOP},algorithm="MD5",cnonce=0a4f113b,qop="auth", nc="00000001",'
    )
    assert Credentials.parse(text) == Credentials.parse(GOLDEN)


def test_the_realm_is_kept_verbatim() -> None:
    challenge = Challenge.parse('Digest realm="IP Camera (\\"A\\")", nonce=abc, qop="auth,auth-int", stale=TRUE')
    assert (challenge.realm, challenge.qop, challenge.stale) == ('IP Camera (\\"A\\")', ("auth", "auth-int"), True)
    assert 'realm="IP Camera (\\"A\\")"' in str(challenge)


def test_an_unknown_algorithm_is_never_verified_nor_answered() -> None:
    assert is_supported("sha-256")
    assert not is_supported("SHA-512-256")
    assert not verify(Credentials.parse(GOLDEN.replace("=MD5", "=X")), ha1=SECRET, method="REGISTER")
    with pytest.raises(LocalError):
        answer(Challenge(REALM, NONCE, "X"), username="u", password="p", method="M", uri="u", cnonce="c")


def test_the_first_challenge_we_can_answer_is_chosen() -> None:
    offered = ["Basic realm=x", 'Digest realm="r", nonce="1", algorithm=X', 'Digest realm="r", nonce="2"']
    chosen = first_usable(offered)
    assert chosen is not None
    assert chosen.nonce == "2"
    assert first_usable(offered[:2]) is None


def test_another_scheme_is_401_and_a_missing_parameter_400() -> None:
    with pytest.raises(ParseError) as caught:
        Credentials.parse("NoOneKnowsThisScheme opaque-data=here")
    assert caught.value.status == 401
    for name in ("username", "realm", "nonce", "uri", "response"):
        with pytest.raises(ParseError, match=f"no {name}") as caught:
            Credentials.parse(GOLDEN.replace(f"{name}=", "x="))
        assert caught.value.status == 400
    with pytest.raises(ParseError, match="no realm"):
        Challenge.parse("Digest nonce=1")


@pytest.mark.parametrize("text", ['Digest username="open', "Digest =x", "Digest username", 'Digest a=b c=d"e'])
def test_malformed_parameters_are_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ParseError, match="malformed Digest parameter") as caught:
        Credentials.parse(text)
    assert caught.value.value == ""


def test_the_response_is_not_in_the_repr() -> None:
    assert WITH_QOP not in repr(Credentials.parse(GOLDEN))


def test_a_quote_or_line_end_is_never_written() -> None:
    for realm in ('a"b', "a\r\nb"):
        with pytest.raises(LocalError):
            str(Challenge(realm, NONCE))


@given(st.text(alphabet='Digest username="a",=\\ \t\n东\udcb6', max_size=60).map(lambda rest: "Digest " + rest))
def test_any_text_is_credentials_or_a_parse_error(text: str) -> None:
    for read in (Credentials.parse, Challenge.parse):
        try:
            read(text)
        except ParseError:
            continue
