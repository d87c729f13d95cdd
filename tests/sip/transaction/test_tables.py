"""The transaction tables: closed, terminating, with the figures' retransmission instants."""

from __future__ import annotations

import itertools

import pytest

from sip.transaction import tables
from sip.transaction.tables import Action, Input, State, Table, step

FIGURES: dict[str, Table] = {
    "INVITE client": tables.INVITE_CLIENT,
    "non-INVITE client": tables.NON_INVITE_CLIENT,
    "INVITE server": tables.INVITE_SERVER,
    "non-INVITE server": tables.NON_INVITE_SERVER,
    "2xx keeper": tables.ANSWER_KEEPER,
}
BEGIN = {name: Input.TU_2XX if name == "2xx keeper" else Input.REQUEST for name in FIGURES}
TIMER_OF = {
    action: Input[f"TIMER_{action.name.split('_', 1)[1]}"]
    for action in Action
    if action.name.startswith(("START_", "DOUBLE_", "SLOW_"))
}
each_figure = pytest.mark.parametrize("name", FIGURES)


def inputs_of(table: Table) -> list[Input]:
    return sorted({happened for _, happened in table}, key=lambda found: found.name)


@each_figure
def test_every_state_a_row_leads_to_has_rows_of_its_own_or_is_the_end(name: str) -> None:
    table = FIGURES[name]
    with_rows = {state for state, _ in table}
    assert {state for state, _ in table.values()} <= with_rows | {State.TERMINATED}
    assert State.TERMINATED not in with_rows
    assert (State.INIT, BEGIN[name]) in table


@each_figure
def test_every_timer_a_row_starts_is_known_in_the_state_it_starts_in(name: str) -> None:
    table = FIGURES[name]
    for state, actions in table.values():
        for action in actions:
            if action in TIMER_OF:
                assert (state, TIMER_OF[action]) in table, (state, action)


@each_figure
def test_every_state_ends_by_timers_alone(name: str) -> None:
    table = FIGURES[name]
    ends = {State.TERMINATED}
    for _ in State:
        ends |= {
            state for (state, happened), row in table.items() if happened.name.startswith("TIMER_") and row[0] in ends
        }
    assert {state for state, _ in table} - {State.INIT} <= ends


@each_figure
def test_every_state_is_entered_with_a_timer_running_that_leads_to_the_end(name: str) -> None:
    """A state whose timers were never started would live for ever."""
    table = FIGURES[name]
    for (origin, _), (state, actions) in table.items():
        if state in (State.TERMINATED, origin):
            continue
        started = {TIMER_OF[action] for action in actions if action in TIMER_OF}
        kept = {happened for known, happened in table if known is origin and happened.name.startswith("TIMER_")}
        running = started | {timer for timer in kept if (state, timer) in table}
        assert any(table[state, timer][0] is not state for timer in running if (state, timer) in table), (origin, state)


@each_figure
def test_a_walk_of_every_sequence_of_five_inputs_keeps_the_promises(name: str) -> None:
    table = FIGURES[name]
    begin = step(table, State.INIT, BEGIN[name])
    for walk in itertools.product(inputs_of(table), repeat=5):
        state, actions = begin
        done: list[Action] = list(actions)
        for happened in walk:
            ended = state is State.TERMINATED
            state, actions = step(table, state, happened)
            assert not (ended and actions), "an ended transaction did something"
            done.extend(actions)
        assert done.count(Action.PASS_REQUEST) <= 1
        assert done.count(Action.INFORM_TIMEOUT) <= 1
        assert done.count(Action.SEND_NO_ANSWER) <= 1
        assert done.count(Action.INFORM_NO_ACK) <= 1
        assert not (Action.INFORM_TIMEOUT in done and Action.SEND_ACK in done), "timed out after a final answer"


def test_a_final_refusal_is_passed_up_once_and_acknowledged_each_time() -> None:
    state, actions = step(tables.INVITE_CLIENT, State.PROCEEDING, Input.R3XX_6XX)
    assert (state, actions) == (State.COMPLETED, (Action.SEND_ACK, Action.PASS_RESPONSE, Action.START_D))
    assert step(tables.INVITE_CLIENT, state, Input.R3XX_6XX) == (State.COMPLETED, (Action.SEND_ACK,))


def test_an_accepted_invite_passes_up_every_2xx_and_ignores_other_answers() -> None:
    table = tables.INVITE_CLIENT
    assert step(table, State.ACCEPTED, Input.R2XX) == (State.ACCEPTED, (Action.PASS_RESPONSE,))
    assert step(table, State.ACCEPTED, Input.R3XX_6XX) == (State.ACCEPTED, ())
    assert step(table, State.ACCEPTED, Input.TIMER_M) == (State.TERMINATED, ())


def test_an_accepted_invite_absorbs_its_own_repetition_at_the_server() -> None:
    table = tables.INVITE_SERVER
    assert step(table, State.ACCEPTED, Input.REQUEST) == (State.ACCEPTED, ())
    assert step(table, State.ACCEPTED, Input.ACK) == (State.ACCEPTED, (Action.PASS_ACK,))
    assert step(table, State.ACCEPTED, Input.TIMER_L) == (State.TERMINATED, ())


def test_an_invite_is_answered_100_at_once() -> None:
    assert step(tables.INVITE_SERVER, State.INIT, Input.REQUEST)[1][0] is Action.SEND_100


@pytest.mark.parametrize(
    ("status", "client", "server"),
    [
        (100, Input.R1XX, Input.TU_1XX),
        (199, Input.R1XX, Input.TU_1XX),
        (200, Input.R2XX, Input.TU_2XX),
        (299, Input.R2XX, Input.TU_2XX),
        (300, Input.R3XX_6XX, Input.TU_3XX_6XX),
        (699, Input.R3XX_6XX, Input.TU_3XX_6XX),
    ],
)
def test_status_codes_are_inputs_by_their_class(status: int, client: Input, server: Input) -> None:
    assert tables.input_of_response(status) is client
    assert tables.input_of_answer(status) is server
