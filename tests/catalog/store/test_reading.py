from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.code import Kind
from catalog.item import ChannelKey, Item
from catalog.store import BadCursor, KindCount, Page
from tests.catalog.store.shelf import GROUP, ORG, PEER, Catalogue, camera, rows_of

OTHER = "34020000001180000002"


def names(page: Page) -> list[str]:
    return [row.stored.item.name for row in page.rows]


async def test_an_object_is_found_by_peer_and_code(catalogue: Catalogue) -> None:
    await catalogue.sync([camera(1), camera(2)])
    found = await catalogue.store.get(PEER, camera(1).code)
    assert found is not None and found.item == replace(camera(1), peer_id=PEER)
    assert await catalogue.store.get(OTHER, camera(1).code) is None
    assert rows_of((await catalogue.store.get_many(PEER, [camera(2).code, "x"])).values()) == {
        camera(2).code: replace(camera(2), peer_id=PEER)
    }


async def test_one_code_of_two_peers_is_two_objects_the_reachable_one_first(catalogue: Catalogue) -> None:
    await catalogue.sync([replace(camera(1), status="OFF")])
    await catalogue.sync([camera(1)], OTHER)
    found = await catalogue.store.find(camera(1).code)
    assert [stored.peer_id for stored in found] == [OTHER, PEER]
    assert await catalogue.store.keys([camera(1).code, "x"]) == {
        camera(1).code: [ChannelKey(PEER, camera(1).code), ChannelKey(OTHER, camera(1).code)]
    }
    assert await catalogue.store.find("x") == []


async def test_all_items_of_all_peers_come_in_order_of_peer_and_code(catalogue: Catalogue) -> None:
    await catalogue.sync([camera(2), camera(1)], OTHER)
    await catalogue.sync([camera(3)])
    keys = [stored.key async for stored in catalogue.store.all_items()]
    assert keys == [(PEER, camera(3).code), (OTHER, camera(1).code), (OTHER, camera(2).code)]
    assert set(await catalogue.items(OTHER)) == {camera(1).code, camera(2).code}


async def test_children_are_listed_containers_first_and_know_whether_they_have_any(catalogue: Catalogue) -> None:
    await catalogue.sync(
        [
            Item(code=GROUP, name="业务"),
            Item(code=ORG, name="总部", business_group_id=GROUP),
            camera(1, "东门2", parent_ids=(ORG,)),
            camera(2, "东门10"),
            camera(3, "东门9"),
        ]
    )
    page = await catalogue.store.children(PEER, PEER)
    assert names(page) == ["业务", "东门9", "东门10"]
    assert [row.has_children for row in page.rows] == [True, False, False]
    assert names(await catalogue.store.children(PEER, ORG)) == ["东门2"]
    assert (await catalogue.store.children(PEER, camera(1).code)).rows == []
    assert await catalogue.store.count_children(PEER, PEER) == 3


async def test_children_are_paged_by_cursor_and_by_offset(catalogue: Catalogue) -> None:
    await catalogue.sync([camera(number) for number in range(7)])
    first = await catalogue.store.children(PEER, PEER, limit=3)
    second = await catalogue.store.children(PEER, PEER, limit=3, after=first.cursor)
    last = await catalogue.store.children(PEER, PEER, limit=3, after=second.cursor)
    assert [row.stored.code for page in (first, second, last) for row in page.rows] == [
        camera(number).code for number in range(7)
    ]
    assert last.cursor is None
    jumped = await catalogue.store.children(PEER, PEER, limit=2, offset=4)
    assert [row.stored.code for row in jumped.rows] == [camera(4).code, camera(5).code]
    assert len((await catalogue.store.children(PEER, PEER, limit=0)).rows) == 1


async def test_a_page_goes_on_rightly_after_what_it_ended_with_was_removed(catalogue: Catalogue) -> None:
    await catalogue.sync([camera(number) for number in range(5)])
    page = await catalogue.store.children(PEER, PEER, limit=2)
    await catalogue.sync([camera(number) for number in (0, 2, 3, 4)])
    rest = await catalogue.store.children(PEER, PEER, limit=9, after=page.cursor)
    assert [row.stored.code for row in rest.rows] == [camera(number).code for number in (2, 3, 4)]


@pytest.mark.parametrize("cursor", ["", "zz.00.00", "00", "00.ff.00"])
async def test_a_cursor_that_was_not_given_out_is_refused(catalogue: Catalogue, cursor: str) -> None:
    with pytest.raises(BadCursor):
        await catalogue.store.children(PEER, PEER, after=cursor)


class TestSearch:
    @pytest.fixture(autouse=True)
    async def cameras(self, catalogue: Catalogue) -> None:
        await catalogue.sync(
            [
                camera(1, "东门枪机"),
                camera(2, "西门球机"),
                camera(3, "大厅 100% 半球_A"),
                camera(4, "东厅"),
                Item(code=ORG, name="东区"),
            ]
        )
        await catalogue.sync([camera(9, "东门备用")], OTHER)

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("东门", ["东门备用", "东门枪机"]),
            ("门", ["东门备用", "东门枪机", "西门球机"]),
            ("东", ["东区", "东门备用", "东门枪机", "东厅"]),
            ("枪 东", ["东门枪机"]),
            ("半球_a", ["大厅 100% 半球_A"]),
            ("100%", ["大厅 100% 半球_A"]),
            ("%", ["大厅 100% 半球_A"]),
            ("_", ["大厅 100% 半球_A"]),
            ("1320000002", ["西门球机"]),
            ("北门", []),
            ("  ", []),
            ("\\", []),
            ("\udc80", []),
        ],
    )
    async def test_words_are_found_anywhere_in_name_and_code(
        self, catalogue: Catalogue, text: str, found: list[str]
    ) -> None:
        assert sorted(names(await catalogue.store.search(text))) == sorted(found)

    async def test_results_are_in_the_order_of_lists_and_paged(self, catalogue: Catalogue) -> None:
        first = await catalogue.store.search("东", limit=2)
        rest = await catalogue.store.search("东", limit=9, after=first.cursor)
        assert names(first)[0] == "东区"
        assert sorted(names(first) + names(rest)) == sorted(["东区", "东门备用", "东门枪机", "东厅"])
        assert rest.cursor is None

    async def test_a_search_is_narrowed_by_peer_and_kind(self, catalogue: Catalogue) -> None:
        assert names(await catalogue.store.search("东", kinds=[Kind.ORG])) == ["东区"]
        assert names(await catalogue.store.search("东", peer_id=OTHER)) == ["东门备用"]


async def test_objects_are_filed_under_their_region(catalogue: Catalogue) -> None:
    await catalogue.sync([camera(1, civil_code="340202"), camera(2, civil_code="340202000000"), camera(3)])
    await catalogue.sync([camera(1, "乙", civil_code="34020200"), Item(code="340202", name="镜湖区")], OTHER)
    assert await catalogue.store.regions() == {"340202": 3, "3402": 1}
    assert names(await catalogue.store.in_region("340202")) == ["东门枪机1", "东门枪机2", "乙"]
    page = await catalogue.store.in_region("340202", limit=1)
    assert names(await catalogue.store.in_region("340202", after=page.cursor)) == ["东门枪机2", "乙"]
    assert names(await catalogue.store.in_region("340202", offset=2)) == ["乙"]


async def test_objects_are_counted_by_kind_and_by_who_is_on_line(catalogue: Catalogue) -> None:
    await catalogue.sync([camera(1), camera(2, status="OFF"), Item(code=ORG)])
    await catalogue.sync([camera(1)], OTHER)
    assert await catalogue.store.counts() == {Kind.CHANNEL: KindCount(3, 2), Kind.ORG: KindCount(1, 1)}
    await catalogue.store.set_peer_status(PEER, False)
    assert await catalogue.store.counts(PEER) == {Kind.CHANNEL: KindCount(2, 0), Kind.ORG: KindCount(1, 0)}
    assert (await catalogue.store.count(), await catalogue.store.count(OTHER)) == (4, 1)


async def test_the_peers_own_item_hangs_under_nothing(catalogue: Catalogue) -> None:
    await catalogue.sync([Item(code=PEER, name="录像机"), camera(1)])
    assert await catalogue.store.parents(PEER, PEER) == [""]
    assert names(await catalogue.store.children(PEER, "")) == ["录像机"]
    assert names(await catalogue.store.children(PEER, PEER)) == ["东门枪机1"]


async def test_everything_a_stream_may_be_asked_of_is_listed_by_name_in_pages(catalogue: Catalogue) -> None:
    centre = "3402000000"
    await catalogue.sync(
        [
            Item(code=GROUP, name="0 group"),
            Item(code=ORG, name="0 organisation", business_group_id=GROUP),
            Item(code="340200", name="0 region"),
            *(Item(code=f"{centre}{kind}0000001", name=f"0 {kind}") for kind in (134, 137, 139, 141, 142, 143, 300)),
            Item(code=f"{centre}1181390001", name="甲"),
            Item(code="gate", name="乙"),
            camera(1, "丙"),
        ]
    )
    await catalogue.sync([camera(1, "丁")], OTHER)
    whole = await catalogue.store.playable()
    assert sorted(names(whole)) == sorted("甲乙丙丁") and whole.cursor is None
    first = await catalogue.store.playable(limit=3)
    rest = await catalogue.store.playable(limit=3, after=first.cursor)
    assert names(first) + names(rest) == names(whole) and rest.cursor is None


async def test_without_secret_objects_every_list_and_every_number_is_as_if_there_were_none(
    catalogue: Catalogue,
) -> None:
    shown = [Item(code=GROUP, name="业务"), camera(1, "东门1"), camera(4, "东门4"), camera(5, "东门5")]
    hidden = [camera(2, "东门2", secrecy=1), camera(3, "东门3", secrecy=2, parent_ids=(GROUP,))]
    await catalogue.sync(shown)
    store = catalogue.store

    async def seen(**options: bool) -> list[object]:
        pages: list[object] = []
        for after in (None, "on"):
            for ask in (
                lambda **more: store.children(PEER, PEER, limit=2, **more),
                lambda **more: store.search("东", limit=2, **more),
                lambda **more: store.in_region("3402", limit=2, **more),
                lambda **more: store.playable(limit=2, **more),
            ):
                page = await ask(**options)
                if after and page.cursor:
                    page = await ask(after=page.cursor, **options)
                pages.append([(row.stored.code, row.has_children) for row in page.rows])
        return [*pages, await store.regions(**options), await store.counts(**options)]

    before = await seen()
    assert await seen(secret=False) == before
    await catalogue.sync([*shown, *hidden])
    assert await seen(secret=False) == before != await seen()
    assert await store.children(PEER, GROUP, secret=False) == Page([], None)


async def test_business_groups_of_all_peers_are_listed_by_name(catalogue: Catalogue) -> None:
    group = Item(code=GROUP, name="治安")
    await catalogue.sync([group, Item(code=ORG, name="大队", business_group_id=GROUP), camera(1, parent_ids=(ORG,))])
    await catalogue.sync([replace(group, name="交通")], OTHER)
    rows = await catalogue.store.groups()
    assert [(row.stored.item.name, row.stored.peer_id, row.has_children) for row in rows] == [
        ("交通", OTHER, False),
        ("治安", PEER, True),
    ]


async def test_secret_children_are_not_even_counted_for_those_who_must_not_know(catalogue: Catalogue) -> None:
    await catalogue.sync([camera(1), camera(2, secrecy=1)])
    assert await catalogue.store.count_children(PEER, PEER) == 2
    assert await catalogue.store.count_children(PEER, PEER, secret=False) == 1
