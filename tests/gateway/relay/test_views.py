"""Live views for people: on a real node with a hand-written camera and a real viewer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.compliance.access import Action
from gateway.errors import Failure, LocalError, Reason
from gateway.relay.hub import StreamKey
from gateway.relay.views import View, identity_of
from gateway.store.views import View as StoredView
from media.worker.control import InputClosed, OpenView, ViewerLeft, ViewStats
from tests.stand.street import DEVICE_ID, KEY, SECOND, Street, running_street, settings, until
from tests.stand.viewer import watching


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    made = settings(tmp_path, stream_workers=1, media={"linger_seconds": 0.2}, access={"view_token_seconds": 60})
    async with running_street(made) as started:
        yield started


async def test_a_view_is_watched_and_its_books_closed(street: Street) -> None:
    views = street.node.views
    grant = await street.grant()
    view, token = await views.open(KEY, grant)
    assert views.get(view.record.id) is view and views.all() == [view]
    assert views.describe(view)["state"] == "connecting"
    async with watching(street, view, token) as viewer:
        await viewer.has(20_000)
        await until(lambda: view.viewers == 1)
        shown = views.describe(view)
        assert (shown["state"], shown["codec"], shown["viewers"], shown["failure"]) == ("playing", "H264", 1, None)
        await views.close(view.record.id, "over")
        await viewer.ended.wait()
        sent = viewer.size
    await views.close(view.record.id, "again")
    assert street.node.stores.views.live() == []
    begun, ended = [row.entry for row in await street.ledger() if row.entry.grant_id == grant.id]
    assert (begun.result, ended.action, ended.detail["reason"]) == ("granted", "live.ended", "over")
    assert ended.bytes is not None and ended.bytes >= sent > 0
    await street.quiet()
    assert [call.ended_by for call in street.device.calls] == ["BYE"]


async def test_two_views_of_one_camera_share_one_stream(street: Street) -> None:
    views = street.node.views
    (one, _), (two, _) = await asyncio.gather(
        views.open(KEY, await street.grant()), views.open(KEY, await street.grant())
    )
    assert len(street.device.calls) == 1 and len(views.inputs.all()) == 1
    await views.close(one.record.id, "over")
    assert views.inputs.get(KEY) is not None
    await views.close(two.record.id, "over")
    await until(lambda: views.inputs.get(KEY) is None)


async def test_an_idle_address_brings_the_stream_back(street: Street) -> None:
    views = street.node.views
    views._unwatched_s = 0.1
    view, token = await views.open(KEY, await street.grant())
    await street.quiet()
    assert views.describe(view)["state"] == "idle"
    views._unwatched_s = 30.0
    async with watching(street, view, token) as viewer:
        await viewer.has(5_000)
    assert len(street.device.calls) == 2
    # The last viewer out lets the stream go.
    views._idle_s = 0.0
    await until(lambda: view.viewers == 0)


async def test_a_snapshot_is_a_picture_of_the_stream(street: Street) -> None:
    picture = await street.node.views.snapshot(KEY, await street.grant())
    assert picture.jpeg.startswith(b"\xff\xd8") and picture.width > 0


async def test_a_grant_for_another_camera_or_for_no_picture_opens_nothing(street: Street) -> None:
    views, other = street.node.views, StreamKey(DEVICE_ID, SECOND)
    for wrong in (await street.grant(key=other), await street.grant(Action.PTZ)):
        with pytest.raises(LocalError):
            await views.open(KEY, wrong)
        with pytest.raises(LocalError):
            await views.snapshot(KEY, wrong)
    assert views.all() == [] and street.device.calls == []


async def test_a_camera_that_refuses_gives_no_view(street: Street) -> None:
    street.device.deviations.refuse_invite = 486
    with pytest.raises(Failure) as caught:
        await street.node.views.open(KEY, await street.grant())
    assert (caught.value.reason, caught.value.code) == (Reason.REJECTED, 486)
    assert street.node.views.all() == [] and street.node.stores.views.live() == []


async def test_a_snapshot_names_the_missing_step(street: Street) -> None:
    street.device.deviations.no_media = True
    street.node.views._snapshot_s = 0.3
    with pytest.raises(Failure) as caught:
        await street.node.views.snapshot(KEY, await street.grant())
    assert caught.value.reason in (Reason.NO_KEY_FRAME, Reason.NO_PACKET)


async def test_an_address_nobody_opens_in_time_ends(street: Street) -> None:
    views = street.node.views
    view, _ = await views.open(KEY, await street.grant())
    await views.expire(time.time())
    assert views.get(view.record.id) is view
    await views.expire(view.record.created_at + 60)
    assert views.get(view.record.id) is None
    assert (await street.ledger())[-1].entry.detail == {"reason": "never opened"}


async def test_a_view_ends_with_its_grant(street: Street) -> None:
    view, _ = await street.node.views.open(KEY, grant := await street.grant(lifetime=0.05))
    await street.grant()
    await asyncio.sleep(0.06)
    await street.node.uses.expire()
    assert street.node.views.get(view.record.id) is None
    ends = [
        row.entry for row in await street.ledger() if row.entry.grant_id == grant.id and row.entry.result == "ended"
    ]
    assert [end.detail["reason"] for end in ends] == ["expired"]


async def test_the_viewers_of_a_lost_relay_worker_go_on_watching(street: Street) -> None:
    views = street.node.views
    view, token = await views.open(KEY, await street.grant())
    async with watching(street, view, token) as viewer:
        await viewer.has(20_000)
        await until(lambda: view.viewers == 1)
        await street.kill_worker("relay")
        await until(lambda: view.last_failure is not None)
        assert view.last_failure is not None and view.last_failure.reason is Reason.WORKER_LOST
        await until(lambda: len(street.device.calls) == 2)
        await viewer.has(viewer.size + 20_000)
        assert not viewer.ended.is_set() and view.last_failure is None
    assert street.device.calls[0].ended_by == "BYE"


async def test_a_lost_stream_worker_knows_the_addresses_again(street: Street) -> None:
    views = street.node.views
    view, token = await views.open(KEY, await street.grant())
    async with watching(street, view, token) as viewer:
        await viewer.has(20_000)
        await street.node.reconciler.round()
        before = view.sent
        assert before > 0
        await street.kill_worker("stream")
        await viewer.ended.wait()
    await until(lambda: street.worker("stream").connected and view.viewers == 0)
    await asyncio.sleep(0.1)
    async with watching(street, view, token) as viewer:
        await viewer.has(20_000)
        await street.node.reconciler.round()
        assert view.bytes > before + 10_000


async def test_after_a_restart_known_views_are_taken_up_and_others_end(street: Street) -> None:
    node, views = street.node, street.node.views
    good, ended = await street.grant(), await street.grant()
    await node.grants.ended(ended, seconds=1, bytes_sent=1, reason="over")
    for name, grant_id, expires in (("a", good.id, good.expires_at), ("b", ended.id, good.expires_at)):
        await node.stores.views.create(
            StoredView(name, grant_id, "user", "wang", "live", *KEY, "00" * 32, time.time(), expires)
        )
    await views.restore({worker.name: set() for worker in node.pool.workers}, node.books.resume)
    assert [view.record.id for view in views.all()] == ["a"]
    assert [record.id for record in node.stores.views.live()] == ["a"]
    stats = await street.worker("stream").link.stream_stats()
    assert [one.view for one in stats.views] == ["a"]


async def test_what_the_stream_worker_counts_is_believed(street: Street) -> None:
    views = street.node.views
    view, _ = await views.open(KEY, await street.grant())
    views.take([ViewStats(view=view.record.id, input="", viewers=2, joined=3, bytes=77), ViewStats(view="?", input="")])
    assert (view.viewers, view.joined, view.bytes) == (2, 3, 77)
    await views.media_event(ViewerLeft(view=view.record.id, viewer=1, seconds=1, bytes=5, reason="left"))
    assert view.viewers == 1
    await views.media_event(InputClosed(input="x", reason="y"))  # nothing to do


async def test_viewers_without_a_stream_get_it_again_or_are_told_why_not(street: Street) -> None:
    views = street.node.views
    missing = StreamKey(DEVICE_ID, "34020000001320000099")
    grant = await street.grant(key=missing)
    record = StoredView("v", grant.id, "user", "wang", "live", *missing, "", 0, 1e12)
    view = views._views["v"] = View(record, grant, viewers=1)
    assert await views.reattach() == 1
    assert view.last_failure is not None and view.last_failure.reason is Reason.REJECTED
    await street.worker("stream").link.call(OpenView(view="v", input="i", token_sha256="", expires_at=1e12))
    await views.close("v", "over")


async def test_without_stream_workers_there_are_no_pictures(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path)) as street:
        with pytest.raises(Failure) as caught:
            await street.node.views.open(KEY, await street.grant())
        assert caught.value.reason is Reason.WORKER_LOST


async def test_a_dead_stream_worker_gives_no_snapshot(street: Street) -> None:
    await street.kill_worker("stream")
    with pytest.raises(Failure) as caught:
        await street.node.views.snapshot(StreamKey(*KEY), await street.grant())
    assert caught.value.reason is Reason.WORKER_LOST


def test_a_user_name_goes_downward_as_plain_letters() -> None:
    assert identity_of("wang.2-张") == "wang_2__"
