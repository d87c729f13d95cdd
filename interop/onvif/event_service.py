"""The event service (ver10/events) and the subscriptions it creates: pull points."""

from __future__ import annotations

import asyncio

from interop.onvif import durations, topics
from interop.onvif.faults import OnvifFault
from interop.onvif.names import SUBSCRIPTION_PATH
from interop.onvif.pull_points import Event, PullPoint, PullPoints
from interop.onvif.received import Received
from interop.onvif.state import Call, CameraState, Operations
from interop.onvif.tree import Element, children, node

DEFAULT_TERM_S = 60.0
LONGEST_TERM_S = 3600.0
LONGEST_PULL_S = 60.0
MOST_MESSAGES = 100

_XML_TOPICS = "http://www.onvif.org/onvif/ver10/topics/topicns.xml"
_ITEM_FILTER = "http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter"
_SCHEMA = "http://www.onvif.org/onvif/ver10/schema/onvif.xsd"


class EventService:
    """Subscriptions and their messages."""

    def __init__(self, state: CameraState, points: PullPoints) -> None:
        self._state = state
        self._points = points
        self.operations: Operations = {
            "GetServiceCapabilities": self.service_capabilities,
            "GetEventProperties": self.event_properties,
            "CreatePullPointSubscription": self.create,
            "PullMessages": self.pull,
            "SetSynchronizationPoint": self.set_synchronization_point,
            "Renew": self.renew,
            "Unsubscribe": self.unsubscribe,
        }

    def service_capabilities(self, call: Call) -> Element:
        """What the service can."""
        supported = {
            "WSSubscriptionPolicySupport": False,
            "WSPullPointSupport": True,
            "WSPausableSubscriptionManagerInterfaceSupport": False,
            "MaxPullPoints": self._state.settings.max_subscriptions,
            "PersistentNotificationStorage": False,
        }
        return node("tev:GetServiceCapabilitiesResponse", node("tev:Capabilities", supported))

    def event_properties(self, call: Call) -> Element:
        """Topics and the ways to filter them."""
        return node(
            "tev:GetEventPropertiesResponse",
            node("tev:TopicNamespaceLocation", _XML_TOPICS),
            node("wsnt:FixedTopicSet", True),
            topics.topic_set("wstop:TopicSet"),
            node("wsnt:TopicExpressionDialect", topics.CONCRETE),
            node("wsnt:TopicExpressionDialect", topics.CONCRETE_SET),
            node("tev:MessageContentFilterDialect", _ITEM_FILTER),
            node("tev:MessageContentSchemaLocation", _SCHEMA),
        )

    def create(self, call: Call) -> Element:
        """A new pull point, with an address of its own."""
        received = call.received
        if any(dialect not in (topics.CONCRETE, topics.CONCRETE_SET) for dialect in received.texts(_DIALECT)):
            reason = f"No topic dialect {received.texts(_DIALECT)!r}"
            raise OnvifFault("wsnt:InvalidFilterFault", "wsnt:TopicExpressionDialectUnknownFault", reason=reason)
        expressions = received.texts("Filter.TopicExpression")
        topics.check(expressions)
        now = self._state.clock.now()
        term_s = self._term(received, "InitialTerminationTime")
        point = self._points.create(now, now + term_s, expressions)
        reference = node("wsa:Address", f"{call.base}{SUBSCRIPTION_PATH}{point.id}")
        return node(
            "tev:CreatePullPointSubscriptionResponse",
            node("tev:SubscriptionReference", reference),
            self._times("wsnt", point),
        )

    async def pull(self, call: Call) -> Element:
        """The messages there are; without any, wait for the first until the timeout asked for."""
        point = self._point(call)
        limit, timeout_s = call.received.number("MessageLimit"), call.received.timeout_s
        if limit is None or timeout_s is None or limit < 0 or timeout_s < 0:
            raise OnvifFault("ter:InvalidArgs", reason="PullMessages needs Timeout and MessageLimit")
        if not point.messages:
            point.news.clear()
            try:
                async with asyncio.timeout(min(timeout_s, LONGEST_PULL_S)):
                    await point.news.wait()
            except TimeoutError:
                pass
            self._point(call)
        taken = point.take(min(int(limit) or MOST_MESSAGES, MOST_MESSAGES))
        return node("tev:PullMessagesResponse", self._times("tev", point), [_notification(one) for one in taken])

    def set_synchronization_point(self, call: Call) -> Element:
        """The state of every property is told again."""
        self._points.synchronize(self._point(call))
        return node("tev:SetSynchronizationPointResponse")

    def renew(self, call: Call) -> Element:
        """A new term from now."""
        point = self._point(call)
        point.until = self._state.clock.now() + self._term(call.received, "TerminationTime")
        now, then = self._times("wsnt", point)
        return node("wsnt:RenewResponse", then, now)

    def unsubscribe(self, call: Call) -> Element:
        """The end of a pull point."""
        self._points.remove(self._point(call))
        return node("wsnt:UnsubscribeResponse")

    def _point(self, call: Call) -> PullPoint:
        return self._points.find(self._state.clock.now(), call.subscription)

    def _times(self, prefix: str, point: PullPoint) -> list[Element]:
        utc = self._state.clock.utc()
        left_s = point.until - self._state.clock.now()
        values = {"CurrentTime": utc, "TerminationTime": utc + left_s}
        return children({f"{prefix}:{name}": durations.date_time(value) for name, value in values.items()})

    def _term(self, received: Received, path: str) -> float:
        """Seconds a subscription shall last, asked for as a duration or as a date of the camera's clock."""
        text = received.text(path)
        if not text:
            return DEFAULT_TERM_S
        try:
            relative = text.startswith(("P", "-P"))
            term_s = durations.seconds(text) if relative else durations.timestamp(text) - self._state.clock.utc()
        except ValueError:
            term_s = -1.0
        if term_s <= 0:
            fault = "wsnt:UnacceptableTerminationTimeFault"
            if path == "InitialTerminationTime":
                fault = "wsnt:UnacceptableInitialTerminationTimeFault"
            raise OnvifFault(fault, reason=f"{path} cannot be {text!r}")
        return min(term_s, LONGEST_TERM_S)


_DIALECT = "Filter.TopicExpression.Dialect"


def _notification(event: Event) -> Element:
    def items(name: str, pairs: tuple[tuple[str, str], ...]) -> Element:
        return node(name, [node("tt:SimpleItem", {"Name": key, "Value": value}) for key, value in pairs])

    message = node(
        "tt:Message",
        {"UtcTime": durations.date_time(event.utc), "PropertyOperation": event.operation},
        items("tt:Source", event.source),
        items("tt:Data", event.data),
    )
    return node(
        "wsnt:NotificationMessage",
        node("wsnt:Topic", {"Dialect": topics.CONCRETE_SET}, event.topic),
        node("wsnt:Message", message),
    )
