"""What all transactions share, shown on a machine of three states."""

from __future__ import annotations

from typing import Any

from sip.peer import Peer
from sip.timings import Timings
from sip.transaction.machine import Machine
from sip.transaction.tables import Action, Input, State
from sip.transaction.timers import TimerLanes


class World:
    """The surroundings of the machine under test, remembering what it asked for."""

    def __init__(self) -> None:
        self.timings = Timings()
        self.timers = TimerLanes()
        self.sent: list[bytes] = []
        self.events: list[Any] = []
        self.gone: list[Machine] = []

    def token(self) -> str:
        return "token"

    def transmit(self, data: bytes, transaction: Machine) -> None:
        self.sent.append(data)

    def emit(self, event: Any) -> None:
        self.events.append(event)

    def ended(self, transaction: Machine) -> None:
        self.timers.disarm_all(transaction)
        self.gone.append(transaction)


class Toy(Machine):
    table = {
        (State.INIT, Input.REQUEST): (State.TRYING, (Action.SEND_REQUEST, Action.START_E, Action.START_F)),
        (State.TRYING, Input.TIMER_E): (State.TRYING, (Action.SEND_REQUEST, Action.DOUBLE_E)),
        (State.TRYING, Input.R1XX): (State.PROCEEDING, ()),
        (State.TRYING, Input.TIMER_F): (State.TERMINATED, ()),
        (State.PROCEEDING, Input.TIMER_F): (State.TERMINATED, ()),
        (State.PROCEEDING, Input.R2XX): (State.COMPLETED, (Action.START_K,)),
        (State.COMPLETED, Input.TIMER_K): (State.TERMINATED, ()),
    }
    performs = {
        Action.SEND_REQUEST: lambda self, now: self.surroundings.transmit(b"request", self),
        Action.START_E: lambda self, now: self.repeat(Input.TIMER_E, 0.5, now),
        Action.DOUBLE_E: lambda self, now: self.repeat(Input.TIMER_E, 2 * self.interval, now),
        Action.START_F: lambda self, now: self.start(Input.TIMER_F, 32.0, now),
        Action.START_K: lambda self, now: self.start(Input.TIMER_K, 0.0 if self.peer.reliable else 5.0, now),
    }


def toy(transport: str = "UDP") -> tuple[Toy, World]:
    world = World()
    return Toy(Peer(transport, "192.0.2.1", 5060), ("192.0.2.9", 5060), world), world


def test_an_input_the_figure_ignores_changes_nothing() -> None:
    machine, world = toy()
    assert not machine.happen(Input.R2XX, 0.0)
    assert machine.state is State.INIT
    assert world.sent == []


def test_a_timer_the_next_state_does_not_know_is_stopped_and_one_it_knows_runs_on() -> None:
    machine, world = toy()
    machine.happen(Input.REQUEST, 0.0)
    assert len(world.timers) == 2
    machine.happen(Input.R1XX, 0.1)
    assert list(world.timers.due(40.0)) == [(machine, Input.TIMER_F)]


def test_a_timer_of_length_zero_ends_at_once() -> None:
    machine, world = toy("TCP")
    machine.happen(Input.REQUEST, 0.0)
    machine.happen(Input.R1XX, 0.0)
    machine.happen(Input.R2XX, 0.0)
    assert machine.state is State.TERMINATED
    assert world.gone == [machine]
    assert len(world.timers) == 0


def test_retransmission_timers_do_not_run_over_a_reliable_transport() -> None:
    machine, world = toy("TCP")
    machine.happen(Input.REQUEST, 0.0)
    assert list(world.timers.due(31.0)) == []
    assert world.sent == [b"request"]


def test_an_ended_machine_is_reported_gone_once() -> None:
    machine, world = toy()
    machine.happen(Input.REQUEST, 0.0)
    machine.happen(Input.TIMER_F, 32.0)
    machine.happen(Input.TIMER_F, 33.0)
    assert world.gone == [machine]
