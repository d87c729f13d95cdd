from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import catalog.published_ids as module
from catalog.code import DeviceCode
from catalog.item import ChannelKey
from catalog.published_ids import OutOfCodes, PublishedIds

SYSTEM = "34020000002000000001"
UPPER = "34000000002000000001"
CAMERA = "34020000001310000001"
A, B = ChannelKey("34020000001180000001", CAMERA), ChannelKey("34020000001180000002", CAMERA)


def ids(given: dict[ChannelKey, str] | None = None, real: frozenset[str] = frozenset({CAMERA})) -> PublishedIds:
    return PublishedIds(given or {}, system_code=SYSTEM, real=real, reserved=(UPPER,))


def test_an_object_keeps_its_own_code_when_it_can() -> None:
    given = ids()
    assert given.assign(A) == CAMERA
    assert given.new == {A: CAMERA}
    assert given.assign(A) == CAMERA


def test_of_two_objects_with_one_code_the_second_gets_a_new_one_of_the_same_type() -> None:
    given = ids()
    given.assign(A)
    other = DeviceCode.parse(given.assign(B))
    assert other.text != CAMERA
    assert (other.type, other.centre, other.industry) == (131, "34020000", "00")


def test_a_code_once_given_stays_given() -> None:
    first = ids()
    first.assign(A)
    first.assign(B)
    later = ids(first.new)
    assert later.assign(B) == first.new[B]
    assert later.assign(A) == CAMERA
    assert later.new == {}


def test_the_code_of_an_object_that_is_gone_is_not_given_to_another() -> None:
    assert ids({A: CAMERA}).assign(B) != CAMERA


@pytest.mark.parametrize("code", [SYSTEM, UPPER, "camera-7", "34020000001320", "340202010513200001"])
def test_a_code_that_is_taken_or_not_of_the_standard_is_replaced(code: str) -> None:
    published = DeviceCode.parse(ids().assign(ChannelKey("peer", code)))
    assert len(published.text) == 20 and published.text not in (SYSTEM, UPPER)
    assert published.type == (200 if code in (SYSTEM, UPPER) else 132)


def test_a_new_code_stays_clear_of_every_real_one() -> None:
    free = ids().assign(ChannelKey("peer", "camera-7"))
    assert ids(real=frozenset({free})).assign(ChannelKey("peer", "camera-7")) != free


def test_when_every_serial_is_taken_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SERIAL_LIMIT", 2)
    given = ids()
    given.assign(ChannelKey("peer", "1-a"))
    given.assign(ChannelKey("peer", "2-b"))
    with pytest.raises(OutOfCodes) as out:
        given.assign(ChannelKey("peer", "3-c"))
    assert (out.value.system_code, out.value.type_code) == (SYSTEM, 132)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([CAMERA, "x", "y", SYSTEM])), max_size=12))
def test_no_two_objects_ever_share_a_published_code(pairs: list[tuple[str, str]]) -> None:
    given = ids()
    published = {key: given.assign(key) for key in (ChannelKey(*pair) for pair in pairs)}
    assert len(set(published.values())) == len(published)
    assert SYSTEM not in published.values() and UPPER not in published.values()
