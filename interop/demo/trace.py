"""The signalling of several nodes as one text: every SIP message once, with its time and way, among the milestones.

A node writes what it saw as JSON lines (`log.sip_trace`). A message between two of the nodes was seen twice: it is
shown as it was sent, and as it arrived only if that is something else.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Message:
    """One SIP message: `at` in unix seconds, addresses as `host:port`, `text` with credentials masked."""

    at: float
    node: str
    sent: bool
    transport: str
    source: str
    target: str
    text: str


@dataclass(frozen=True, slots=True)
class Milestone:
    """What else happened in a call."""

    at: float
    node: str
    text: str


def read_messages(node: str, path: Path) -> list[Message]:
    """What a node wrote. Raises OSError, and ValueError or KeyError when it is not that."""
    found = []
    for line in path.read_text("utf-8").splitlines():
        seen = json.loads(line)
        sent = seen["direction"] == ">"
        source, target = (seen["local"], seen["peer"]) if sent else (seen["peer"], seen["local"])
        found.append(Message(seen["at"], node, sent, seen["transport"], source, target, seen["message"]))
    return found


def once(messages: Iterable[Message]) -> list[Message]:
    """The messages without those that another of the nodes is shown to have sent."""
    every = sorted(messages, key=lambda message: message.at)
    sent = Counter(_way(message) for message in every if message.sent)
    shown = []
    for message in every:
        if not message.sent and sent[_way(message)] > 0:
            sent[_way(message)] -= 1
        else:
            shown.append(message)
    return shown


def _way(message: Message) -> tuple[str, str, str, str]:
    return message.transport, message.source, message.target, message.text


def written(messages: Iterable[Message], milestones: Iterable[Milestone], names: Mapping[str, str]) -> str:
    """The text, by time from the first on; `names` tells who has a SIP address (`host:port`)."""
    events: list[Message | Milestone] = sorted([*once(messages), *milestones], key=lambda event: event.at)
    return "".join(
        _message(event, event.at - events[0].at, names)
        if isinstance(event, Message)
        else f"{event.at - events[0].at:9.3f}  {event.node}: {event.text}\n\n"
        for event in events
    )


def _message(message: Message, seconds: float, names: Mapping[str, str]) -> str:
    """A line that says who sends what to whom, and the message below it."""
    ends = [_named(address, names) for address in (message.source, message.target)]
    # A TCP connection has a port of its own at the end that opened it: that end is the node itself.
    own = 0 if message.sent else 1
    if not ends[own].startswith(message.node):
        ends[own] = f"{message.node} {(message.source, message.target)[own]}"
    text = "".join(f"           {line}".rstrip() + "\n" for line in message.text.rstrip().splitlines())
    return f"{seconds:9.3f}  {ends[0]} -> {ends[1]}  {message.transport}\n{text}\n"


def _named(address: str, names: Mapping[str, str]) -> str:
    return f"{names[address]} {address}" if address in names else address
