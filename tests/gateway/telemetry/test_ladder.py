"""Traces of calls."""

from __future__ import annotations

import itertools

from gateway.telemetry.ladder import MAX_STEPS, Ladder


def ladder(capacity: int = 3) -> Ladder:
    ticks = itertools.count(1)
    return Ladder(capacity, clock=lambda: float(next(ticks)))


def test_a_trace_joins_milestones_and_the_messages_of_its_dialogs() -> None:
    traces = ladder()
    assert not traces.has_calls
    traces.step("c1", "media port open", port=30000)
    traces.bind_call("c1", "1@h", "peer/channel")
    traces.sip(">", "1@h", "INVITE sip:1@h SIP/2.0", "udp:127.0.0.1:5060")
    traces.sip("<", "2@h", "SIP/2.0 200 OK", "udp:127.0.0.1:5060")
    trace = traces.get("c1")
    assert traces.has_calls and trace is not None
    assert trace.to_json() == {
        "id": "c1",
        "stream": "peer/channel",
        "call_ids": ["1@h"],
        "steps": [
            {"at": 1.0, "what": "media port open", "what_zh": "媒体端口已打开", "port": 30000},
            {"at": 2.0, "what": "dialog", "what_zh": "会话标识", "call_id": "1@h"},
            {"at": 3.0, "what": "> INVITE sip:1@h SIP/2.0", "peer": "udp:127.0.0.1:5060"},
        ],
    }


def test_the_oldest_trace_is_forgotten_with_its_dialogs() -> None:
    traces = ladder(2)
    for name in ("a", "b", "c"):
        traces.bind_call(name, f"{name}@h", name)
    assert [trace.id for trace in traces.recent()] == ["c", "b"] and len(traces) == 2
    assert traces.get("a") is None
    traces.sip("<", "a@h", "BYE", "x")
    assert traces.get("a") is None


def test_of_a_long_call_the_beginning_and_the_end_are_kept() -> None:
    traces = ladder()
    for number in range(MAX_STEPS * 2):
        traces.step("c", str(number))
    trace = traces.get("c")
    assert trace is not None and len(trace.steps) == MAX_STEPS
    assert (trace.steps[0].what, trace.steps[-1].what) == ("0", str(MAX_STEPS * 2 - 1))


def test_without_room_nothing_is_kept() -> None:
    traces = ladder(0)
    traces.bind_call("c", "1@h", "x")
    assert len(traces) == 0 and not traces.has_calls
