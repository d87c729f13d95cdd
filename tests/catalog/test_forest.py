from __future__ import annotations

from catalog.forest import Forest
from catalog.item import ChannelKey, Item

A, B = "34020000001180000001", "34020000001180000002"
GROUP, ORG = "34020000002150000001", "34020000002160000001"
CAMERA = "34020000001320000001"

FOREST = Forest(
    [
        Item(code=GROUP, peer_id=A),
        Item(code=ORG, peer_id=A, business_group_id=GROUP),
        Item(code=CAMERA, peer_id=A, parent_ids=(A, ORG)),
        Item(code=CAMERA, peer_id=B, parent_ids=(ORG,)),
        Item(code=B, peer_id=B),
    ]
)


def test_each_peer_has_a_tree_of_its_own() -> None:
    assert FOREST.parents(ChannelKey(A, CAMERA)) == (ChannelKey(A, A), ChannelKey(A, ORG))
    assert FOREST.parents(ChannelKey(B, CAMERA)) == (ChannelKey(B, B),)
    assert FOREST.parents(ChannelKey(B, B)) == ()
    assert FOREST.parents(ChannelKey("nobody", CAMERA)) == ()


def test_everything_below_is_found_over_all_levels() -> None:
    assert FOREST.with_all_below([ChannelKey(A, GROUP)]) == {
        ChannelKey(A, GROUP),
        ChannelKey(A, ORG),
        ChannelKey(A, CAMERA),
    }
    assert FOREST.with_all_below([ChannelKey(B, B)]) == {ChannelKey(B, B), ChannelKey(B, CAMERA)}


def test_everything_above_is_found_nearest_first() -> None:
    assert FOREST.all_above(ChannelKey(A, CAMERA)) == [ChannelKey(A, A), ChannelKey(A, ORG), ChannelKey(A, GROUP)]
