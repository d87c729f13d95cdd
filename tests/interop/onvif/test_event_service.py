"""The event service and its pull points."""

from __future__ import annotations

import asyncio

import pytest

from interop.onvif.event_service import EventService
from interop.onvif.pull_points import Event, PullPoints
from interop.onvif.state import CameraState
from tests.interop.onvif.conftest import URIS, Asker, Hands

PULL = "<tev:Timeout>PT0S</tev:Timeout><tev:MessageLimit>{limit}</tev:MessageLimit>"
DIALECT = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"


@pytest.fixture
def points() -> PullPoints:
    return PullPoints(2)


@pytest.fixture
def ask(camera_state: CameraState, points: PullPoints) -> Asker:
    return Asker("tev", EventService(camera_state, points).operations)


def _filter(expression: str, dialect: str = DIALECT) -> str:
    return (
        f"<tev:Filter><wsnt:TopicExpression Dialect='{dialect}' xmlns:tns1='http://www.onvif.org/ver10/topics'>"
        f"{expression}</wsnt:TopicExpression></tev:Filter>"
    )


async def _subscribed(ask: Asker, inner: str = "") -> str:
    found = await ask("CreatePullPointSubscription", inner)
    address = found.one("tev:SubscriptionReference/wsa:Address")
    ask.subscription = address.rpartition("/")[2]
    return address


def _motion(points: PullPoints, hands: Hands, topic: str = "tns1:RuleEngine/CellMotionDetector/Motion") -> None:
    points.publish(hands.now, Event(topic, hands.wall, "Changed", (("Source", "lens_1"),), (("IsMotion", "true"),)))


async def test_topics_and_capabilities_are_told(ask: Asker) -> None:
    found = await ask("GetEventProperties")
    assert DIALECT in found.all("wsnt:TopicExpressionDialect")
    assert (await ask("GetServiceCapabilities")).one("tev:Capabilities/@MaxPullPoints") == "10"


async def test_a_pull_point_has_an_address_and_a_term(ask: Asker, hands: Hands) -> None:
    found = await ask("CreatePullPointSubscription", "<tev:InitialTerminationTime>PT90S</tev:InitialTerminationTime>")
    assert found.one("tev:SubscriptionReference/wsa:Address") == "http://127.0.0.1:8000/onvif/subscription/1"
    assert found.one("wsnt:CurrentTime") == "2025-03-01T00:00:00.000Z"
    assert found.one("wsnt:TerminationTime") == "2025-03-01T00:01:30.000Z"


async def test_a_term_may_be_a_date_of_the_cameras_clock_and_is_limited(ask: Asker) -> None:
    until = "<tev:InitialTerminationTime>{}</tev:InitialTerminationTime>"
    found = await ask("CreatePullPointSubscription", until.format("2025-03-01T00:02:00Z"))
    assert found.one("wsnt:TerminationTime") == "2025-03-01T00:02:00.000Z"
    found = await ask("CreatePullPointSubscription", until.format("P9D"))
    assert found.one("wsnt:TerminationTime") == "2025-03-01T01:00:00.000Z"
    refused = ("wsnt:UnacceptableInitialTerminationTimeFault",)
    assert await ask.refused("CreatePullPointSubscription", until.format("2024-03-01T00:00:00Z")) == refused
    assert await ask.refused("CreatePullPointSubscription", until.format("P1Y")) == refused


async def test_messages_are_pulled_as_many_as_asked_for(ask: Asker, points: PullPoints, hands: Hands) -> None:
    await _subscribed(ask)
    for _ in range(3):
        _motion(points, hands)
    found = await ask("PullMessages", PULL.format(limit=2))
    message = "wsnt:NotificationMessage/wsnt:Message/tt:Message"
    assert found.all("wsnt:NotificationMessage/wsnt:Topic") == ["tns1:RuleEngine/CellMotionDetector/Motion"] * 2
    assert found.all(f"{message}/@PropertyOperation") == ["Changed"] * 2
    assert found.all(f"{message}/tt:Data/tt:SimpleItem/@Value") == ["true"] * 2
    assert found.all(f"{message}/@UtcTime") == ["2025-03-01T00:00:00.000Z"] * 2
    assert found.one("tev:TerminationTime") == "2025-03-01T00:01:00.000Z"
    assert len((await ask("PullMessages", PULL.format(limit=9))).all("wsnt:NotificationMessage")) == 1


async def test_a_pull_waits_for_the_first_message(ask: Asker, points: PullPoints, hands: Hands) -> None:
    await _subscribed(ask)
    inner = "<tev:Timeout>PT30S</tev:Timeout><tev:MessageLimit>1</tev:MessageLimit>"
    pulling = asyncio.ensure_future(ask("PullMessages", inner))
    await asyncio.sleep(0)
    assert not pulling.done()
    _motion(points, hands)
    assert len((await pulling).all("wsnt:NotificationMessage")) == 1


async def test_a_pull_ends_without_messages_at_its_timeout(ask: Asker) -> None:
    await _subscribed(ask)
    assert (await ask("PullMessages", PULL.format(limit=9))).all("wsnt:NotificationMessage") == []


async def test_a_pull_ends_with_its_subscription(ask: Asker, points: PullPoints) -> None:
    await _subscribed(ask)
    inner = "<tev:Timeout>PT30S</tev:Timeout><tev:MessageLimit>1</tev:MessageLimit>"
    pulling = asyncio.ensure_future(ask.refused("PullMessages", inner))
    await asyncio.sleep(0)
    points.close()
    assert await pulling == ("wsrf-rw:ResourceUnknownFault",)


async def test_a_pull_without_sense_is_refused(ask: Asker) -> None:
    await _subscribed(ask)
    assert await ask.refused("PullMessages", PULL.format(limit=-1)) == ("ter:InvalidArgs",)


async def test_a_filter_holds_back_other_topics(ask: Asker, points: PullPoints, hands: Hands) -> None:
    await _subscribed(ask, _filter("tns1:VideoSource//."))
    _motion(points, hands)
    _motion(points, hands, "tns1:VideoSource/MotionAlarm")
    found = await ask("PullMessages", PULL.format(limit=9))
    assert found.all("//wsnt:Topic") == ["tns1:VideoSource/MotionAlarm"]


async def test_a_filter_in_another_language_is_refused(ask: Asker) -> None:
    refused = await ask.refused(
        "CreatePullPointSubscription", _filter("x", "http://www.w3.org/TR/1999/REC-xpath-19991116")
    )
    assert refused == ("wsnt:InvalidFilterFault", "wsnt:TopicExpressionDialectUnknownFault")


async def test_a_synchronization_point_tells_the_state_again(ask: Asker, points: PullPoints, hands: Hands) -> None:
    _motion(points, hands)
    await _subscribed(ask)
    await ask("PullMessages", PULL.format(limit=9))
    await ask("SetSynchronizationPoint")
    found = await ask("PullMessages", PULL.format(limit=9))
    assert found.all("//tt:Message/@PropertyOperation") == ["Initialized"]


async def test_a_term_is_renewed_and_ended(ask: Asker, points: PullPoints, hands: Hands) -> None:
    await _subscribed(ask)
    hands.go(50.0)
    renewed = await ask("Renew", "<wsnt:TerminationTime>PT60S</wsnt:TerminationTime>", "wsnt")
    assert renewed.one("wsnt:TerminationTime") == "2025-03-01T00:01:50.000Z"
    hands.go(50.0)
    refused = await ask.refused("Renew", "<wsnt:TerminationTime>-PT1S</wsnt:TerminationTime>", "wsnt")
    assert refused == ("wsnt:UnacceptableTerminationTimeFault",)
    assert (await ask("Unsubscribe", "", "wsnt")).element.tag == f"{{{URIS['wsnt']}}}UnsubscribeResponse"
    assert points.open(hands.now) == 0
    assert await ask.refused("Unsubscribe", "", "wsnt") == ("wsrf-rw:ResourceUnknownFault",)
