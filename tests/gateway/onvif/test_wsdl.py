"""The services as their descriptions say: requests to bytes, answers back."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest
from lxml import etree

from gateway.errors import LocalError
from gateway.onvif import wsdl
from gateway.onvif.fault import BadAnswer, SoapFault
from gateway.onvif.username_token import UsernameToken
from gateway.onvif.wsdl import LARGE, Services, load, parsed
from tests.gateway.onvif.soap import ENVELOPE, PROFILES, answer, fault

HERE = "http://10.0.0.5/onvif/x"


@pytest.fixture(scope="module")
def services() -> Services:
    return Services()


def canonical(body: bytes) -> str:
    """A body without what differs in form alone."""
    element = next(etree.fromstring(body).iter("{*}Body"))[0]
    parts = []
    for one in element.iter():
        attributes = "".join(f" {name}={value}" for name, value in sorted(one.attrib.items()))
        parts.append(f"{etree.QName(one).localname}{attributes}:{one.text or ''}")
    return " | ".join(parts)


def test_a_move_is_written_as_the_schema_says(services: Services) -> None:
    velocity = {"PanTilt": {"x": -1.0, "y": 0.2}, "Zoom": {"x": 0.0}}
    params = {"ProfileToken": "p", "Velocity": velocity, "Timeout": timedelta(seconds=15)}
    request = services.request("ptz", "ContinuousMove", params, address=HERE)
    assert canonical(request.body) == (
        "ContinuousMove: | ProfileToken:p | Velocity: | PanTilt x=-1.0 y=0.2: | Zoom x=0.0: | Timeout:PT15S"
    )
    assert b"http://www.onvif.org/ver20/ptz/wsdl" in request.body and b"Header" not in request.body
    assert request.content_type == (
        'application/soap+xml; charset=utf-8; action="http://www.onvif.org/ver20/ptz/wsdl/ContinuousMove"'
    )


def test_a_login_stands_in_the_header_and_only_events_are_addressed(services: Services) -> None:
    token = UsernameToken("u", "s3cret", 0.0, b"n" * 16)
    plain = services.request("device", "GetDeviceInformation", {}, address=HERE, token=token).body
    assert b"UsernameToken" in plain and b"s3cret" not in plain and b"addressing" not in plain
    extra = b'<a:Ref xmlns:a="urn:a">7</a:Ref>'
    renew = services.request("subscription", "Renew", {"TerminationTime": "PT60S"}, address=HERE, headers=(extra,)).body
    root = etree.fromstring(renew)
    action, to = root.find(".//{*}Action"), root.find(".//{*}To")
    assert action is not None and str(action.text).endswith("/SubscriptionManager/RenewRequest")
    assert to is not None and to.text == HERE and b"urn:a" in renew


def test_an_answer_becomes_plain_values(services: Services) -> None:
    found = services.answer("media", "GetProfiles", PROFILES)
    assert [profile["token"] for profile in found] == ["main", "jpeg", "empty"]
    assert found[0]["VideoEncoderConfiguration"]["Resolution"] == {"Width": 2560, "Height": 1440}
    assert services.answer("ptz", "Stop", answer("<tptz:StopResponse/>")) is None


def test_a_fault_is_the_cameras_word_and_nonsense_is_no_service(services: Services) -> None:
    with pytest.raises(SoapFault, match="No such profile"):
        services.answer("media", "GetProfiles", fault("ter:NoProfile", "No such profile"))
    for body in (b"", b"<html><body>login</body></html>", b"\x00\x01", answer(""), answer("<tds:Other/>")):
        with pytest.raises(BadAnswer):
            services.answer("media", "GetProfiles", body)


def test_no_entity_is_resolved_and_no_declaration_accepted() -> None:
    for declared in ('<!ENTITY x "y">', '<!ENTITY x SYSTEM "file:///etc/passwd">'):
        body = f"<!DOCTYPE e [{declared}]>" + ENVELOPE.partition("?>")[2].format("<a>&x;</a>")
        with pytest.raises(BadAnswer):
            parsed(body.encode())


def test_asking_for_what_does_not_exist_is_our_own_fault(services: Services) -> None:
    with pytest.raises(LocalError):
        services.request("device", "MakeCoffee", {}, address=HERE)
    with pytest.raises(LocalError):
        services.request("device", "GetDeviceInformation", {"Nonsense": 1}, address=HERE)


async def test_the_descriptions_are_read_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wsdl, "_loaded", None)
    first, second = await asyncio.gather(load(), load())
    assert first is second is await load()


def test_descriptions_come_from_the_package_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LocalError):
        wsdl._Files().load("http://www.w3.org/2005/05/xmlmime")
    monkeypatch.setattr(wsdl, "find_spec", lambda _name: None)
    with pytest.raises(LocalError, match="onvif-zeep-async"):
        Services()


async def test_a_large_answer_is_read_off_the_event_loop(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[bool] = []
    read = Services.answer

    def watched(self: Services, *args: Any) -> Any:
        threads.append(threading.current_thread() is threading.main_thread())
        return read(self, *args)

    monkeypatch.setattr(Services, "answer", watched)
    small = await services.read("media", "GetProfiles", PROFILES)
    large = await services.read("media", "GetProfiles", PROFILES + b" " * LARGE)
    assert small == large and threads == [True, False]
