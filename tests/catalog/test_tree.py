from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.item import Item
from catalog.tree import (
    TOP,
    ParentRole,
    ancestors,
    circles,
    claims_of,
    natural_name,
    parent_role,
    region_path,
    resolve_parents,
    resolve_tree,
    sort_key,
    split_parent_ids,
)

PEER = "34020000001180000001"
SYSTEM = "34020000002000000002"
GROUP = "34020000002150000001"
ORG = "34020000002160000001"
SUB_ORG = "34020000002160000002"
CAMERA = "34020000001320000001"
SPEAKER = "34020000001370000001"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (f"{PEER}/{ORG}", (PEER, ORG)),
        (f" {PEER} / / {PEER} ", (PEER,)),
        ("", ()),
        (None, ()),
        ("0", ()),
        ("null", ()),
        ("NULL/0/None", ()),
    ],
)
def test_a_parent_id_is_split_at_slashes_without_the_words_for_none(text: str | None, codes: tuple[str, ...]) -> None:
    assert split_parent_ids(text) == codes


def test_the_number_of_parents_is_bounded() -> None:
    assert len(split_parent_ids("/".join(str(number) for number in range(1, 500)))) == 32


@pytest.mark.parametrize(
    ("code", "role"),
    [
        (ORG, ParentRole.VIRTUAL),
        (GROUP, ParentRole.GROUP),
        ("340202", ParentRole.REGION),
        (SYSTEM, ParentRole.SYSTEM),
        (PEER, ParentRole.DEVICE),
        ("whatever", ParentRole.DEVICE),
    ],
)
def test_a_parent_has_its_role_from_its_type(code: str, role: ParentRole) -> None:
    assert parent_role(code) is role


@pytest.mark.parametrize(
    ("item", "claims"),
    [
        (Item(code="340202"), ("3402",)),
        (Item(code="34", parent_ids=("3402",)), ()),
        (Item(code=ORG, business_group_id=GROUP), (GROUP,)),
        (Item(code=ORG, business_group_id=GROUP, parent_ids=(SYSTEM,)), (GROUP,)),
        (Item(code=SUB_ORG, business_group_id=GROUP, parent_ids=(ORG,)), (ORG,)),
        (Item(code=ORG, parent_ids=(GROUP,)), (GROUP,)),
        (Item(code=CAMERA, parent_ids=(PEER, ORG)), (PEER, ORG)),
        (Item(code=CAMERA, parent_ids=(CAMERA,)), ()),
        (Item(code=CAMERA), ()),
    ],
)
def test_an_item_claims_parents_as_its_kind_does(item: Item, claims: tuple[str, ...]) -> None:
    assert claims_of(item) == claims


@pytest.mark.parametrize(
    ("item", "parents"),
    [
        (Item(code=CAMERA, parent_ids=(SYSTEM, ORG)), (SYSTEM, ORG)),
        (Item(code=CAMERA, parent_ids=("34020000002169999999",)), (PEER,)),
        (Item(code=CAMERA, parent_ids=("34020000002169999999", ORG)), (ORG,)),
        (Item(code=CAMERA, parent_ids=(PEER,)), (PEER,)),
        (Item(code=CAMERA, parent_ids=(CAMERA,)), (PEER,)),
        (Item(code=CAMERA), (PEER,)),
        (Item(code=SPEAKER, parent_ids=(CAMERA,)), (CAMERA,)),
        (Item(code="3402"), (PEER,)),
        (Item(code=PEER, parent_ids=(SYSTEM,)), (TOP,)),
    ],
)
def test_an_item_hangs_under_the_parents_that_exist_and_else_under_its_peer(
    item: Item, parents: tuple[str, ...]
) -> None:
    assert resolve_parents(item, {SYSTEM, GROUP, ORG, CAMERA, PEER}, PEER) == parents


def test_the_members_of_a_circle_hang_under_the_peer_and_keep_their_other_parents() -> None:
    claims = {
        ORG: (SUB_ORG,),
        SUB_ORG: (ORG, GROUP),
        GROUP: (),
        CAMERA: (SUB_ORG,),
    }
    assert resolve_tree(claims, PEER) == {ORG: (PEER,), SUB_ORG: (GROUP,), GROUP: (PEER,), CAMERA: (SUB_ORG,)}
    assert circles(claims) == [frozenset({ORG, SUB_ORG})]


def test_a_chain_as_long_as_a_catalogue_is_no_circle() -> None:
    length = 50_000
    claims: dict[str, tuple[str, ...]] = {f"c{n}": (f"c{n + 1}",) for n in range(length)}
    claims[f"c{length}"] = ()
    resolved = resolve_tree(claims, PEER)
    assert resolved["c0"] == ("c1",)
    assert len(ancestors("c0", resolved)) == length + 1
    claims[f"c{length}"] = ("c0",)
    assert set(resolve_tree(claims, PEER).values()) == {(PEER,)}


NAMES = st.sampled_from([f"n{number}" for number in range(8)] + ["unknown", PEER])


@st.composite
def any_claims(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    codes = draw(st.permutations([f"n{number}" for number in range(8)] + [PEER]))[: draw(st.integers(1, 9))]
    return {code: tuple(c for c in dict.fromkeys(draw(st.lists(NAMES, max_size=4))) if c != code) for code in codes}


@given(any_claims())
def test_whatever_is_claimed_the_tree_has_no_circle_and_everything_reaches_the_peer(
    claims: dict[str, tuple[str, ...]],
) -> None:
    resolved = resolve_tree(claims, PEER)
    assert set(resolved) == set(claims)
    for code, parents in resolved.items():
        above = ancestors(code, resolved)
        assert code not in above
        assert parents and (code == PEER or PEER in above)
        assert all(parent in claims[code] or parent == PEER for parent in parents if code != PEER)


@given(any_claims(), st.randoms(use_true_random=False))
def test_the_order_of_the_items_does_not_matter(claims: dict[str, tuple[str, ...]], random: object) -> None:
    shuffled = list(claims.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert resolve_tree(dict(shuffled), PEER) == resolve_tree(claims, PEER)


@given(any_claims())
def test_a_claim_is_dropped_only_when_unknown_or_in_a_circle(claims: dict[str, tuple[str, ...]]) -> None:
    resolved = resolve_tree(claims, PEER)
    everything = {code: tuple(c for c in named if c in claims) for code, named in claims.items() if code != PEER}
    for code, named in everything.items():
        for claim in named:
            in_circle = code in ancestors(claim, {**everything, PEER: ()})
            assert (claim in resolved[code]) != in_circle


def test_a_region_lies_in_all_its_prefixes() -> None:
    assert region_path("34020201") == ("34", "3402", "340202", "34020201")
    assert region_path("3402") == ("34", "3402")
    assert region_path("") == ()


def test_siblings_are_ordered_containers_first_then_by_pinyin_and_number() -> None:
    names = [(CAMERA, "东门10"), (CAMERA, "安徽1"), (CAMERA, "东门9"), (ORG, "总部"), (CAMERA, "西门"), (CAMERA, "Abc")]
    ordered = [name for code, name in sorted(names, key=lambda pair: sort_key(*pair))]
    assert ordered == ["总部", "Abc", "安徽1", "东门9", "东门10", "西门"]


@given(st.text())
def test_any_name_has_a_short_sort_key(name: str) -> None:
    assert len(natural_name(name)) <= 96
    assert natural_name("通道2") < natural_name("通道10")
