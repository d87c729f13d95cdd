from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.pages import Complete, Incomplete, PageCollector


def collector(**options: float) -> PageCollector[str, str]:
    return PageCollector(sn=17430, now=100.0, **options)  # type: ignore[arg-type]


def page(*codes: str) -> list[tuple[str, str]]:
    return [(code, f"item {code}") for code in codes]


def items_of(result: object) -> list[str]:
    assert isinstance(result, Complete | Incomplete)
    return list(result.items)


def test_an_answer_is_complete_with_the_last_of_its_items() -> None:
    pages = collector()
    assert pages.feed(3, page("1", "2"), 101.0) is None
    assert pages.received == 2 and pages.promised == 3
    assert pages.feed(3, page("3"), 102.0) == Complete(["item 1", "item 2", "item 3"])
    assert pages.deadline() is None


def test_repeated_items_do_not_count_twice() -> None:
    pages = collector()
    pages.feed(3, page("1", "2"), 101.0)
    assert pages.feed(3, page("1", "2"), 101.1) is None
    assert pages.duplicates == 2
    assert items_of(pages.feed(3, page("3"), 101.2)) == ["item 1", "item 2", "item 3"]


def test_an_empty_answer_is_complete_at_once() -> None:
    assert collector().feed(0, [], 101.0) == Complete([])


def test_a_first_page_that_never_comes_ends_the_answer_as_incomplete() -> None:
    pages = collector()
    assert pages.deadline() == 120.0
    assert pages.expire(119.9) is None
    assert pages.expire(120.0) == Incomplete([], None)


def test_every_page_gives_the_next_one_five_seconds() -> None:
    pages = collector()
    pages.feed(3, page("1"), 110.0)
    assert pages.deadline() == 115.0
    pages.feed(3, page("1"), 114.0)
    assert pages.deadline() == 119.0
    assert pages.expire(118.9) is None
    assert pages.expire(119.0) == Incomplete(["item 1"], 2)


def test_without_a_sum_the_answer_is_closed_by_silence_and_not_assured() -> None:
    pages = collector()
    pages.feed(None, page("1"), 101.0)
    pages.feed(-1, page("2"), 102.0)
    assert pages.expire(107.0) == Complete(["item 1", "item 2"], assured=False)


def test_a_sum_of_zero_with_items_promises_nothing() -> None:
    pages = collector()
    assert pages.feed(0, page("1"), 101.0) is None
    assert pages.expire(106.0) == Complete(["item 1"], assured=False)


def test_a_sum_smaller_than_what_came_keeps_everything() -> None:
    assert items_of(collector().feed(1, page("1", "2", "3"), 101.0)) == ["item 1", "item 2", "item 3"]


def test_of_several_sums_the_largest_holds() -> None:
    pages = collector()
    assert pages.feed(4, page("1"), 101.0) is None
    assert pages.feed(2, page("2"), 102.0) is None
    assert pages.expire(107.0) == Incomplete(["item 1", "item 2"], 2)


def test_a_peer_that_counts_each_message_alone_is_waited_for_when_told_so() -> None:
    pages = collector(settle_s=2.0)
    assert pages.feed(1, page("1"), 101.0) is None
    assert pages.deadline() == 103.0
    assert pages.feed(1, page("2"), 102.0) is None
    assert pages.expire(104.0) == Complete(["item 1", "item 2"])


def test_pages_after_the_end_change_nothing() -> None:
    pages = collector()
    done = pages.feed(1, page("1"), 101.0)
    assert pages.feed(1, page("2"), 102.0) is done
    assert pages.expire(500.0) is done
    assert items_of(pages.result) == ["item 1"]


def test_an_answer_larger_than_the_bound_is_never_complete() -> None:
    pages: PageCollector[str, str] = PageCollector(sn=1, now=0.0, max_items=2)
    assert pages.feed(3, page("1", "2", "3"), 1.0) is None
    assert pages.overflowed == 1 and pages.received == 2
    assert pages.expire(6.0) == Incomplete(["item 1", "item 2"], 1)


def test_a_bound_reached_without_a_sum_leaves_the_number_open() -> None:
    pages: PageCollector[str, str] = PageCollector(sn=1, now=0.0, max_items=1)
    pages.feed(None, page("1", "2"), 1.0)
    assert pages.expire(6.0) == Incomplete(["item 1"], None)


@given(data=st.data(), total=st.integers(1, 40), per_page=st.integers(1, 5))
def test_any_order_with_any_repetitions_completes_when_the_last_item_is_there(
    data: st.DataObject, total: int, per_page: int
) -> None:
    codes = [str(number) for number in range(total)]
    fragments = [codes[start : start + per_page] for start in range(0, total, per_page)]
    again = data.draw(st.lists(st.sampled_from(range(len(fragments))), max_size=10))
    order = data.draw(st.permutations([*range(len(fragments)), *again]))
    pages = collector()
    seen: set[str] = set()
    for now, number in enumerate(order):
        result = pages.feed(total, page(*fragments[number]), 100.0 + now)
        seen.update(fragments[number])
        assert (result is not None) == (len(seen) == total)
    assert isinstance(pages.result, Complete)
    assert sorted(pages.result.items) == sorted(f"item {code}" for code in codes)


@given(data=st.data(), total=st.integers(2, 40))
def test_a_lossy_answer_is_incomplete_and_says_how_much_is_missing(data: st.DataObject, total: int) -> None:
    kept = data.draw(st.sets(st.integers(0, total - 1), min_size=1, max_size=total - 1))
    pages = collector()
    for number in data.draw(st.permutations(sorted(kept))):
        pages.feed(total, page(str(number)), 101.0)
    assert pages.expire(106.0) == Incomplete([f"item {code}" for code in pages._items], total - len(kept))


@pytest.mark.parametrize("total", [10_000, 100_000])
def test_a_hundred_thousand_items_two_at_a_time_are_collected(total: int) -> None:
    pages: PageCollector[int, int] = PageCollector(sn=1, now=0.0)
    for start in range(0, total, 2):
        pages.feed(total, [(start, start), (start + 1, start + 1)], 1.0)
    assert isinstance(pages.result, Complete)
    assert len(pages.result.items) == total
