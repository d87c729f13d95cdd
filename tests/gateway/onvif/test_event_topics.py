"""Events as alarms."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway.onvif.event_topics import (
    INPUT,
    MOTION,
    OCCLUSION,
    TRIPWIRE,
    EventStates,
    Notification,
    notifications,
)
from tests.gateway.onvif.soap import answer

MESSAGE = """<wsnt:NotificationMessage>
<wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">{topic}</wsnt:Topic>
<wsnt:Message><tt:Message UtcTime="2026-01-02T03:04:05Z" PropertyOperation="{operation}">
<tt:Source><tt:SimpleItem Name="VideoSourceConfigurationToken" Value="vsc"/>
<tt:SimpleItem Name="Rule" Value="r"/></tt:Source><tt:Data><tt:SimpleItem Name="IsMotion" Value="{value}"/></tt:Data>
</tt:Message></wsnt:Message></wsnt:NotificationMessage>"""


def read(body: str) -> list[Notification]:
    return notifications(etree.fromstring(answer(f"<tev:PullMessagesResponse>{body}</tev:PullMessagesResponse>")))


def message(topic: str, value: str = "true", operation: str = "Changed") -> str:
    return MESSAGE.format(topic=topic, value=value, operation=operation)


def test_a_message_is_read_with_its_topic_source_and_state() -> None:
    [found] = read(message("tns1:RuleEngine/CellMotionDetector/Motion"))
    assert found.topic == "RuleEngine/CellMotionDetector/Motion" and found.kind is MOTION
    assert found.video_source == "vsc" and found.active and found.lasts and found.operation == "Changed"
    assert found.data == {"IsMotion": "true"}


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        ("tns1:VideoSource/MotionAlarm", MOTION),
        ("tns1:RuleEngine/tns1:TamperDetector/tns1:Tamper", OCCLUSION),
        ("tns1:Device/Trigger/DigitalInput", INPUT),
        ("tns1:Monitoring/ProcessorUsage", None),
    ],
)
def test_each_topic_is_an_alarm_of_its_kind_or_none(topic: str, kind: object) -> None:
    assert read(message(topic))[0].kind is kind


def test_what_cannot_be_read_is_left_out() -> None:
    odd = "<wsnt:NotificationMessage/><wsnt:NotificationMessage><wsnt:Topic>x</wsnt:Topic></wsnt:NotificationMessage>"
    assert len(read(odd + message(" ") + message("tns1:VideoSource/MotionAlarm"))) == 1
    assert len(read(message("tns1:VideoSource/MotionAlarm") * 300)) == 256


def said(topic: str, value: str, operation: str = "Changed", **source: str) -> Notification:
    return Notification(topic, operation, source, {"State": value})


def test_an_alarm_is_raised_when_it_begins_and_again_only_after_it_has_ended() -> None:
    states = EventStates()
    assert states.take(said("VideoSource/MotionAlarm", "false"), "a") is None
    assert states.take(said("VideoSource/MotionAlarm", "true"), "a") is MOTION
    assert states.take(said("VideoSource/MotionAlarm", "1"), "a") is None
    assert states.take(said("VideoSource/MotionAlarm", "true"), "b") is MOTION
    assert states.take(said("VideoSource/MotionAlarm", "false"), "a") is None
    assert states.take(said("VideoSource/MotionAlarm", "true", "Initialized"), "a") is MOTION
    assert states.take(said("VideoSource/MotionAlarm", "true", "Deleted"), "a") is None
    assert states.take(said("VideoSource/MotionAlarm", "true"), "a") is MOTION


def test_the_same_motion_through_two_topics_is_one_alarm() -> None:
    states = EventStates()
    cell, plain = "RuleEngine/CellMotionDetector/Motion", "VideoSource/MotionAlarm"
    assert states.take(said(cell, "true", Rule="r"), "a") is MOTION
    assert states.take(said(plain, "true"), "a") is None
    assert states.take(said(cell, "false", Rule="r"), "a") is None
    assert states.take(said(cell, "true", Rule="r"), "a") is None
    for topic, source in ((cell, {"Rule": "r"}), (plain, {})):
        states.take(said(topic, "false", **source), "a")
    assert states._active == {} and states.take(said(plain, "true"), "a") is MOTION


def test_what_just_happens_is_an_alarm_each_time_and_unknown_topics_are_none() -> None:
    states = EventStates()
    crossed = Notification("RuleEngine/LineDetector/Crossed", "Changed", {}, {"ObjectId": "7"})
    assert [states.take(crossed, "a") for _ in range(2)] == [TRIPWIRE, TRIPWIRE]
    assert states.take(said("Monitoring/Backup", "true"), "a") is None
    assert crossed.video_source == ""


def test_what_was_so_before_a_lost_subscription_hides_nothing_and_is_no_second_alarm() -> None:
    states = EventStates()
    assert states.take(said("VideoSource/MotionAlarm", "true"), "a") is MOTION
    states.begin()
    again = replace(said("VideoSource/MotionAlarm", "true"), operation="Initialized")
    assert states.take(again, "a") is None
    assert states.take(said("VideoSource/MotionAlarm", "false"), "a") is None
    assert states.take(said("VideoSource/MotionAlarm", "true"), "a") is MOTION
    states.begin()  # its end is missed: the camera was restarted
    assert states.take(said("RuleEngine/CellMotionDetector/Motion", "true"), "a") is MOTION


WORDS = st.tuples(st.sampled_from(["a", "b"]), st.booleans())


@given(st.lists(WORDS, max_size=60))
def test_alarms_are_exactly_the_beginnings(words: list[tuple[str, bool]]) -> None:
    states, now, raised = EventStates(), {"a": False, "b": False}, 0
    begun = 0
    for place, active in words:
        begun += active and not now[place]
        now[place] = active
        raised += states.take(said("VideoSource/MotionAlarm", str(active).lower()), place) is MOTION
    assert raised == begun


def test_what_is_remembered_is_bounded() -> None:
    states = EventStates()
    for number in range(2000):
        states.take(said("VideoSource/MotionAlarm", "true"), str(number))
        states.take(said("VideoSource/MotionAlarm", "true", Rule=str(number)), "one")
    assert len(states._active) <= 512 and all(len(topics) <= 32 for topics in states._active.values())
