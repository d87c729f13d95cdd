"""SOAP faults of a camera, judged by SOAP 1.2."""

from __future__ import annotations

from interop.onvif.envelope import answer
from interop.onvif.faults import OnvifFault, invalid, no_profile, not_authorized, not_supported
from tests.interop.onvif.conftest import Found
from tests.stand.onvif_schemas import body_of


def _codes(fault: OnvifFault) -> tuple[str, list[str], int]:
    found = Found(body_of(answer(fault.body())))
    return found.one("env:Code/env:Value"), found.all(".//env:Subcode/env:Value"), fault.status


def test_each_fault_has_code_subcodes_and_status() -> None:
    assert _codes(not_authorized()) == ("env:Sender", ["ter:NotAuthorized"], 400)
    assert _codes(no_profile("p")) == ("env:Sender", ["ter:InvalidArgVal", "ter:NoProfile"], 400)
    assert _codes(invalid("ter:NoToken", "none")) == ("env:Sender", ["ter:InvalidArgVal", "ter:NoToken"], 400)
    assert _codes(not_supported(reason="none")) == ("env:Receiver", ["ter:ActionNotSupported"], 500)


def test_the_reason_is_told_in_english() -> None:
    found = Found(body_of(answer(no_profile("p").body())))
    assert found.one("env:Reason/env:Text") == "No profile 'p'"
    assert found.one("env:Reason/env:Text/@xml:lang") == "en"
