"""Errors say where, what and with which value, and which status answers them."""

from __future__ import annotations

from sip.errors import LocalError, ParseError, RemoteError, SipError, TransactionTimeout, TransportFailed


def test_a_parse_error_names_the_place_the_fault_and_the_value() -> None:
    error = ParseError("Via", "malformed", "SIP/2.0")
    assert (error.where, error.what, error.value, error.status) == ("Via", "malformed", "SIP/2.0", 400)
    assert str(error) == "Via: malformed: 'SIP/2.0'"
    assert error.headers is None


def test_an_error_without_a_value_stays_short() -> None:
    assert str(ParseError("Call-ID", "missing")) == "Call-ID: missing"


def test_a_peers_text_is_cut_so_that_a_log_line_stays_a_line() -> None:
    assert len(ParseError("To", "malformed", "x" * 10_000).value) == 200


def test_the_peers_faults_and_ours_are_told_apart() -> None:
    assert issubclass(ParseError, RemoteError)
    assert not issubclass(LocalError, RemoteError)
    assert issubclass(LocalError, SipError)


def test_silence_and_unreachable_peers_have_the_status_of_the_rfc() -> None:
    assert TransactionTimeout("INVITE").status == 408
    assert TransportFailed("192.0.2.1:5060").status == 503
