"""Topics and filters."""

from __future__ import annotations

import pytest

from interop.onvif.faults import OnvifFault
from interop.onvif.topics import check, matches, topic_set
from tests.interop.onvif.conftest import Found

MOTION = "tns1:RuleEngine/CellMotionDetector/Motion"


@pytest.mark.parametrize(
    ("expressions", "passes"),
    [
        ((), True),
        (("tns1:RuleEngine/CellMotionDetector/Motion",), True),
        (("x:RuleEngine//.",), True),
        (("tns1:VideoSource//.|tns1:RuleEngine/CellMotionDetector//.",), True),
        (("tns1:VideoSource//.", "tns1:RuleEngine//."), True),
        (("tns1:RuleEngine",), False),
        (("tns1:RuleEngin//.",), False),
        (("tns1:VideoSource//.",), False),
    ],
)
def test_a_filter_takes_a_topic_or_all_below(expressions: tuple[str, ...], passes: bool) -> None:
    assert matches(MOTION, expressions) is passes


def test_what_is_no_expression_is_refused() -> None:
    check(("tns1:RuleEngine//.|tns1:Device/Trigger",))
    with pytest.raises(OnvifFault) as refused:
        check(("boolean(//x[@y='z'])",))
    assert refused.value.subcodes == ("wsnt:InvalidFilterFault", "wsnt:InvalidTopicExpressionFault")


def test_the_topic_set_describes_motion() -> None:
    found = Found(topic_set("wstop:TopicSet"))
    motion = "*[local-name()='RuleEngine']/CellMotionDetector/Motion"
    assert found.one(f"{motion}/@*[local-name()='topic']") == "true"
    assert found.one(f"{motion}/tt:MessageDescription/tt:Data/tt:SimpleItemDescription/@Name") == "IsMotion"
    assert found.one("*[local-name()='VideoSource']/MotionAlarm/tt:MessageDescription/@IsProperty") == "true"
