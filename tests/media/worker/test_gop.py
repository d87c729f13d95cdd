"""The cached group of pictures and its memory bounds."""

from __future__ import annotations

from media.worker.gop import GopBudget, GopCache


def test_packets_are_kept_from_the_key_frame_on() -> None:
    cache = GopCache(GopBudget())
    assert cache.append(1, b"before any key frame")
    assert cache.current is None and cache.size == 0
    cache.start(5.0)
    assert cache.append(2, b"key") and cache.append(3, b"next")
    assert cache.current is not None
    assert cache.current.packets == [(2, b"key"), (3, b"next")]
    assert (cache.current.started_at, cache.size) == (5.0, 7)


def test_a_new_key_frame_replaces_the_group_and_links_to_it() -> None:
    budget = GopBudget()
    cache = GopCache(budget)
    cache.start(0.0)
    cache.append(1, b"12345")
    former = cache.current
    cache.start(1.0)
    cache.append(2, b"123")
    assert former is not None and former.next is cache.current and not former.cut
    assert budget.used == 3


def test_a_group_above_the_limit_is_let_go_until_the_next_key_frame() -> None:
    budget = GopBudget()
    cache = GopCache(budget, limit=8)
    cache.start(0.0)
    former = cache.current
    assert cache.append(1, b"12345")
    assert not cache.append(2, b"12345")
    assert former is not None and former.cut
    assert cache.append(3, b"not kept") and cache.size == 0 and cache.too_large == 1 and budget.used == 0
    cache.start(1.0)
    assert cache.append(4, b"1") and cache.size == 1


def test_all_sources_share_one_bound() -> None:
    budget = GopBudget(total=10)
    first, second = GopCache(budget), GopCache(budget)
    first.start(0.0)
    second.start(0.0)
    assert first.append(1, b"1234567")
    assert not second.append(1, b"1234567")
    first.clear()
    first.clear()
    assert budget.used == 0
