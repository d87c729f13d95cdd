"""Asking one ONVIF camera: clock, services, troubles in words."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import Failure, Reason
from gateway.onvif.camera_http import HttpAnswer
from gateway.onvif.client import OnvifClient, entries, part
from tests.gateway.onvif.soap import answer
from tests.gateway.onvif.stand import asking, camera

TWO_YEARS = -63_072_000.0


async def refused(client: OnvifClient, operation: str = "GetDeviceInformation") -> Failure:
    with pytest.raises(Failure) as raised:
        await client.call("device", operation)
    return raised.value


async def test_a_camera_whose_clock_is_two_years_off_is_asked_in_its_own_time() -> None:
    async with camera(clock_offset_s=TWO_YEARS, strict_clock=True) as one, asking(one) as client:
        assert (await refused(client)).reason is Reason.ONVIF_REFUSED
        await client.learn_clock()
        assert client.clock_offset_s == pytest.approx(TWO_YEARS, abs=5)
        assert (await client.call("device", "GetDeviceInformation"))["Manufacturer"] == "Acme"


async def test_a_wrong_password_is_named_and_a_wrong_clock_with_it() -> None:
    async with camera(clock_offset_s=TWO_YEARS) as one, asking(one, "wrong") as client:
        await client.learn_clock()
        failure = await refused(client)
        assert failure.reason is Reason.ONVIF_REFUSED and "clock is -63072" in failure.message
        assert "时钟" in failure.message_zh and "wrong" not in failure.message.replace("wrong every", "")


async def test_a_camera_that_wants_http_digest_gets_it() -> None:
    async with camera(http_digest=True) as one, asking(one) as client:
        await client.learn_clock()
        assert (await client.call("device", "GetDeviceInformation"))["Manufacturer"] == "Acme"
    async with camera(http_digest=True) as one, asking(one, "wrong") as client:
        assert (await refused(client)).reason is Reason.ONVIF_REFUSED


async def test_services_are_learned_and_reached_at_the_host_of_the_device_service() -> None:
    async with camera(xaddr_host="10.9.9.9") as one, asking(one) as client:
        assert not client.offers("ptz") and client.media2 is None
        await client.learn_services()
        assert client.offers("ptz") and client.offers("events") and str(client.media2).startswith("http://127.0.0.1:")
        assert await client.call("media", "GetProfiles")
    both = ("onvif_other_hosts", "onvif_any_certificate")
    async with camera(xaddr_host="10.9.9.9") as one, asking(one, tolerances=both) as client:
        await client.learn_services()
        assert str(client.media2).startswith("http://10.9.9.9:") and not client.verifies


async def test_a_camera_of_before_getservices_is_asked_for_its_capabilities() -> None:
    async with camera(misbehaviour={"GetServices": "fault:ActionNotSupported"}) as one, asking(one) as client:
        await client.learn_services()
        assert client.offers("media") and client.offers("ptz") and client.media2 is None


async def test_a_service_the_camera_does_not_have_is_named() -> None:
    async with camera() as one, asking(one) as client:
        with pytest.raises(Failure, match="no ptz service") as raised:
            await client.call("ptz", "Stop", ProfileToken="p", PanTilt=True, Zoom=True)
        assert raised.value.reason is Reason.ONVIF_UNSUPPORTED


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("garbage", Reason.ONVIF_NOT_A_SERVICE),
        ("fault:ConfigurationConflict", Reason.ONVIF_FAULT),
        ("fault:ActionNotSupported", Reason.ONVIF_UNSUPPORTED),
        ("silent", Reason.ONVIF_UNREACHABLE),
        ("oversized", Reason.ONVIF_UNREACHABLE),
    ],
)
async def test_each_misbehaviour_has_its_words(how: str, reason: Reason) -> None:
    async with camera(misbehaviour={"GetDeviceInformation": how}) as one, asking(one, answer_s=0.5) as client:
        failure = await refused(client)
        assert failure.reason is reason and failure.message and failure.message_zh and failure.words.en


async def test_a_clock_that_is_guarded_by_the_password_is_asked_with_it() -> None:
    async with camera(misbehaviour={"GetSystemDateAndTime": "fault:NotAuthorized"}) as one, asking(one, "x") as client:
        with pytest.raises(Failure) as raised:
            await client.learn_clock()
        assert raised.value.reason is Reason.ONVIF_REFUSED
    async with camera(misbehaviour={"GetSystemDateAndTime": "fault:ActionNotSupported"}) as one, asking(one) as client:
        with pytest.raises(Failure) as raised:
            await client.learn_clock()
        assert raised.value.reason is Reason.ONVIF_UNSUPPORTED


async def test_an_address_a_camera_names_badly_is_its_fault() -> None:
    async with camera() as one, asking(one) as client:
        with pytest.raises(Failure) as raised:
            client.here("")
        assert raised.value.reason is Reason.ONVIF_FAULT


async def test_a_web_page_is_no_onvif_service() -> None:
    async with camera() as one, asking(one, url=f"http://127.0.0.1:{one.port}/snapshot/none") as client:
        client.login.username = ""
        assert client.fresh_token() is None
        with pytest.raises(Failure):
            await client.call("device", "GetDeviceInformation")


@pytest.mark.parametrize(
    "body",
    [
        "<tds:GetServicesResponse><junk/></tds:GetServicesResponse>",
        "<tds:GetServicesResponse>text</tds:GetServicesResponse>",
        "<tds:GetServicesResponse><tds:Service/><tds:Service>text</tds:Service></tds:GetServicesResponse>",
    ],
)
async def test_services_that_cannot_be_read_are_no_trouble_of_ours(body: str) -> None:
    async with camera() as one, asking(one) as client:
        asked = client.http.post

        async def garbled(url: str, request: bytes, *args: Any, **options: Any) -> HttpAnswer:
            if b"GetServices" in request:
                return HttpAnswer(200, answer(body), "application/soap+xml")
            return await asked(url, request, *args, **options)

        client.http.post = garbled  # type: ignore[method-assign]
        await client.learn_services()
        assert client.offers("media")


def test_what_is_no_part_and_no_list_of_them_is_empty() -> None:
    assert part(None) == part("x") == part(["x"]) == {} and part({"a": 1}) == {"a": 1}
    assert entries(None) == entries({"a": 1}) == entries([None, "x"]) == [] and entries([{"a": 1}, 5]) == [{"a": 1}]
