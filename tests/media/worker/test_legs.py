"""Commands on the leg table: idempotence, refusals, closing together."""

from __future__ import annotations

from typing import Any

import pytest

from media.worker import legs as legs_module
from media.worker.control import (
    CloseLeg,
    Drain,
    LegClosed,
    Opened,
    OpenSink,
    OpenSource,
    StartSink,
    Stats,
    UpdateSource,
)
from media.worker.legs import LegTable
from media.worker.server import Refused

HOST = "127.0.0.1"
SOURCE = OpenSource(leg="in", transport="udp", bind=HOST)
SINK = OpenSink(leg="out", source="in", transport="udp", bind=HOST, ssrc=9)


@pytest.fixture
def table(floor: Any) -> Any:
    legs = LegTable(floor.context)
    yield legs
    legs.close_all("end of test")


def refused(table: LegTable, command: Any) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        table.run(command)
    return caught.value.error.code, caught.value.error.message


def test_a_repeated_command_is_answered_the_same(table: LegTable) -> None:
    first = table.run(SOURCE)
    assert isinstance(first, Opened)
    assert table.run(OpenSource(leg="in", transport="udp", bind=HOST, seq=99)) == first
    assert table.run(SINK) == table.run(SINK)
    start = StartSink(leg="out", remote=(HOST, 9))
    table.run(start)
    table.run(start)
    assert len(table) == 2


def test_a_leg_takes_its_port_from_the_range_it_is_given_and_gives_it_back(table: LegTable, floor: Any) -> None:
    ports = (47910, 47913)
    table.run(OpenSource(leg="in", transport="udp", bind=HOST, ports=ports))
    table.run(OpenSource(leg="tcp", transport="tcp_passive", bind=HOST, ports=ports))
    assert [leg.opened.port for leg in table.sources.values()] == [47910, 47912]
    code, message = refused(table, OpenSink(leg="out", source="in", transport="udp", bind=HOST, ssrc=9, ports=ports))
    assert code == "no_port" and "47910-47913" in message
    assert len(floor.context.ports) == 0 and len(floor.context.pool(ports)) == 2
    table.close_all("done")
    assert len(floor.context.pool(ports)) == 0


@pytest.mark.parametrize("ports", [(1000, 2000), (5000, 5000), (65000, 70000)])
def test_what_is_no_range_of_ports_is_refused(table: LegTable, ports: tuple[int, int]) -> None:
    assert refused(table, OpenSource(leg="in", transport="udp", bind=HOST, ports=ports))[0] == "bad_request"


def test_the_same_leg_with_other_content_is_refused(table: LegTable) -> None:
    table.run(SOURCE)
    assert refused(table, OpenSource(leg="in", transport="udp", bind=HOST, ssrc=5))[0] == "bad_request"
    table.run(SINK)
    assert refused(table, OpenSource(leg="out", transport="udp", bind=HOST))[0] == "bad_request"


@pytest.mark.parametrize(
    "command",
    [
        UpdateSource(leg="x", ssrc=1, accept_from=[]),
        OpenSink(leg="out", source="x", transport="udp", bind=HOST, ssrc=1),
        StartSink(leg="x", remote=(HOST, 9)),
        CloseLeg(leg="x"),
    ],
)
def test_an_unknown_leg_is_refused(table: LegTable, command: Any) -> None:
    assert refused(table, command)[0] == "no_such_leg"


@pytest.mark.parametrize(
    "command",
    [
        OpenSource(leg="a", transport="udp", bind="a.name"),
        OpenSource(leg="a", transport="udp", bind="192.0.2.1"),
        OpenSource(leg="a", transport="udp", bind=HOST, accept_from=["camera.example"]),
        UpdateSource(leg="in", ssrc=1, accept_from=[], remote=(HOST, 0)),
        UpdateSource(leg="in", ssrc=1, accept_from=[], remote=("x", 1)),
        OpenSink(leg="b", source="in", transport="udp", bind="192.0.2.1", ssrc=1),
        StartSink(leg="out", remote=(HOST, 70000)),
        StartSink(leg="out"),
    ],
)
def test_only_literal_addresses_of_this_machine_are_taken(table: LegTable, command: Any) -> None:
    table.run(SOURCE)
    table.run(SINK)
    assert refused(table, command)[0] == "bad_address"


@pytest.mark.parametrize(("ssrc", "payload_type"), [(-1, None), (1 << 32, None), (1, 128), (1, -1)])
def test_values_that_fit_no_rtp_header_are_refused(table: LegTable, ssrc: int, payload_type: int | None) -> None:
    table.run(SOURCE)
    command = OpenSink(leg="o", source="in", transport="udp", bind=HOST, ssrc=ssrc, payload_type=payload_type)
    assert refused(table, command)[0] == "bad_request"


def test_closing_a_source_closes_its_sinks(table: LegTable, floor: Any) -> None:
    table.run(SOURCE)
    table.run(SINK)
    table.run(CloseLeg(leg="in"))
    assert [(e.leg, e.reason) for e in floor.told(LegClosed)] == [("out", "source in closed"), ("in", "closed")]
    assert len(table) == 0 and len(floor.context.ports) == 0


def test_closing_a_sink_leaves_its_source(table: LegTable, floor: Any) -> None:
    table.run(SOURCE)
    table.run(SINK)
    assert [(s.leg, s.kind, s.bytes) for s in table.run(CloseLeg(leg="out"))] == [("out", "sink", 0)]
    assert [e.leg for e in floor.told(LegClosed)] == ["out"]
    assert table.sources["in"].sinks == []


def test_all_legs_are_listed(table: LegTable, floor: Any) -> None:
    table.run(SOURCE)
    table.run(SINK)
    table.run(UpdateSource(leg="in", ssrc=5, accept_from=[HOST], remote=(HOST, 5)))
    table.check(floor.now)
    stats = table.run(Stats())
    assert isinstance(stats, list)
    assert [(s.leg, s.kind, s.transport) for s in stats] == [("in", "source", "udp"), ("out", "sink", "udp")]
    assert [(s.leg, s.kind) for s in table.states()] == [("in", "source"), ("out", "sink")]


def test_a_draining_worker_takes_no_new_legs(table: LegTable) -> None:
    table.run(SOURCE)
    table.draining = True
    assert refused(table, SINK) == ("limit", "the worker is draining")
    assert table.run(SOURCE)


def test_the_number_of_legs_is_bounded(table: LegTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(legs_module, "MOST_LEGS", 1)
    table.run(SOURCE)
    assert refused(table, SINK)[0] == "limit"


def test_other_commands_are_none_of_its(table: LegTable) -> None:
    assert refused(table, Drain())[0] == "bad_request"
