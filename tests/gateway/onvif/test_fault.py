"""SOAP faults, as cameras write them."""

from __future__ import annotations

import pytest
from lxml import etree

from gateway.onvif.fault import SoapFault, fault_in
from tests.gateway.onvif.soap import DATE_AND_TIME, answer, fault


def read(body: bytes) -> SoapFault:
    found = fault_in(etree.fromstring(body))
    assert found is not None
    return found


def test_an_answer_holds_no_fault() -> None:
    assert fault_in(etree.fromstring(DATE_AND_TIME)) is None


def test_a_refused_login_is_told_by_its_subcode_or_by_its_words() -> None:
    assert read(fault("ter:NotAuthorized", "Sender not Authorized")).unauthorised
    assert read(fault("wsse:FailedAuthentication", "no")).unauthorised
    assert read(fault("ter:Whatever", "Authority failure")).unauthorised
    assert not read(fault("ter:NoProfile", "No such profile")).unauthorised


def test_an_operation_nobody_knows_is_told_apart() -> None:
    assert read(fault("ter:ActionNotSupported", "")).unsupported
    assert not read(fault("ter:InvalidArgVal", "")).unsupported


def test_the_words_are_the_cameras_own_on_one_line_and_bounded() -> None:
    found = read(fault("ter:NoProfile", "No\n  such\x85 profile " + "!" * 500))
    assert found.codes == ("Sender", "NoProfile")
    assert found.text.startswith("No such profile !!!") and len(found.text) == 200
    assert "Sender, NoProfile" in str(found)


@pytest.mark.parametrize("text", ["not allowed", ""])
def test_a_fault_of_soap_1_1_is_read_too(text: str) -> None:
    body = answer(
        "<env:Fault><faultcode>SOAP-ENV:Client</faultcode><faultstring>" + text + "</faultstring></env:Fault>"
    )
    found = read(body)
    assert found.codes == ("Client",) and found.text == text and str(found)
