"""Streams handed over from a relay worker to a stream worker: real workers, packets of a real film."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.compliance.grant import Grant
from gateway.errors import Failure, Reason
from gateway.relay.hub import StreamKey
from gateway.relay.inputs import Input, input_name
from gateway.relay.trail import Trail
from media.unit import AccessUnit
from media.worker.control import InputReady, InputStalled, OpenInput, StalledStep
from tests.gateway.grants import Desk
from tests.gateway.relay.floor import RELAY, Floor, eventually, running_floor
from tests.media.worker.conftest import encode_film

KEY = StreamKey("34020000001110000001", "34020000001320000001")
OTHER = StreamKey("34020000001110000001", "34020000001320000002")
NAME = "web-34020000001110000001-34020000001320000001"


@pytest.fixture(scope="module")
def film() -> list[AccessUnit]:
    return encode_film("libx264", "H264").units


@pytest.fixture
async def floor(tmp_path: Path, film: list[AccessUnit]) -> AsyncIterator[Floor]:
    async with running_floor(tmp_path, film) as made:
        yield made


async def nothing_held(floor: Floor) -> None:
    """Until neither worker holds anything."""
    async with asyncio.timeout(10):
        while await floor.legs() or await floor.held_inputs():
            await asyncio.sleep(0.01)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_two_users_share_one_opening_and_its_picture(floor: Floor, grant: Grant) -> None:
    one, two = await asyncio.gather(
        floor.inputs.join(grant, "view-1", Trail("wang")), floor.inputs.join(grant, "view-2", Trail("li"))
    )
    assert one is two is floor.inputs.get(KEY) and floor.inputs.all() == [one]
    assert one.users == {"view-1", "view-2"} and one.name == NAME == input_name(KEY)
    assert [call.trail for call in floor.camera.calls] == [Trail("wang")]
    assert await floor.legs() == ["in-0", NAME] and await floor.held_inputs() == [NAME]
    await eventually(lambda: one.ready)
    assert one.ready is not None and (one.ready.video_codec, one.ready.width, one.ready.height) == ("H264", 320, 240)
    trace = floor.ladder.get(NAME)
    assert trace is not None and [step.what for step in trace.steps] == ["picture"]


async def test_each_input_takes_only_the_sink_that_was_opened_for_it(floor: Floor, desk: Desk) -> None:
    await floor.inputs.join(await desk.grant(*KEY), "view")
    await floor.inputs.join(await desk.grant(*OTHER), "view")
    ssrcs = {stats.leg: stats.ssrc for stats in await floor.worker("relay").link.leg_stats() if stats.kind == "sink"}
    assert sorted(ssrcs) == [NAME, input_name(OTHER)] and len(set(ssrcs.values())) == 2
    assert all(ssrc is not None and ssrc > 1000 for ssrc in ssrcs.values())  # no number one would guess
    stream = floor.worker("stream").link
    opened = await stream.call(OpenInput(input=NAME, bind="127.0.0.1", ssrc=ssrcs[NAME]))
    async with asyncio.timeout(10):
        while not all(one.connected for one in (await stream.stream_stats()).inputs):
            await asyncio.sleep(0.01)
    _, writer = await asyncio.open_connection("127.0.0.1", opened.port)
    rtp = b"\x80\x60\x00\x01" + bytes(4) + (ssrcs[input_name(OTHER)] or 0).to_bytes(4, "big") + bytes(8)
    writer.write(len(rtp).to_bytes(2, "big") + rtp)
    async with asyncio.timeout(10):
        while not sum(one.refused for one in (await stream.stream_stats()).inputs if one.input == NAME):
            await asyncio.sleep(0.01)
    writer.close()


async def test_the_last_user_out_closes_both_ends(floor: Floor, grant: Grant) -> None:
    source = await floor.inputs.join(grant, "a")
    floor.inputs.stay(source, "b")
    floor.inputs.leave(KEY, "a", 0)
    await settle()
    assert source.closing is None and floor.inputs.get(KEY) is source
    floor.inputs.leave(KEY, "b", 0)
    await eventually(lambda: floor.inputs.get(KEY) is None)
    await nothing_held(floor)
    assert floor.camera.calls[0].ends == [None]
    floor.inputs.leave(KEY, "b", 0)  # nothing there any more


async def test_who_comes_back_in_time_finds_the_stream_running(floor: Floor, grant: Grant) -> None:
    source = await floor.inputs.join(grant, "a")
    floor.inputs.leave(KEY, "a", 60)
    assert source.closing is not None
    assert await floor.inputs.join(grant, "b") is source
    assert source.closing is None and len(floor.camera.calls) == 1
    # A user who is back between the end of the wait and the closing keeps it, too.
    floor.inputs.leave(KEY, "b", 60)
    floor.inputs._close_unused(floor.inputs.get(KEY) or source)
    assert source.closed is None
    await eventually(lambda: source.closed)
    await eventually(lambda: floor.inputs.get(KEY) is None)


async def test_who_comes_while_it_is_closed_gets_it_opened_anew(floor: Floor, grant: Grant) -> None:
    old = await floor.inputs.join(grant, "a")
    closing = asyncio.create_task(floor.inputs.close(old))
    await eventually(lambda: old.closed)
    new = await floor.inputs.join(grant, "b")
    await closing
    assert new is not old and floor.inputs.get(KEY) is new
    assert await floor.held_inputs() == [NAME] and NAME in await floor.legs()


async def test_a_refusal_of_the_camera_reaches_all_who_waited(floor: Floor, grant: Grant) -> None:
    floor.camera.may_answer.clear()
    floor.camera.refusal = Failure(Reason.REJECTED, code=486)
    waiting = [asyncio.create_task(floor.inputs.join(grant, user)) for user in "ab"]
    await settle()
    floor.camera.may_answer.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert outcomes == [floor.camera.refusal] * 2
    assert floor.inputs.get(KEY) is None and await floor.held_inputs() == []


async def test_a_worker_that_refuses_names_itself_and_nothing_is_left_open(floor: Floor, grant: Grant) -> None:
    floor.camera.leg_missing = True
    with pytest.raises(Failure, match="no_such_leg") as caught:
        await floor.inputs.join(grant, "a")
    assert caught.value.reason is Reason.WORKER_LOST and caught.value.channel == KEY.code
    assert floor.inputs.get(KEY) is None
    await nothing_held(floor)


async def test_one_user_who_gives_up_waiting_does_not_disturb_the_other(floor: Floor, grant: Grant) -> None:
    floor.camera.may_answer.clear()
    impatient, patient = (asyncio.create_task(floor.inputs.join(grant, user)) for user in "ab")
    await settle()
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)
    floor.camera.may_answer.set()
    assert impatient.cancelled() and (await patient).users == {"b"}


async def test_what_nobody_waits_for_any_more_opens_nothing(floor: Floor, grant: Grant) -> None:
    floor.camera.may_answer.clear()
    waiting = asyncio.create_task(floor.inputs.join(grant, "a"))
    await settle()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    floor.inputs.leave(KEY, "a", 0)
    await eventually(lambda: floor.inputs.get(KEY) is None)
    floor.camera.may_answer.set()
    await eventually(lambda: floor.camera.calls and floor.camera.calls[0].ends)
    await nothing_held(floor)


@pytest.mark.parametrize(
    ("reason", "kept"), [(Reason.PEER_ENDED, []), (Reason.STREAM_LOST, []), (Reason.WORKER_LOST, [NAME])]
)
async def test_a_lost_stream_is_told_and_only_a_lost_relay_keeps_its_viewers(
    floor: Floor, reason: Reason, kept: list[str], grant: Grant
) -> None:
    await floor.inputs.join(grant, "a")
    await floor.hub.lost(KEY, Failure(reason))
    assert floor.lost == [(KEY, reason)] and floor.inputs.get(KEY) is None
    assert (await floor.legs(), await floor.held_inputs()) == ([], kept)


async def test_a_stream_lost_while_it_is_opened_is_a_failure_in_its_words(floor: Floor, grant: Grant) -> None:
    floor.camera.may_answer.clear()
    waiting = asyncio.create_task(floor.inputs.join(grant, "a"))
    await settle()
    await floor.hub.lost(KEY, Failure(Reason.DEVICE_OFFLINE))
    with pytest.raises(Failure) as caught:
        await waiting
    assert caught.value.reason is Reason.DEVICE_OFFLINE
    floor.camera.may_answer.set()
    await eventually(lambda: floor.camera.calls and floor.camera.calls[0].ends)


async def test_a_stream_closed_while_it_is_opened_is_a_failure_too(floor: Floor, grant: Grant) -> None:
    floor.camera.may_answer.clear()
    waiting = asyncio.create_task(floor.inputs.join(grant, "a"))
    await settle()
    await floor.inputs.worker_lost(floor.worker("stream"))
    with pytest.raises(Failure) as caught:
        await waiting
    assert caught.value.reason is Reason.STREAM_LOST and floor.inputs.get(KEY) is None
    floor.camera.may_answer.set()


async def test_with_a_stream_worker_its_inputs_are_gone(floor: Floor, grant: Grant) -> None:
    await floor.inputs.join(grant, "a")
    await floor.inputs.worker_lost(floor.worker("relay"))
    assert floor.inputs.get(KEY) is not None
    await floor.kill("stream")
    await floor.inputs.worker_lost(floor.worker("stream"))
    assert floor.inputs.get(KEY) is None
    await eventually(lambda: floor.camera.calls[0].ends)
    await eventually(lambda: floor.back == ["stream-1"])
    assert (await floor.inputs.join(grant, "a")).users == {"a"}


async def test_without_a_stream_worker_nothing_is_opened(tmp_path: Path, grant: Grant) -> None:
    async with running_floor(tmp_path, [], specs=(RELAY,)) as floor:
        with pytest.raises(Failure, match="no stream worker") as caught:
            await floor.inputs.join(grant, "a")
        assert caught.value.reason is Reason.WORKER_LOST and floor.camera.calls == []


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("no_packet", Reason.NO_PACKET),
        ("no_ps", Reason.NO_PS_START),
        ("no_key_frame", Reason.NO_KEY_FRAME),
        ("undecodable", Reason.CODEC_UNPLAYABLE),
    ],
)
async def test_the_step_that_is_missing_is_known_until_there_is_a_picture(
    tmp_path: Path, step: StalledStep, reason: Reason, grant: Grant
) -> None:
    async with running_floor(tmp_path, []) as floor:
        source = await floor.inputs.join(grant, "a")
        floor.inputs.event(InputStalled(input="of somebody else", step=step, waited_s=5))
        assert source.failure is None
        floor.inputs.event(InputStalled(input=NAME, step=step, waited_s=5))
        assert source.failure is not None and source.failure.reason is reason and source.failure.detail == "after 5 s"
        ready = InputReady(input=NAME, video_codec="H265", audio_codec=None, width=1920, height=1080)
        floor.inputs.event(ready)
        assert source.ready is ready and source.failure is None
        trace = floor.ladder.get(NAME)
        assert trace is not None
        assert [(one.what, one.details) for one in trace.steps] == [
            ("no picture", {"missing": step}),
            ("picture", {"codec": "H265", "size": "1920x1080"}),
        ]


async def test_after_a_restart_an_input_with_both_ends_is_carried_on(floor: Floor, grant: Grant, desk: Desk) -> None:
    before: Input = await floor.inputs.join(grant, "view")
    held = {"relay-1": set(await floor.legs()), "stream-1": set(await floor.held_inputs())}
    del floor.inputs._inputs[KEY]
    assert not await floor.inputs.adopt(grant, {**held, "relay-1": set()}, {"view"})
    assert not await floor.inputs.adopt(grant, {**held, "stream-1": set()}, {"view"})
    gone = {"relay-1": {"web-x-y"}, "stream-1": {"web-x-y"}}
    assert not await floor.inputs.adopt(await desk.grant("x", "y"), gone, set())
    assert await floor.inputs.adopt(grant, held, {"view"})
    after = floor.inputs.get(KEY)
    assert after is not None and after is not before and after.users == {"view"}
    floor.inputs.leave(KEY, "view", 0)
    await eventually(lambda: floor.camera.calls[0].ends)
    await nothing_held(floor)
