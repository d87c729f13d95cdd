"""Topics of events and the filters over them (WS-Topics 1.3, ONVIF Core 9.7)."""

from __future__ import annotations

import re
from typing import Final

from interop.onvif.faults import OnvifFault
from interop.onvif.names import CELL_MOTION, MOTION_ALARM
from interop.onvif.tree import Element, node

CONCRETE_SET: Final = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
CONCRETE: Final = "http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete"
_EXPRESSION = re.compile(r"[\w.-]+:?[\w./-]*(//\.)?")


def matches(topic: str, expressions: tuple[str, ...]) -> bool:
    """Whether a topic passes a filter: "tns1:RuleEngine//." takes all below, "a|b" takes both; none takes all."""
    wanted = [one.strip() for expression in expressions for one in expression.split("|")]
    if not wanted:
        return True
    local = _local(topic)
    for one in wanted:
        tree = one.endswith("//.")
        path = _local(one.removesuffix("//."))
        if local == path or (tree and local.startswith(path + "/")):
            return True
    return False


def check(expressions: tuple[str, ...]) -> None:
    """Refuse what is no topic expression. Raises OnvifFault (wsnt:InvalidTopicExpressionFault)."""
    for expression in expressions:
        if not all(_EXPRESSION.fullmatch(one.strip()) for one in expression.split("|")):
            reason = f"Not a topic expression: {expression!r}"
            raise OnvifFault("wsnt:InvalidFilterFault", "wsnt:InvalidTopicExpressionFault", reason=reason)


def _local(path: str) -> str:
    return "/".join(part.rpartition(":")[2] for part in path.split("/"))


def topic_set(name: str) -> Element:
    """The topics this kind of camera raises, with what their messages say."""
    motion = _message(
        {
            "VideoSourceConfigurationToken": "tt:ReferenceToken",
            "VideoAnalyticsConfigurationToken": "tt:ReferenceToken",
            "Rule": "xs:string",
        },
        {"IsMotion": "xs:boolean"},
    )
    alarm = _message({"Source": "tt:ReferenceToken"}, {"State": "xs:boolean"})
    return node(
        name,
        _topic(CELL_MOTION, motion),
        _topic(MOTION_ALARM, alarm),
    )


def _message(source: dict[str, str], data: dict[str, str]) -> Element:
    def described(name: str, items: dict[str, str]) -> Element:
        return node(
            name, [node("tt:SimpleItemDescription", {"Name": key, "Type": kind}) for key, kind in items.items()]
        )

    return node(
        "tt:MessageDescription", {"IsProperty": True}, described("tt:Source", source), described("tt:Data", data)
    )


def _topic(path: str, message: Element) -> Element:
    """A topic as nested elements; the first name has a namespace, those below have none."""
    root, *below = path.split("/")
    top = inner = node(root)
    for name in below:
        inner = _below(inner, name)
    inner.set("{http://docs.oasis-open.org/wsn/t-1}topic", "true")
    inner.append(message)
    return top


def _below(parent: Element, name: str) -> Element:
    child = parent.makeelement(name)
    parent.append(child)
    return child
