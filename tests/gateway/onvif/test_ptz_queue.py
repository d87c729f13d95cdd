"""In what order commands for one camera are carried out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.onvif.ptz_mapping import Focus, Move, OnvifCommand, Stop, UsePreset
from gateway.onvif.ptz_queue import MAX_WAITING, PtzQueue

LEFT, RIGHT = Move({"x": -1}), Move({"x": 1})
CALL = UsePreset("call", 1)


def drained(queue: PtzQueue[int]) -> list[OnvifCommand]:
    found = []
    while (waiting := queue.pop()) is not None:
        found.append(waiting.command)
    return found


def test_the_newest_movement_takes_the_place_of_one_that_waits() -> None:
    queue = PtzQueue[int]()
    assert queue.push(LEFT, 1) == []
    assert queue.push(CALL, 2) == []
    assert queue.push(RIGHT, 3) == [1]
    assert queue.push(Focus(1.0), 4) == []
    assert queue.push(Focus(-1.0), 5) == [4]
    assert drained(queue) == [CALL, RIGHT, Focus(-1.0)]


def test_a_stop_takes_the_place_of_every_movement_and_a_newer_movement_comes_behind_it() -> None:
    queue = PtzQueue[int]()
    for who, command in enumerate((LEFT, CALL, Focus(1.0), Stop(lens_only=True))):
        queue.push(command, who)
    assert queue.push(Stop(), 9) == [0, 3]
    queue.push(RIGHT, 10)
    assert drained(queue) == [CALL, Stop(), RIGHT]


def test_a_stop_of_the_lens_leaves_the_rest_moving() -> None:
    queue = PtzQueue[int]()
    queue.push(LEFT, 1)
    queue.push(Focus(1.0), 2)
    assert queue.push(Stop(lens_only=True), 3) == [2]
    assert drained(queue) == [LEFT, Stop(lens_only=True)]


def test_there_is_always_room_for_a_stop() -> None:
    queue = PtzQueue[int]()
    for number in range(MAX_WAITING):
        assert queue.push(UsePreset("call", number + 1), number) == []
    assert queue.push(CALL, 99) is None and queue.push(LEFT, 99) is None
    assert queue.push(Stop(), 100) == [] and len(queue) == MAX_WAITING + 1
    assert len(queue.clear()) == MAX_WAITING + 1 and len(queue) == 0


COMMANDS = st.sampled_from([LEFT, RIGHT, Stop(), CALL, Focus(1.0), Stop(lens_only=True)])


@given(st.lists(COMMANDS, max_size=100))
def test_whatever_comes_the_last_movement_or_stop_is_the_last_that_is_carried_out(commands: list[OnvifCommand]) -> None:
    queue, answered = PtzQueue[int](), set()
    for who, command in enumerate(commands):
        replaced = queue.push(command, who)
        answered |= {who} if replaced is None else set(replaced)
    assert len(queue) <= MAX_WAITING + 2
    left = drained(queue)
    assert len(left) + len(answered) == len(commands)
    moves = [command for command in commands if isinstance(command, Move) or command == Stop()]
    carried = [command for command in left if isinstance(command, Move) or command == Stop()]
    if len([command for command in commands if command == CALL]) < MAX_WAITING - 4:
        assert carried[-1:] == moves[-1:]
