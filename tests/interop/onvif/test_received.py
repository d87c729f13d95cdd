"""What a camera was asked."""

from __future__ import annotations

import asyncio

import pytest
from lxml import etree

from interop.onvif.faults import OnvifFault
from interop.onvif.received import KEPT, MOST_ARGUMENTS, Received, ReceivedLog, read
from tests.interop.onvif.conftest import DECLARED


def _read(operation: str, inner: str) -> Received:
    return read("ptz", operation, etree.fromstring(f"<tptz:{operation} {DECLARED}>{inner}</tptz:{operation}>"))


def test_a_continuous_move_is_typed() -> None:
    received = _read(
        "ContinuousMove",
        "<tptz:ProfileToken>main</tptz:ProfileToken><tptz:Velocity><tt:PanTilt x='0.5' y='-1'/><tt:Zoom x='0'/>"
        "</tptz:Velocity><tptz:Timeout>PT2.5S</tptz:Timeout>",
    )
    assert received.token == "main"
    assert (received.pan, received.tilt, received.zoom, received.timeout_s) == (0.5, -1.0, 0.0, 2.5)
    assert received.speeds == (1.0, 1.0)


def test_the_speed_of_a_move_is_that_of_pan_and_that_of_zoom() -> None:
    received = _read("GotoPreset", "<tptz:Speed><tt:PanTilt x='0.5' y='0.5'/><tt:Zoom x='0.25'/></tptz:Speed>")
    assert received.speeds == (0.5, 0.25)
    assert (received.pan, received.timeout_s) == (None, None)


def test_texts_switches_and_repeated_arguments() -> None:
    received = _read(
        "Any",
        "<a>one</a><a>two</a><a>three</a><PanTilt>1</PanTilt><Zoom>false</Zoom><PresetName>1</PresetName><b/>",
    )
    assert received.arguments == {"a": ("one", "two", "three"), "PanTilt": True, "Zoom": False, "PresetName": "1"}
    assert received.texts("a") == ("one", "two", "three")
    assert received.texts("PresetName") == ("1",)
    assert (received.texts("c"), received.text("c"), received.number("PanTilt")) == ((), "", None)
    with pytest.raises(OnvifFault):
        received.text("a")


def test_attributes_of_other_standards_are_not_arguments() -> None:
    assert _read("Any", "<a xml:lang='en' b='c'/>").arguments == {"a.b": "c"}


@pytest.mark.parametrize(
    "inner", ["<Timeout>soon</Timeout>", "<Iris>wide</Iris>", "<Iris>nan</Iris>", "<Zoom>maybe</Zoom>", "<v x='inf'/>"]
)
def test_a_value_of_another_type_is_refused(inner: str) -> None:
    with pytest.raises(OnvifFault) as refused:
        _read("Any", inner)
    assert refused.value.subcodes == ("ter:InvalidArgs",)


def test_arguments_without_end_are_refused() -> None:
    with pytest.raises(OnvifFault):
        _read("Any", "<a>b</a>" * (MOST_ARGUMENTS + 1))


async def test_a_request_can_be_waited_for_and_is_told() -> None:
    told: list[Received] = []
    log = ReceivedLog(told.append)
    waiting = asyncio.ensure_future(log.wait_for("ptz:Stop", 2))
    await asyncio.sleep(0)
    first, other, second = (
        Received(service, "Stop", token, {}) for service, token in zip(("ptz", "imaging", "ptz"), "abc", strict=True)
    )
    for one in (first, other, second):
        log.add(one)
    assert await waiting is second
    assert await log.wait_for("Stop") is first
    assert told == log.kept == [first, other, second]
    log.clear()
    assert log.kept == []
    with pytest.raises(TimeoutError):
        await log.wait_for("Stop", timeout_s=0)


def test_old_requests_give_way() -> None:
    log = ReceivedLog(lambda received: None)
    for number in range(KEPT + 1):
        log.add(Received("ptz", "Stop", str(number), {}))
    assert (len(log.kept), log.kept[0].token) == (KEPT, "1")
