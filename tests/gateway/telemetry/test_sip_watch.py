"""Counting and tracing SIP messages as they pass."""

from __future__ import annotations

from gateway.telemetry.ladder import Ladder
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.sip_watch import SipWatch
from sip.aio import Peer, WireEvent

PEER = Peer("UDP", "127.0.0.1", 5060)


def event(direction: str, text: str) -> WireEvent:
    return WireEvent(direction, PEER, ("127.0.0.1", 5061), text.replace("\n", "\r\n").encode(), 0.0)


def watch() -> SipWatch:
    return SipWatch(Metrics(), Ladder())


def test_final_answers_are_counted_by_method_and_status() -> None:
    seen = watch()
    seen.on_wire(event(">", "SIP/2.0 200 OK\nCall-ID: 1@h\nCSeq: 1 REGISTER\n\n"))
    seen.on_wire(event("<", "SIP/2.0 486 Busy Here\nCSeq: 7 Invite\n\n"))
    seen.on_wire(event("<", "SIP/2.0 100 Trying\nCSeq: 7 INVITE\n\n"))
    seen.on_wire(event("<", "SIP/2.0 2x0 odd\nCSeq: 7 INVITE\n\n"))
    seen.on_wire(event("<", "SIP/2.0 200 OK\nCSeq: 1 HACK\n\n"))
    seen.on_wire(event("<", "SIP/2.0 500 No CSeq\n\n"))
    shown = seen._metrics.exposition().decode()
    assert 'gbgateway_sip_requests_total{method="REGISTER",status="200"} 1.0' in shown
    assert 'gbgateway_sip_sent_total{method="INVITE",status="486"} 1.0' in shown
    assert 'gbgateway_sip_sent_total{method="other",status="200"} 1.0' in shown
    assert 'gbgateway_sip_sent_total{method="other",status="500"} 1.0' in shown
    assert 'status="100"' not in shown


def test_messages_of_traced_calls_enter_their_trace() -> None:
    seen = watch()
    invite = "INVITE sip:1@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP h\ni : 1@h\nCSeq: 1 INVITE\n\nv=0"
    seen.on_wire(event(">", invite))
    seen._ladder.bind_call("c", "1@h", "stream")
    seen.on_wire(event(">", invite))
    seen.on_wire(event("<", "SIP/2.0 200 OK\nCall-ID: other@h\nCSeq: 1 INVITE\n\n"))
    seen.on_wire(event("<", "\n\n"))
    trace = seen._ladder.get("c")
    assert trace is not None
    assert [step.what for step in trace.steps] == ["dialog", "> INVITE sip:1@127.0.0.1 SIP/2.0"]


def test_a_listener_sees_every_message() -> None:
    seen, heard = watch(), list[WireEvent]()
    seen.listeners.append(heard.append)
    message = event("<", "OPTIONS sip:1@h SIP/2.0\n\n")
    seen.on_wire(message)
    assert heard == [message]
