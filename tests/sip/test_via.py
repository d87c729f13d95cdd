"""Via hops."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import ParseError
from sip.via import Via


def test_a_hop_of_a_device_behind_nat() -> None:
    text = "SIP/2.0/UDP 198.51.100.20:5060;rport;branch=z9hG4bKr1"
    via = Via.parse(text)
    assert (via.transport, via.host, via.port) == ("UDP", "198.51.100.20", 5060)
    assert (via.branch, via.is_rfc3261, via.params["rport"]) == ("z9hG4bKr1", True, None)
    assert str(via) == text


def test_received_and_rport_are_filled_in_where_they_stand() -> None:
    via = Via.parse("SIP/2.0/UDP 10.0.0.9:5060;rport;branch=z9hG4bKr1")
    assert (
        str(via.with_params(rport="40000", received="203.0.113.7"))
        == "SIP/2.0/UDP 10.0.0.9:5060;rport=40000;branch=z9hG4bKr1;received=203.0.113.7"
    )


@pytest.mark.parametrize("branch", ["", ";branch=z9hG4bK", ";branch=390skdjuw", ";branch=1"])
def test_a_branch_that_identifies_nothing_is_of_rfc_2543(branch: str) -> None:
    assert not Via.parse(f"SIP/2.0/UDP host{branch}").is_rfc3261


def test_the_magic_cookie_is_known_in_any_letter_case() -> None:
    assert Via.parse("SIP/2.0/TCP host;branch=Z9HG4BKx").is_rfc3261


def test_blanks_and_other_transports_are_read() -> None:
    via = Via.parse(" SIP / 2.0 / sctp \t NVR_01 : 5061 ; branch = z9hG4bKx ")
    assert (via.transport, via.host, via.port, via.branch) == ("SCTP", "NVR_01", 5061, "z9hG4bKx")
    assert str(Via.parse("SIP/2.0/TLS [2001:db8::1]:5061")) == "SIP/2.0/TLS [2001:db8::1]:5061"
    assert Via.parse("SIP/7.0/UDP host").version == "7.0"


@pytest.mark.parametrize(
    "text", ["", "SIP/2.0/UDP", "UDP host", "SIP/2.0/UDP host:99999", "SIP/2.0/UDP host;;", "SIP/2.0/UDP a b"]
)
def test_what_is_no_hop_is_refused(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        Via.parse(text)
    assert caught.value.where == "Via"


def test_hops_joined_by_commas_are_cut() -> None:
    assert Via.split_many("SIP/2.0/UDP a;branch=1, SIP/2.0/TCP b") == ["SIP/2.0/UDP a;branch=1", "SIP/2.0/TCP b"]


@given(st.text(alphabet="SIP/2.0UDTC ab:;=-_[]9", max_size=50).map(lambda rest: "SIP/2.0/UDP " + rest))
def test_any_text_is_refused_or_written_back_to_an_equal_hop(text: str) -> None:
    try:
        via = Via.parse(text)
    except ParseError:
        return
    assert Via.parse(str(via)) == via
