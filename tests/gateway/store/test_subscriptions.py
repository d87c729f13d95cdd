from __future__ import annotations

from gateway.store.subscriptions import StoredSubscription, Subscriptions


async def test_subscriptions_are_read_back_and_found_by_peer_and_direction(database, box) -> None:
    subscriptions = await Subscriptions(database, box).load()
    ours = StoredSubscription("s1", "out", "p", "Catalog", "p", {"call_id": "x"}, {"sn": 3}, 99.0, 1.0)
    theirs = StoredSubscription("s2", "in", "p", "Catalog", "n")
    for item in (ours, theirs):
        await subscriptions.create(item)
    again = await Subscriptions(database, box).load()
    assert again.of_peer("p", "out") == [ours] and again.of_peer("p", "in") == [theirs] and not again.of_peer("q", "in")
