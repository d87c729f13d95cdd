"""Pull points."""

from __future__ import annotations

import pytest

from interop.onvif.faults import OnvifFault
from interop.onvif.pull_points import KEPT_MESSAGES, KEPT_PROPERTIES, Event, PullPoints


def _event(topic: str = "tns1:A/B", value: str = "true", source: str = "1") -> Event:
    return Event(topic, 0.0, "Changed", (("Source", source),), (("State", value),))


def test_what_passes_the_filter_is_queued_in_order() -> None:
    points = PullPoints(2)
    point = points.create(0.0, 60.0, ("tns1:A//.",))
    for value in ("true", "false"):
        points.publish(1.0, _event(value=value))
    points.publish(1.0, _event("tns1:C"))
    assert [event.data for event in point.take(9)] == [(("State", "true"),), (("State", "false"),)]
    assert point.news.is_set()


def test_a_late_comer_first_hears_how_things_stand() -> None:
    points = PullPoints(2)
    points.publish(0.0, _event(value="true"))
    points.publish(0.0, _event(value="false"))
    point = points.create(0.0, 60.0, ())
    (state,) = point.take(9)
    assert (state.operation, state.data) == ("Initialized", (("State", "false"),))
    points.synchronize(point)
    assert len(point.messages) == 1


def test_a_subscription_ends_with_its_term() -> None:
    points = PullPoints(2)
    point = points.create(0.0, 60.0, ())
    assert points.find(59.0, point.id) is point
    assert (points.open(59.0), points.open(60.0)) == (1, 0)
    with pytest.raises(OnvifFault) as refused:
        points.find(60.0, point.id)
    assert refused.value.subcodes == ("wsrf-rw:ResourceUnknownFault",)
    assert point.news.is_set()


def test_there_is_an_end_to_subscriptions_messages_and_properties() -> None:
    points = PullPoints(1)
    point = points.create(0.0, 60.0, ())
    with pytest.raises(OnvifFault):
        points.create(0.0, 60.0, ())
    for number in range(KEPT_PROPERTIES + 1):
        points.publish(0.0, _event(source=str(number)))
    assert len(point.messages) == KEPT_MESSAGES
    points.close()
    assert points.open(0.0) == 0
    later = points.create(0.0, 60.0, ())
    later.messages.clear()
    points.publish(0.0, _event(source=str(KEPT_PROPERTIES), value="new"))
    assert [event.data for event in later.messages] == [(("State", "new"),)]
