"""The way an upper platform prefers (GB/T 28181-2022 Annex H)."""

from __future__ import annotations

import pytest

from gateway.errors import Failure, Reason
from gateway.signalling.preferred_path import MAX_PLATFORMS, PreferredPath
from sip import ParseError, Request, parse_message
from tests.gateway.signalling.raw import NODE, UPPER, request_bytes

LOWER, LOWEST, SECOND_ID = "34020100002000000001", "34020101002000000001", "34020000002000000099"


def invite(*lines: str) -> Request:
    request = parse_message(request_bytes("INVITE", LOWER, sender=UPPER, lines=list(lines)))
    assert isinstance(request, Request)
    return request


@pytest.mark.parametrize(
    ("header", "onward"),
    [
        (f"X-PreferredPath: {NODE}-{LOWER}-{LOWEST}", f"{LOWER}-{LOWEST}"),
        (f"x-preferredpath: {SECOND_ID} - {LOWER}", LOWER),
        (f"X-PreferredPath: {NODE}", ""),
        (f"X-PreferredPath: {LOWER}-{LOWEST}", ""),
        ("X-PreferredPath:", ""),
        ("X-Other: 1", ""),
    ],
)
def test_our_own_id_is_taken_off_and_the_rest_goes_on(header: str, onward: str) -> None:
    path = PreferredPath.of(invite(header)).onward({NODE, SECOND_ID})
    assert str(path) == onward and path.next_hop == onward[:20]


@pytest.mark.parametrize("path", [f"{LOWER}-{NODE}", f"{NODE}-{LOWER}-{NODE}", f"{NODE}-{SECOND_ID}"])
def test_a_path_that_leads_back_here_is_a_loop(path: str) -> None:
    with pytest.raises(Failure) as refused:
        PreferredPath.of(invite(f"X-PreferredPath: {path}")).onward({NODE, SECOND_ID})
    assert refused.value.reason is Reason.LOOP and refused.value.sip_status == 482


@pytest.mark.parametrize("path", ["abc", f"{NODE}-", f"{NODE}--{LOWER}", f"{NODE}/{LOWER}", "-".join([NODE] * 65)])
def test_what_is_no_path_is_refused_with_where(path: str) -> None:
    assert MAX_PLATFORMS == 64
    with pytest.raises(ParseError) as refused:
        PreferredPath.of(invite(f"X-PreferredPath: {path}"))
    assert (refused.value.where, refused.value.status) == ("X-PreferredPath", 400)
