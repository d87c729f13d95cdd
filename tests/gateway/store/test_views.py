from __future__ import annotations

from gateway.store.views import View, Views


async def test_views_are_read_back_and_the_live_ones_told_apart(database, box) -> None:
    views = await Views(database, box).load()
    one = await views.create(View("v1", "g1", "user", "wang", "live", "p", "c", "ab" * 32, 1.0, 2.0))
    await views.create(View("v2", "g2", "user", "wang", "live", "p", "c", "cd" * 32, 1.0, 2.0))
    ended = await views.update("v2", ended_at=1.5, end_reason="left")
    again = await Views(database, box).load()
    assert again.all() == [one, ended] and again.live() == [one]
    assert one.token_sha256 not in repr(one)
