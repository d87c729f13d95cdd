"""The four transaction state machines of RFC 3261 (figures 5 to 8) as amended by RFC 6026, as tables.

Knows states, inputs and actions; knows no messages, no time, no transport. A pair missing from a table is an input the
figure ignores in that state. One table serves both kinds of transport: timers that only exist over an unreliable one
are simply never armed over a reliable one, and those of length zero there end at once, so they stand last in a row.

Rows that are not in the figures, each needed so that nothing can live for ever: Timer C in the INVITE client, and
ANSWER (our application's own time limit) in the two servers. A lost connection fails a client transaction at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto


class State(Enum):
    """States of the figures. INIT is the dot the figures begin from."""

    INIT = auto()
    CALLING = auto()
    TRYING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    ACCEPTED = auto()
    TERMINATED = auto()

    __hash__ = object.__hash__


class Input(Enum):
    """What may happen to a transaction."""

    REQUEST = auto()
    """Client: the user's request. Server: the request, first time or again."""
    R1XX = auto()
    R2XX = auto()
    R3XX_6XX = auto()
    ACK = auto()
    TU_1XX = auto()
    TU_2XX = auto()
    TU_3XX_6XX = auto()
    TRANSPORT_ERROR = auto()
    TIMER_A = auto()
    TIMER_B = auto()
    TIMER_C = auto()
    TIMER_D = auto()
    TIMER_E = auto()
    TIMER_F = auto()
    TIMER_G = auto()
    TIMER_H = auto()
    TIMER_I = auto()
    TIMER_J = auto()
    TIMER_K = auto()
    TIMER_L = auto()
    TIMER_M = auto()
    TIMER_ANSWER = auto()
    """Our application did not answer in time."""
    TIMER_2XX = auto()
    """Time to repeat a 2xx to INVITE (RFC 3261 13.3.1.4)."""
    TIMER_ACK = auto()
    """64*T1 without an ACK for a 2xx."""

    __hash__ = object.__hash__


class Action(Enum):
    """What a transaction then does."""

    SEND_REQUEST = auto()
    SEND_ACK = auto()
    SEND_100 = auto()
    SEND_RESPONSE = auto()
    SEND_NO_ANSWER = auto()
    PASS_REQUEST = auto()
    PASS_RESPONSE = auto()
    PASS_ACK = auto()
    INFORM_TIMEOUT = auto()
    INFORM_TRANSPORT_ERROR = auto()
    INFORM_NO_ACK = auto()
    START_A = auto()
    DOUBLE_A = auto()
    START_B = auto()
    START_C = auto()
    START_D = auto()
    START_E = auto()
    DOUBLE_E = auto()
    SLOW_E = auto()
    START_F = auto()
    START_G = auto()
    DOUBLE_G = auto()
    START_H = auto()
    START_I = auto()
    START_J = auto()
    START_K = auto()
    START_L = auto()
    START_M = auto()
    START_ANSWER = auto()
    START_2XX = auto()
    DOUBLE_2XX = auto()
    START_ACK = auto()

    __hash__ = object.__hash__


Row = tuple[State, tuple[Action, ...]]
Table = Mapping[tuple[State, Input], Row]

_S, _I, _A = State, Input, Action

INVITE_CLIENT: Table = {
    (_S.INIT, _I.REQUEST): (_S.CALLING, (_A.SEND_REQUEST, _A.START_A, _A.START_B)),
    (_S.CALLING, _I.TIMER_A): (_S.CALLING, (_A.SEND_REQUEST, _A.DOUBLE_A)),
    (_S.CALLING, _I.TIMER_B): (_S.TERMINATED, (_A.INFORM_TIMEOUT,)),
    (_S.CALLING, _I.R1XX): (_S.PROCEEDING, (_A.START_C, _A.PASS_RESPONSE)),
    (_S.CALLING, _I.R2XX): (_S.ACCEPTED, (_A.START_M, _A.PASS_RESPONSE)),
    (_S.CALLING, _I.R3XX_6XX): (_S.COMPLETED, (_A.SEND_ACK, _A.PASS_RESPONSE, _A.START_D)),
    (_S.CALLING, _I.TRANSPORT_ERROR): (_S.TERMINATED, (_A.INFORM_TRANSPORT_ERROR,)),
    (_S.PROCEEDING, _I.R1XX): (_S.PROCEEDING, (_A.START_C, _A.PASS_RESPONSE)),
    (_S.PROCEEDING, _I.R2XX): (_S.ACCEPTED, (_A.START_M, _A.PASS_RESPONSE)),
    (_S.PROCEEDING, _I.R3XX_6XX): (_S.COMPLETED, (_A.SEND_ACK, _A.PASS_RESPONSE, _A.START_D)),
    (_S.PROCEEDING, _I.TIMER_C): (_S.TERMINATED, (_A.INFORM_TIMEOUT,)),
    (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_S.TERMINATED, (_A.INFORM_TRANSPORT_ERROR,)),
    (_S.COMPLETED, _I.R3XX_6XX): (_S.COMPLETED, (_A.SEND_ACK,)),
    (_S.COMPLETED, _I.TIMER_D): (_S.TERMINATED, ()),
    (_S.COMPLETED, _I.TRANSPORT_ERROR): (_S.TERMINATED, (_A.INFORM_TRANSPORT_ERROR,)),
    (_S.ACCEPTED, _I.R2XX): (_S.ACCEPTED, (_A.PASS_RESPONSE,)),
    (_S.ACCEPTED, _I.TIMER_M): (_S.TERMINATED, ()),
}
"""RFC 3261 figure 5 with RFC 6026 8.4 (Accepted state, Timer M)."""

NON_INVITE_CLIENT: Table = {
    (_S.INIT, _I.REQUEST): (_S.TRYING, (_A.SEND_REQUEST, _A.START_E, _A.START_F)),
    (_S.TRYING, _I.TIMER_E): (_S.TRYING, (_A.SEND_REQUEST, _A.DOUBLE_E)),
    (_S.TRYING, _I.TIMER_F): (_S.TERMINATED, (_A.INFORM_TIMEOUT,)),
    (_S.TRYING, _I.R1XX): (_S.PROCEEDING, (_A.PASS_RESPONSE,)),
    (_S.TRYING, _I.R2XX): (_S.COMPLETED, (_A.PASS_RESPONSE, _A.START_K)),
    (_S.TRYING, _I.R3XX_6XX): (_S.COMPLETED, (_A.PASS_RESPONSE, _A.START_K)),
    (_S.TRYING, _I.TRANSPORT_ERROR): (_S.TERMINATED, (_A.INFORM_TRANSPORT_ERROR,)),
    (_S.PROCEEDING, _I.TIMER_E): (_S.PROCEEDING, (_A.SEND_REQUEST, _A.SLOW_E)),
    (_S.PROCEEDING, _I.TIMER_F): (_S.TERMINATED, (_A.INFORM_TIMEOUT,)),
    (_S.PROCEEDING, _I.R1XX): (_S.PROCEEDING, (_A.PASS_RESPONSE,)),
    (_S.PROCEEDING, _I.R2XX): (_S.COMPLETED, (_A.PASS_RESPONSE, _A.START_K)),
    (_S.PROCEEDING, _I.R3XX_6XX): (_S.COMPLETED, (_A.PASS_RESPONSE, _A.START_K)),
    (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_S.TERMINATED, (_A.INFORM_TRANSPORT_ERROR,)),
    (_S.COMPLETED, _I.TIMER_K): (_S.TERMINATED, ()),
}
"""RFC 3261 figure 6."""

INVITE_SERVER: Table = {
    (_S.INIT, _I.REQUEST): (_S.PROCEEDING, (_A.SEND_100, _A.START_ANSWER, _A.PASS_REQUEST)),
    (_S.PROCEEDING, _I.REQUEST): (_S.PROCEEDING, (_A.SEND_RESPONSE,)),
    (_S.PROCEEDING, _I.TU_1XX): (_S.PROCEEDING, (_A.SEND_RESPONSE,)),
    (_S.PROCEEDING, _I.TU_2XX): (_S.ACCEPTED, (_A.SEND_RESPONSE, _A.START_L)),
    (_S.PROCEEDING, _I.TU_3XX_6XX): (_S.COMPLETED, (_A.SEND_RESPONSE, _A.START_G, _A.START_H)),
    (_S.PROCEEDING, _I.TIMER_ANSWER): (_S.COMPLETED, (_A.SEND_NO_ANSWER, _A.START_G, _A.START_H)),
    (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_S.PROCEEDING, (_A.INFORM_TRANSPORT_ERROR,)),
    (_S.COMPLETED, _I.REQUEST): (_S.COMPLETED, (_A.SEND_RESPONSE,)),
    (_S.COMPLETED, _I.TIMER_G): (_S.COMPLETED, (_A.SEND_RESPONSE, _A.DOUBLE_G)),
    (_S.COMPLETED, _I.TIMER_H): (_S.TERMINATED, (_A.INFORM_NO_ACK,)),
    (_S.COMPLETED, _I.ACK): (_S.CONFIRMED, (_A.START_I,)),
    (_S.COMPLETED, _I.TRANSPORT_ERROR): (_S.COMPLETED, (_A.INFORM_TRANSPORT_ERROR,)),
    (_S.CONFIRMED, _I.TIMER_I): (_S.TERMINATED, ()),
    (_S.ACCEPTED, _I.ACK): (_S.ACCEPTED, (_A.PASS_ACK,)),
    (_S.ACCEPTED, _I.TU_2XX): (_S.ACCEPTED, (_A.SEND_RESPONSE,)),
    (_S.ACCEPTED, _I.TIMER_L): (_S.TERMINATED, ()),
    (_S.ACCEPTED, _I.TRANSPORT_ERROR): (_S.ACCEPTED, (_A.INFORM_TRANSPORT_ERROR,)),
}
"""RFC 3261 figure 7 with RFC 6026 8.5 (Accepted state, Timer L). 100 Trying is sent at once: a gateway always has to
ask somebody else before it can answer, so the 200 ms of 17.2.1 would always pass."""

NON_INVITE_SERVER: Table = {
    (_S.INIT, _I.REQUEST): (_S.TRYING, (_A.START_ANSWER, _A.PASS_REQUEST)),
    (_S.TRYING, _I.TU_1XX): (_S.PROCEEDING, (_A.SEND_RESPONSE,)),
    (_S.TRYING, _I.TU_2XX): (_S.COMPLETED, (_A.SEND_RESPONSE, _A.START_J)),
    (_S.TRYING, _I.TU_3XX_6XX): (_S.COMPLETED, (_A.SEND_RESPONSE, _A.START_J)),
    (_S.TRYING, _I.TIMER_ANSWER): (_S.COMPLETED, (_A.SEND_NO_ANSWER, _A.START_J)),
    (_S.PROCEEDING, _I.REQUEST): (_S.PROCEEDING, (_A.SEND_RESPONSE,)),
    (_S.PROCEEDING, _I.TU_1XX): (_S.PROCEEDING, (_A.SEND_RESPONSE,)),
    (_S.PROCEEDING, _I.TU_2XX): (_S.COMPLETED, (_A.SEND_RESPONSE, _A.START_J)),
    (_S.PROCEEDING, _I.TU_3XX_6XX): (_S.COMPLETED, (_A.SEND_RESPONSE, _A.START_J)),
    (_S.PROCEEDING, _I.TIMER_ANSWER): (_S.COMPLETED, (_A.SEND_NO_ANSWER, _A.START_J)),
    (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_S.TERMINATED, (_A.INFORM_TRANSPORT_ERROR,)),
    (_S.COMPLETED, _I.REQUEST): (_S.COMPLETED, (_A.SEND_RESPONSE,)),
    (_S.COMPLETED, _I.TIMER_J): (_S.TERMINATED, ()),
    (_S.COMPLETED, _I.TRANSPORT_ERROR): (_S.TERMINATED, (_A.INFORM_TRANSPORT_ERROR,)),
}
"""RFC 3261 figure 8."""

ANSWER_KEEPER: Table = {
    (_S.INIT, _I.TU_2XX): (_S.ACCEPTED, (_A.START_2XX, _A.START_ACK)),
    (_S.ACCEPTED, _I.TIMER_2XX): (_S.ACCEPTED, (_A.SEND_RESPONSE, _A.DOUBLE_2XX)),
    (_S.ACCEPTED, _I.ACK): (_S.TERMINATED, ()),
    (_S.ACCEPTED, _I.TIMER_ACK): (_S.TERMINATED, (_A.INFORM_NO_ACK,)),
}
"""RFC 3261 13.3.1.4: the server core, not the transaction, repeats a 2xx to INVITE until its ACK arrives."""


def step(table: Table, state: State, happened: Input) -> Row:
    """The next state and the actions; an input the figure ignores changes nothing."""
    row = table.get((state, happened))
    return row if row is not None else (state, ())


def input_of_response(status: int) -> Input:
    """The client tables' input for a received status code."""
    if status < 200:
        return Input.R1XX
    return Input.R2XX if status < 300 else Input.R3XX_6XX


def input_of_answer(status: int) -> Input:
    """The server tables' input for a status code of our own application."""
    if status < 200:
        return Input.TU_1XX
    return Input.TU_2XX if status < 300 else Input.TU_3XX_6XX
