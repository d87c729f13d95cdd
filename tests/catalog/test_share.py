from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from catalog.change import Event
from catalog.code import Kind
from catalog.item import ChannelKey, Item
from catalog.share import EMPTY, LeftOut, PublishedChange, PublishedSet, Unmountable, diff, evaluate
from catalog.sharing_rule import ShareMode, SharingRule

UPPER = "34000000002000000001"
OWN = Item(code="34020000002000000001", name="芜湖平台", civil_code="3402", parent_ids=(UPPER,), ip_address="192.0.2.9")
NVR = "34020000001180000001"
LOWER = "34020200002000000001"
GROUP, ORG, SUB_ORG = "34020000002150000001", "34020000002160000001", "34020000002160000002"
GATE, HALL, SPEAKER = "34020000001320000001", "34020000001320000002", "34020000001370000001"


def item(code: str, peer: str = NVR, **elements: Any) -> Item:
    return Item(code=code, peer_id=peer, name=elements.pop("name", code[-4:]), **elements)


CATALOGUE = [
    item(NVR, name="录像机"),
    item(GATE, civil_code="340202", parent_ids=(NVR, SUB_ORG), ip_address="192.0.2.1", port=554,
         raw="<Item>pw</Item>", extra={"Url": "rtsp://192.0.2.1"}, address="东门1号", longitude=118.3,
         info={"PTZType": "1", "ContactInfo": "110"}),
    item(HALL, civil_code="340202", parent_ids=(NVR,), status="OFF"),
    item(SPEAKER, parent_ids=(GATE,)),
    item(GROUP, parent_ids=("34999999992000000001",)),
    item(ORG, business_group_id=GROUP),
    item(SUB_ORG, business_group_id=GROUP, parent_ids=(ORG,)),
]  # fmt: skip


def rule(mode: ShareMode = ShareMode.ALL, **fields: Any) -> SharingRule:
    return SharingRule(id="r", upper_id=UPPER, mode=mode, **fields)


def keys(*codes: str, peer: str = NVR) -> frozenset[ChannelKey]:
    return frozenset(ChannelKey(peer, code) for code in codes)


def published(
    items: Iterable[Item] = CATALOGUE,
    by: SharingRule | None = None,
    given: Mapping[ChannelKey, str] | None = None,
    **more: Any,
) -> PublishedSet:
    return evaluate(by or rule(), items, system=OWN, given=given or {}, **more)


def test_the_own_system_comes_first_and_without_a_parent() -> None:
    shown = published()
    first = next(iter(shown.items.values()))
    assert first.code == OWN.code and first.parent_ids == ()
    assert OWN.code not in shown.keys


def test_everything_hangs_under_something_that_came_before_it() -> None:
    shown = published()
    seen: set[str] = set()
    for code, entry in shown.items.items():
        assert set(entry.parent_ids) <= seen and (not entry.business_group_id or entry.business_group_id in seen)
        seen.add(code)
    assert set(shown.items) == {OWN.code, "3402", "340202", NVR, GATE, HALL, SPEAKER, GROUP, ORG, SUB_ORG}


def test_objects_have_the_parents_the_standard_wants() -> None:
    items = published().items
    assert items[NVR].parent_ids == (OWN.code,)
    assert items[GATE].parent_ids == (NVR, SUB_ORG)
    assert items[SPEAKER].parent_ids == (GATE,)
    assert items[GROUP].parent_ids == (OWN.code,)
    assert (items[ORG].parent_ids, items[ORG].business_group_id) == ((), GROUP)
    assert (items[SUB_ORG].parent_ids, items[SUB_ORG].business_group_id) == ((ORG,), GROUP)


def test_the_address_of_a_camera_never_goes_upward() -> None:
    for entry in published().items.values():
        assert (entry.ip_address, entry.port, entry.raw, entry.extra) == ("", None, "", {})
        assert entry.peer_id == ""


def test_a_rule_withholds_fields_and_camera_details() -> None:
    shown = published(by=rule(withhold=frozenset({"address", "longitude", "info.ContactInfo"})))
    gate = shown.items[GATE]
    assert (gate.address, gate.longitude) == ("", None)
    assert gate.info == {"PTZType": "1"}
    assert published().items[GATE].address == "东门1号"


def test_withholding_the_civil_code_withholds_the_regions_it_tells() -> None:
    shown = published(by=rule(withhold=frozenset({"civil_code"})))
    assert shown.items[GATE].civil_code == ""
    assert not any(entry.kind is Kind.REGION for entry in shown.items.values())


def test_regions_are_shown_down_from_the_own_one_with_their_names() -> None:
    shown = published()
    assert [(e.code, e.name) for e in shown.items.values() if e.kind is Kind.REGION] == [
        ("3402", "芜湖市"),
        ("340202", "镜湖区"),
    ]


def test_a_region_far_away_is_shown_with_all_around_it_and_a_police_station_by_the_name_a_peer_gives() -> None:
    items = [
        item(GATE, civil_code="11010501"),
        item(HALL, civil_code="11010502"),
        item("11010501", name="朝阳某所"),
    ]
    shown = published(items)
    assert [e.code for e in shown.items.values() if e.kind is Kind.REGION] == ["11", "1101", "110105", "11010501"]
    assert shown.items["11010501"] == Item(code="11010501", name="朝阳某所")
    assert shown.unnamed_regions == ("11010502",)


def test_a_secret_object_is_never_published_nor_anything_under_it() -> None:
    items = [replace(entry, secrecy=1) if entry.code == GATE else entry for entry in CATALOGUE]
    for by in (rule(), rule(ShareMode.LIST, roots=keys(GATE, SPEAKER)), rule(ShareMode.SUBTREE, roots=keys(GATE))):
        shown = published(items, by)
        assert GATE not in shown.items and SPEAKER not in shown.items
        assert shown.left_out[LeftOut.SECRET] == 2


def test_a_secret_device_hides_its_whole_catalogue() -> None:
    items = [replace(entry, secrecy=1) if entry.code == NVR else entry for entry in CATALOGUE]
    assert list(published(items).items) == [OWN.code]


def test_a_secret_organisation_hides_the_cameras_in_it_wherever_else_they_hang() -> None:
    items = [replace(entry, secrecy=1) if entry.code == ORG else entry for entry in CATALOGUE]
    assert GATE not in published(items).items
    assert HALL in published(items).items


def test_a_listed_camera_brings_its_organisations_and_regions_along() -> None:
    shown = published(by=rule(ShareMode.LIST, roots=keys(GATE)))
    assert set(shown.items) == {OWN.code, "3402", "340202", GROUP, ORG, SUB_ORG, GATE}
    assert shown.items[GATE].parent_ids == (OWN.code, SUB_ORG)


def test_a_subtree_is_an_object_a_peer_or_a_region_with_all_below() -> None:
    below_org = published(by=rule(ShareMode.SUBTREE, roots=keys(ORG)))
    assert set(below_org.keys) == {GROUP, ORG, SUB_ORG, GATE, SPEAKER}
    unlisted = "34020000001180000009"
    peer = published([item(HALL, peer=unlisted)], rule(ShareMode.SUBTREE, roots=keys(unlisted, peer=unlisted)))
    assert set(peer.keys) == {HALL}
    region = published(by=rule(ShareMode.SUBTREE, roots=keys("340202", peer="")))
    assert {GATE, HALL} <= set(region.keys) and NVR not in region.keys


def test_what_is_excluded_takes_all_below_it_along() -> None:
    shown = published(by=rule(exclude=keys(SUB_ORG)))
    assert SUB_ORG not in shown.keys and GATE not in shown.keys and SPEAKER not in shown.keys
    assert shown.left_out[LeftOut.EXCLUDED] == 3
    assert HALL in shown.keys


def test_nothing_goes_back_to_the_platform_it_came_from() -> None:
    from_upper = [item(HALL, peer=UPPER), item(UPPER, peer=LOWER), item(GATE, peer=LOWER, parent_ids=(UPPER,))]
    shown = published(from_upper)
    assert list(shown.items) == [OWN.code]
    assert shown.left_out == {LeftOut.LOOP: 3}


def test_what_a_peer_has_from_this_node_is_not_published_as_its_own() -> None:
    items = [
        *CATALOGUE,
        item(OWN.code, peer=LOWER),
        item(GATE, peer=LOWER),
        item("34020200001320000007", peer=LOWER, parent_ids=(OWN.code,)),
    ]
    shown = published(items, echoes={LOWER: {GATE}})
    assert shown.keys[GATE] == ChannelKey(NVR, GATE)
    assert shown.left_out == {LeftOut.LOOP: 2}
    assert shown.items["34020200001320000007"].parent_ids == (OWN.code,)


def test_two_peers_with_the_same_code_are_two_cameras_and_stay_so() -> None:
    items = [*CATALOGUE, item(GATE, peer=LOWER)]
    first = published(items)
    other = next(code for code, key in first.keys.items() if key == ChannelKey(LOWER, GATE))
    assert first.keys[GATE] == ChannelKey(NVR, GATE) and other != GATE
    only_other = [item(GATE, peer=LOWER)]
    again = published(only_other, given=first.new_ids)
    assert list(again.keys) == [other]
    assert again.new_ids == {}


def test_children_follow_a_parent_that_got_another_code() -> None:
    items = [*CATALOGUE, item(GATE, peer=LOWER), item(SPEAKER, peer=LOWER, parent_ids=(GATE,))]
    shown = published(items)
    codes = {key: code for code, key in shown.keys.items()}
    speaker = shown.items[codes[ChannelKey(LOWER, SPEAKER)]]
    assert speaker.parent_ids == (codes[ChannelKey(LOWER, GATE)],)


def test_a_lower_platform_keeps_its_systems_above_its_devices() -> None:
    district = "34020200002000000002"
    items = [
        item(LOWER, peer=LOWER),
        item(district, peer=LOWER, parent_ids=(LOWER,)),
        item(GATE, peer=LOWER, parent_ids=(district,)),
        item(GROUP, peer=LOWER, parent_ids=(district,)),
        item(ORG, peer=LOWER, business_group_id=GROUP),
        item(HALL, peer=LOWER, parent_ids=(ORG,)),
        item(SPEAKER, peer=LOWER, parent_ids=(GROUP,)),
    ]
    shown = published(items).items
    assert shown[LOWER].parent_ids == (OWN.code,)
    assert shown[district].parent_ids == (LOWER,)
    assert shown[GATE].parent_ids == (district,)
    assert shown[HALL].parent_ids == (district, ORG)
    assert shown[SPEAKER].parent_ids == (district, GROUP)


def test_an_organisation_without_its_group_cannot_be_mounted_and_its_cameras_go_to_the_system() -> None:
    items = [item(ORG, business_group_id=GROUP), item(GATE, parent_ids=(ORG,))]
    shown = published(items)
    assert shown.unmountable == (Unmountable(ChannelKey(NVR, ORG), "its business group is not published"),)
    assert ORG not in shown.items
    assert shown.items[GATE].parent_ids == (OWN.code,)


def test_an_organisation_finds_its_group_by_where_it_hangs_when_it_names_none() -> None:
    items = [item(GROUP), item(ORG, parent_ids=(GROUP,)), item(SUB_ORG, parent_ids=(ORG,))]
    shown = published(items).items
    assert shown[SUB_ORG].business_group_id == shown[ORG].business_group_id == GROUP


def test_a_preview_counts_what_would_be_published() -> None:
    preview = published(by=rule(exclude=keys(SPEAKER))).preview()
    assert preview.total == 9
    assert preview.online == 2
    assert preview.by_kind[Kind.CHANNEL] == 2 and preview.by_kind[Kind.REGION] == 2
    assert preview.left_out == {LeftOut.EXCLUDED: 1}
    assert (preview.unmountable, preview.unnamed_regions) == (0, ())


def test_a_first_publication_is_additions_parents_first() -> None:
    shown = published()
    assert diff(EMPTY, shown) == [PublishedChange(Event.ADD, code, entry) for code, entry in shown.items.items()]
    assert diff(shown, shown) == []


def test_a_diff_removes_children_first_and_tells_status_without_the_item() -> None:
    before = published()
    after = {entry.code: entry for entry in CATALOGUE}
    after[HALL] = replace(after[HALL], status="ON")
    after[GATE] = replace(after[GATE], name="新名")
    del after[SPEAKER]
    events = diff(before, published([*after.values(), item("34020000001320000009")]))
    assert [(change.event, change.code) for change in events] == [
        (Event.DEL, SPEAKER),
        (Event.ADD, "34020000001320000009"),
        (Event.UPDATE, GATE),
        (Event.ON, HALL),
    ]
    assert events[2].item is not None and events[2].item.name == "新名"
    assert events[3].item is None


def test_faults_and_losses_are_told_by_their_own_events() -> None:
    before = published()
    lost = [replace(entry, fault="VLOST") if entry.code == GATE else entry for entry in CATALOGUE]
    off = [replace(entry, status="OFF") if entry.code == GATE else entry for entry in CATALOGUE]
    assert diff(before, published(lost)) == [PublishedChange(Event.VLOST, GATE)]
    assert diff(before, published(off)) == [PublishedChange(Event.OFF, GATE)]
    assert diff(published(lost), before) == [PublishedChange(Event.ON, GATE)]


def test_removals_go_from_the_leaves_up() -> None:
    gone = [change.code for change in diff(published(), EMPTY)]
    assert gone.index(SPEAKER) < gone.index(GATE) < gone.index(SUB_ORG) < gone.index(ORG) < gone.index(GROUP)


CODES = [NVR, GATE, HALL, SPEAKER, GROUP, ORG, SUB_ORG, LOWER, UPPER, OWN.code, "340202", "camera"]


@st.composite
def any_item(draw: st.DrawFn) -> Item:
    return Item(
        code=draw(st.sampled_from(CODES)),
        peer_id=draw(st.sampled_from([NVR, LOWER, UPPER])),
        parent_ids=tuple(draw(st.lists(st.sampled_from([*CODES, "unknown"]), max_size=3, unique=True))),
        business_group_id=draw(st.sampled_from(["", GROUP])),
        secrecy=draw(st.sampled_from([0, 0, 0, 1])),
        civil_code=draw(st.sampled_from(["", "340202", "110105", "芜湖"])),
    )


@given(st.lists(any_item(), max_size=14))
def test_whatever_is_in_the_catalogue_the_upper_platform_can_mount_all_it_sees(items: list[Item]) -> None:
    shown = published(items)
    seen: set[str] = set()
    for code, entry in shown.items.items():
        assert entry.code == code and set(entry.parent_ids) <= seen and not entry.is_secret
        assert entry.kind in (Kind.REGION, Kind.ORG) or entry.parent_ids or code == OWN.code
        assert entry.kind is not Kind.ORG or entry.business_group_id in seen
        seen.add(code)
    assert all(key.peer_id != UPPER for key in shown.keys.values())
    assert len(set(shown.keys.values())) == len(shown.keys)


@given(st.lists(any_item(), max_size=10), st.lists(any_item(), max_size=10))
def test_applying_a_diff_to_what_was_seen_gives_what_is_to_be_seen(old: list[Item], new: list[Item]) -> None:
    before = published(old)
    after = published(new, given=before.new_ids)
    seen = dict(before.items)
    for change in diff(before, after):
        if change.event is Event.DEL:
            del seen[change.code]
        elif change.item is not None:
            seen[change.code] = change.item
        else:
            seen[change.code] = after.items[change.code]
    assert seen == dict(after.items)
