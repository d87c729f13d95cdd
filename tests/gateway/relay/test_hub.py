"""One upstream per camera."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from gateway.compliance.access import Action
from gateway.compliance.grant import Grant
from gateway.errors import Failure, LocalError, Reason
from gateway.relay.hub import TRANSITIONS, Hub, StreamKey, Upstream, UpstreamInput, UpstreamState
from gateway.relay.trail import Trail
from tests.gateway.grants import Desk

KEY = StreamKey("34020000001110000001", "34020000001320000001")


@dataclass
class Call:
    """An upstream that does nothing but remember its end."""

    trail: Trail
    source_leg: str = "in-1"
    worker_name: str = "relay-1"
    route_path: str = ""
    ends: list[Failure | None] = field(default_factory=list)

    async def end(self, failure: Failure | None) -> None:
        self.ends.append(failure)


class Far:
    """The far side: answers when told to."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.may_answer = asyncio.Event()
        self.refusal: BaseException | None = None

    async def open(self, key: StreamKey, trail: Trail) -> Call:
        await self.may_answer.wait()
        if self.refusal is not None:
            raise self.refusal
        self.calls.append(Call(trail))
        return self.calls[-1]


class Reader:
    """Remembers why its stream ended."""

    def __init__(self) -> None:
        self.ends: list[Reason] = []

    async def ended(self, failure: Failure) -> None:
        self.ends.append(failure.reason)


def hub_of(far: Far, linger_s: float = 60.0) -> Hub:
    return Hub(far.open, linger_s=linger_s)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_many_readers_share_one_call_and_the_first_ones_trail(grant: Grant) -> None:
    far, reader = Far(), Reader()
    hub = hub_of(far)
    first = asyncio.create_task(hub.attach(grant, "a", reader.ended, Trail("wang", 12)))
    second = asyncio.create_task(hub.attach(grant, "b", reader.ended, Trail("li")))
    await settle()
    far.may_answer.set()
    assert await first is await second is await hub.attach(grant, "c", reader.ended)
    assert [call.trail for call in far.calls] == [Trail("wang", 12)]
    stream = hub.get(KEY)
    assert stream is not None and stream.state is UpstreamState.RUNNING and set(stream.readers) == {"a", "b", "c"}
    assert len(hub) == 1 and hub.upstreams() == [stream]
    await hub.close(Failure(Reason.SHUTTING_DOWN))
    assert reader.ends == [Reason.SHUTTING_DOWN] * 3 and len(far.calls[0].ends) == 1


async def test_a_grant_for_something_else_opens_no_stream(desk: Desk) -> None:
    far = Far()
    far.may_answer.set()
    hub = hub_of(far)
    with pytest.raises(LocalError, match="ptz"):
        await hub.attach(await desk.grant(*KEY, Action.PTZ), "a", Reader().ended)
    assert far.calls == [] and len(hub) == 0


async def test_a_refusal_reaches_everybody_who_waited_for_the_same_start(grant: Grant) -> None:
    far, reader = Far(), Reader()
    far.refusal = Failure(Reason.NO_ANSWER)
    hub = hub_of(far)
    waiting = [asyncio.create_task(hub.attach(grant, name, reader.ended)) for name in "ab"]
    await settle()
    far.may_answer.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in outcomes] == [Failure, Failure]
    assert hub.get(KEY) is None and reader.ends == []


async def test_our_own_fault_is_a_failure_too(grant: Grant) -> None:
    far = Far()
    far.refusal = ZeroDivisionError()
    far.may_answer.set()
    with pytest.raises(Failure) as caught:
        await hub_of(far).attach(grant, "a", Reader().ended)
    assert caught.value.reason is Reason.INTERNAL


async def test_the_last_reader_out_starts_the_linger_time_and_its_end_ends_the_call(grant: Grant) -> None:
    far = Far()
    far.may_answer.set()
    hub = hub_of(far, linger_s=0.01)
    await hub.attach(grant, "a", Reader().ended)
    await hub.attach(grant, "b", Reader().ended)
    hub.detach(KEY, "a")
    stream = hub.get(KEY)
    assert stream is not None and stream.state is UpstreamState.RUNNING
    hub.detach(KEY, "b")
    hub.detach(KEY, "nobody")
    assert hub.get(KEY) is stream and stream.linger is not None
    async with asyncio.timeout(5):
        while hub.get(KEY) is not None:
            await asyncio.sleep(0.005)
    assert far.calls[0].ends == [None]
    assert not stream.take(UpstreamInput.READER_JOINED)


async def test_a_reader_in_the_linger_time_gets_the_running_stream(grant: Grant) -> None:
    far = Far()
    far.may_answer.set()
    hub = hub_of(far)
    call = await hub.attach(grant, "a", Reader().ended)
    hub.detach(KEY, "a")
    assert await hub.attach(grant, "b", Reader().ended) is call
    stream = hub.get(KEY)
    assert stream is not None and stream.state is UpstreamState.RUNNING and stream.linger is None
    await hub.close(Failure(Reason.SHUTTING_DOWN))


async def test_a_reader_who_gives_up_does_not_disturb_the_start(grant: Grant) -> None:
    far = Far()
    hub = hub_of(far)
    waiting = asyncio.create_task(hub.attach(grant, "a", Reader().ended))
    await settle()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    far.may_answer.set()
    await settle()
    stream = hub.get(KEY)
    assert stream is not None and stream.state is UpstreamState.LINGERING
    await hub.close(Failure(Reason.SHUTTING_DOWN))
    assert len(far.calls[0].ends) == 1


async def test_a_lost_stream_ends_for_all_and_one_readers_trouble_is_not_anothers(grant: Grant) -> None:
    far, reader = Far(), Reader()
    far.may_answer.set()
    hub = hub_of(far)

    async def broken(failure: Failure) -> None:
        raise ZeroDivisionError

    call = await hub.attach(grant, "broken", broken)
    await hub.attach(grant, "a", reader.ended)
    await hub.lost(KEY, Failure(Reason.STREAM_LOST), Call(Trail()))
    assert reader.ends == []  # news of an earlier call
    await hub.lost(KEY, Failure(Reason.STREAM_LOST), call)
    assert reader.ends == [Reason.STREAM_LOST] and len(far.calls[0].ends) == 1


async def test_what_is_closed_while_it_starts_is_released_when_it_answers(grant: Grant) -> None:
    far, reader = Far(), Reader()
    hub = hub_of(far)
    waiting = asyncio.create_task(hub.attach(grant, "a", reader.ended))
    await settle()
    await hub.lost(KEY, Failure(Reason.DEVICE_OFFLINE))
    with pytest.raises(Failure):
        await waiting
    far.may_answer.set()
    await settle()
    assert far.calls[0].ends == [None]


async def test_closing_the_hub_gives_up_what_is_still_starting(grant: Grant) -> None:
    far = Far()
    hub = hub_of(far)
    waiting = asyncio.create_task(hub.attach(grant, "a", Reader().ended))
    await settle()
    await hub.close(Failure(Reason.SHUTTING_DOWN))
    with pytest.raises(Failure):
        await waiting
    assert len(hub) == 0


async def test_a_restored_stream_waits_for_its_readers_in_its_linger_time(grant: Grant) -> None:
    hub, call = hub_of(Far()), Call(Trail())
    hub.restore(KEY, call)
    stream = hub.get(KEY)
    assert stream is not None and stream.state is UpstreamState.LINGERING
    assert await hub.attach(grant, "a", Reader().ended) is call
    await hub.close(Failure(Reason.SHUTTING_DOWN))
    assert len(call.ends) == 1


async def test_a_reader_who_does_not_come_back_from_being_told_delays_nobody_else(grant: Grant, desk: Desk) -> None:
    far, reader, other = Far(), Reader(), StreamKey("34020000001110000002", "34020000001320000002")
    far.may_answer.set()
    hub, hanging = hub_of(far), asyncio.Event()

    async def slow(failure: Failure) -> None:
        await hanging.wait()

    await hub.attach(grant, "slow", slow)
    await hub.attach(grant, "a", reader.ended)
    await hub.attach(await desk.grant(*other), "a", reader.ended)
    closing = asyncio.create_task(hub.close(Failure(Reason.SHUTTING_DOWN)))
    await settle()
    assert reader.ends == [Reason.SHUTTING_DOWN] * 2 and [len(call.ends) for call in far.calls] == [0, 1]
    hanging.set()
    await closing
    assert [len(call.ends) for call in far.calls] == [1, 1]


async def test_two_losses_at_once_are_told_once(grant: Grant) -> None:
    far, reader = Far(), Reader()
    far.may_answer.set()
    hub = hub_of(far)
    await hub.attach(grant, "a", reader.ended)
    await asyncio.gather(hub.lost(KEY, Failure(Reason.STREAM_LOST)), hub.lost(KEY, Failure(Reason.PEER_ENDED)))
    hub.detach(KEY, "a")
    assert reader.ends == [Reason.STREAM_LOST] and len(far.calls[0].ends) == 1


async def test_a_stream_lost_in_its_linger_time_is_begun_anew_by_the_next_reader(grant: Grant) -> None:
    far = Far()
    far.may_answer.set()
    hub = hub_of(far)
    old = await hub.attach(grant, "a", Reader().ended)
    hub.detach(KEY, "a")
    await hub.lost(KEY, Failure(Reason.STREAM_LOST))
    assert await hub.attach(grant, "a", Reader().ended) is not old
    await hub.close(Failure(Reason.SHUTTING_DOWN))
    assert [len(call.ends) for call in far.calls] == [1, 1]


@pytest.mark.parametrize("state", UpstreamState)
@pytest.mark.parametrize("event", UpstreamInput)
def test_what_the_table_does_not_know_changes_nothing(state: UpstreamState, event: UpstreamInput) -> None:
    expected = {
        UpstreamInput.ANSWERED: {"calling": "running"},
        UpstreamInput.READER_JOINED: {"calling": "calling", "running": "running", "lingering": "running"},
        UpstreamInput.LAST_READER_LEFT: {"calling": "calling", "running": "lingering", "lingering": "lingering"},
        UpstreamInput.LINGER_OVER: {"lingering": "ended"},
        UpstreamInput.LOST: {"calling": "ended", "running": "ended", "lingering": "ended"},
    }[event]
    stream = Upstream(KEY, state)
    assert stream.take(event) is (state.value in expected)
    assert stream.state.value == expected.get(state.value, state.value)


def test_nothing_leads_out_of_the_end() -> None:
    assert not [state for state, _ in TRANSITIONS if state is UpstreamState.ENDED]
    assert str(KEY) == "34020000001110000001/34020000001320000001"


async def test_a_stream_nobody_reads_any_more_makes_room_for_another(grant: Grant) -> None:
    far, reader = Far(), Reader()
    far.may_answer.set()
    hub = hub_of(far)
    await hub.attach(grant, "a", reader.ended)
    assert not await hub.end_lingering(KEY.peer_id)  # it is read
    hub.detach(KEY, "a")
    assert not await hub.end_lingering("34020000001110000009")
    assert await hub.end_lingering(KEY.peer_id) and hub.get(KEY) is None and far.calls[0].ends == [None]
    assert not await hub.end_lingering(KEY.peer_id) and reader.ends == []
