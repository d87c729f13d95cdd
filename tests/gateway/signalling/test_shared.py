"""What an upper platform is shown: the stored rule, evaluated by the catalogue."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from catalog import ChannelKey, Item
from gateway.relay.hub import StreamKey
from gateway.signalling.shared import SharedCatalogue, share, sharing_rule
from gateway.store.rules import Rule
from tests.gateway.signalling.raw import NODE, UPPER

NVR, PLATFORM = "34020000001110000001", "34030000002000000001"
ONE, TWO, THREE, SECRET = (f"3402000000131000000{n}" for n in (1, 2, 3, 4))
ELSEWHERE = "34030000001310000009"
SYSTEM = Item(code=NODE, name="node")
ITEMS = [
    Item(code=NVR, peer_id=NVR, name="NVR"),
    Item(code=ONE, peer_id=NVR, name="one", parent_ids=(NVR,), ip_address="10.0.0.1", port=80),
    Item(code=TWO, peer_id=NVR, name="two", parent_ids=(NVR,), status="OFF"),
    Item(code=SECRET, peer_id=NVR, name="secret", parent_ids=(NVR,), secrecy=1),
    Item(code=PLATFORM, peer_id=PLATFORM, name="platform"),
    Item(code=ELSEWHERE, peer_id=PLATFORM, name="elsewhere", civil_code="340300"),
    Item(code=ONE, peer_id=PLATFORM, name="another one", civil_code="340300"),
]
ALL = Rule("r", mode="all", actions=("live", "ptz"))


def shown(rule: Rule | None = ALL, items: list[Item] = ITEMS, **options: Any) -> SharedCatalogue:
    settings: dict[str, Any] = {"upper_id": UPPER, "system": SYSTEM, "given": {}, "echoes": {}} | options
    return share(rule, items, **settings)


def keys(shared: SharedCatalogue) -> set[tuple[str, str]]:
    return {tuple(key) for key in shared.published.keys.values()}  # type: ignore[misc]


def test_without_a_rule_only_our_own_system_is_shown() -> None:
    shared = shown(None)
    assert list(shared.items) == [NODE] and shared.real(ONE) is None and not shared.allows("live") and len(shared) == 1


def test_everything_is_shown_but_secrets_and_what_nobody_above_may_see() -> None:
    shared = shown()
    assert keys(shared) == {
        (NVR, NVR),
        (NVR, ONE),
        (NVR, TWO),
        (PLATFORM, PLATFORM),
        (PLATFORM, ELSEWHERE),
        (PLATFORM, ONE),
    }
    assert shared.allows("live") and not shared.allows("playback")
    assert next(iter(shared.items)) == NODE and shared.real(NODE) is None
    assert all((item.ip_address, item.port) == ("", None) for item in shared.items.values())


def test_two_objects_with_one_code_are_shown_under_two_and_each_leads_back_to_its_own() -> None:
    shared = shown()
    ours, theirs = shared.published_id_of[ChannelKey(NVR, ONE)], shared.published_id_of[ChannelKey(PLATFORM, ONE)]
    assert ours != theirs and ONE in (ours, theirs)
    assert shared.shows(StreamKey(NVR, ONE)) and not shared.shows(StreamKey(NVR, SECRET))
    assert shared.real(ours) == StreamKey(NVR, ONE) and shared.real(theirs) == StreamKey(PLATFORM, ONE)


def test_a_picture_may_be_asked_of_cameras_alone() -> None:
    alarm = Item(code="34020000001340000001", peer_id=NVR, name="alarm", parent_ids=(NVR,))
    lone = Item(code="34020000001110000009", peer_id=NVR, name="channel under a device's type", parent_ids=(NVR,))
    shared = shown(items=[*ITEMS, alarm, lone])
    assert [code for code in (ONE, TWO, ELSEWHERE, lone.code) if not shared.has_picture(code)] == []
    assert [code for code in (NODE, NVR, PLATFORM, SECRET, alarm.code, "unknown") if shared.has_picture(code)] == []
    assert shown(items=ITEMS[:1]).has_picture(NVR)  # perhaps a camera that lists nothing below itself


def test_codes_given_before_stay_whatever_comes_and_goes() -> None:
    given = {ChannelKey(NVR, ONE): "34020000001310099999"}
    shared = shown(given=given)
    assert shared.real("34020000001310099999") == StreamKey(NVR, ONE) and shared.real(ONE) == StreamKey(PLATFORM, ONE)
    assert ChannelKey(NVR, ONE) not in shared.published.new_ids
    again = shown(given={**given, **shared.published.new_ids}, items=list(reversed(ITEMS)))
    assert again.published_id_of == shared.published_id_of and again.published.new_ids == {}


def test_a_code_the_operator_asked_for_wins_also_over_one_given_to_another() -> None:
    wish = replace(ALL, published={f"{NVR}/{TWO}": "34020000001310000055", f"{NVR}/{ONE}": ONE})
    given = {ChannelKey(PLATFORM, ONE): ONE, ChannelKey(PLATFORM, ELSEWHERE): ELSEWHERE}
    shared = shown(wish, given=given)
    assert shared.real("34020000001310000055") == StreamKey(NVR, TWO) and shared.real(ONE) == StreamKey(NVR, ONE)
    assert shared.published_id_of[ChannelKey(PLATFORM, ONE)] != ONE
    assert shared.real(ELSEWHERE) == StreamKey(PLATFORM, ELSEWHERE)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule("r", mode="list", channels=(f"{NVR}/{ONE}",)), {(NVR, ONE)}),
        (Rule("r", mode="list", channels=(ONE,)), {(NVR, ONE), (PLATFORM, ONE)}),
        (Rule("r", mode="list", channels=("nobody", f"{NVR}/nobody")), set()),
        (Rule("r", mode="list", channels=(f"{NVR}/{SECRET}",)), set()),
        (Rule("r", mode="subtree", channels=(NVR,)), {(NVR, NVR), (NVR, ONE), (NVR, TWO)}),
        (Rule("r", mode="subtree", channels=(f"{PLATFORM}/{PLATFORM}",)), {(PLATFORM, PLATFORM), (PLATFORM, ONE),
                                                                          (PLATFORM, ELSEWHERE)}),
        (Rule("r", mode="subtree", channels=("3403",)), {(PLATFORM, PLATFORM), (PLATFORM, ONE), (PLATFORM, ELSEWHERE)}),
        (Rule("r", mode="all", exclude=(PLATFORM,)), {(NVR, NVR), (NVR, ONE), (NVR, TWO)}),
        (Rule("r", mode="all", exclude=("3403", f"{NVR}/{NVR}")), set()),
        (Rule("r", mode="all", exclude=(f"{NVR}/{TWO}", ONE, PLATFORM)), {(NVR, NVR)}),
    ],
)  # fmt: skip
def test_what_a_rule_names(rule: Rule, expected: set[tuple[str, str]]) -> None:
    assert keys(shown(rule)) == expected


def test_a_rule_of_full_names_needs_no_look_at_the_catalogue() -> None:
    rule = sharing_rule(Rule("r", mode="list", channels=("p/c",), exclude=("p/x",)), UPPER, iter(()))
    assert rule.roots == {ChannelKey("p", "c")} and rule.exclude == {ChannelKey("p", "x")}


def test_fields_are_withheld_where_the_rule_says_so() -> None:
    placed = [replace(ITEMS[1], address="东门", longitude=118.3, info={"PTZType": "1", "ContactInfo": "139"})]
    [whole], [less] = (
        [item for item in shown(rule, placed).items.values() if item.code == ONE]
        for rule in (ALL, replace(ALL, withhold=("address", "longitude", "info.ContactInfo")))
    )
    assert (whole.address, whole.longitude, whole.info) == ("东门", 118.3, {"PTZType": "1", "ContactInfo": "139"})
    assert (less.address, less.longitude, less.info, less.name) == ("", None, {"PTZType": "1"}, "one")


def test_what_an_upper_platform_gave_us_never_goes_back_to_it() -> None:
    theirs = [Item(code=ELSEWHERE, peer_id=UPPER), Item(code=UPPER, peer_id=UPPER), Item(code=TWO, peer_id=UPPER)]
    assert keys(shown(items=theirs)) == set()
    # Nor is what another one has from us shown as if it were its own.
    third = "34990000002000000001"
    echoed = [replace(item, peer_id=third) for item in theirs]
    assert keys(shown(items=echoed, echoes={third: {TWO}})) == {(third, ELSEWHERE)}


def test_a_change_of_state_alone_needs_no_new_evaluation() -> None:
    before = shown()
    fresh = [
        replace(ITEMS[1], status="OFF"),
        replace(ITEMS[2], status="ON", fault="VLOST"),
        Item(code="x", peer_id="y"),
    ]
    after = before.with_states(fresh)
    code = before.published_id_of[ChannelKey(NVR, ONE)]
    assert before.is_on(code) and not after.is_on(code) and not after.is_on("nobody")
    assert after.items[TWO].status == "ON" and after.items[TWO].fault == "VLOST"
    assert list(after.items) == list(before.items) and after.items[code].name == "one"
    assert after.with_states(fresh) is after and after.allows("ptz")


def test_the_part_below_an_object_or_a_region() -> None:
    shared = shown()
    assert {item.code for item in shared.below(NVR)} >= {NVR, TWO}
    assert [item.code for item in shared.below(TWO)] == [TWO] and shared.below("nobody") == []
    region = {item.code for item in shared.below("3403")}
    assert ELSEWHERE in region and TWO not in region
    assert len(shared.below(NODE)) >= 6
