from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.change import Change, Changes, Event, ItemEvent, event_between
from catalog.item import Item

CODE = "34020000001320000001"
GATE = Item(code=CODE, name="东门", address="1号")


@pytest.mark.parametrize(
    ("word", "event"),
    [
        ("ON", Event.ON),
        (" off ", Event.OFF),
        ("Vlost", Event.VLOST),
        ("", None),
        (None, None),
        ("SYNC", None),
        ("x", None),
    ],
)
def test_the_word_in_a_message_names_the_event(word: str | None, event: Event | None) -> None:
    assert ItemEvent.of(word, CODE).event is event


@pytest.mark.parametrize(
    ("event", "old", "new"),
    [
        (ItemEvent(Event.OFF, CODE), GATE, replace(GATE, status="OFF")),
        (ItemEvent(Event.ON, CODE), replace(GATE, status="OFF", fault="VLOST"), GATE),
        (ItemEvent(Event.VLOST, CODE), GATE, replace(GATE, fault="VLOST")),
        (ItemEvent(Event.DEFECT, CODE), GATE, replace(GATE, fault="DEFECT")),
        (ItemEvent(Event.ON, CODE), None, None),
        (ItemEvent(Event.DEL, CODE), GATE, None),
        (ItemEvent(Event.DEL, CODE), None, None),
        (ItemEvent(Event.ADD, CODE, GATE), None, GATE),
        (ItemEvent(Event.ADD, CODE, GATE), replace(GATE, name="旧"), GATE),
        (ItemEvent(Event.UPDATE, CODE, GATE), None, GATE),
        (ItemEvent(Event.UPDATE, CODE), GATE, GATE),
        (ItemEvent(None, CODE, GATE), None, GATE),
        (ItemEvent(None, CODE), None, None),
    ],
)
def test_an_event_does_to_an_object_what_it_says(event: ItemEvent, old: Item | None, new: Item | None) -> None:
    assert event.applied_to(old) == new


def test_an_update_with_some_elements_leaves_the_others() -> None:
    update = ItemEvent(Event.UPDATE, CODE, Item(code=CODE, name="西门"), frozenset({"name"}))
    assert update.applied_to(GATE) == replace(GATE, name="西门")


@pytest.mark.parametrize(
    ("old", "new", "event"),
    [
        (None, None, None),
        (None, GATE, Event.ADD),
        (GATE, None, Event.DEL),
        (GATE, GATE, None),
        (GATE, replace(GATE, name="西门"), Event.UPDATE),
        (GATE, replace(GATE, name="西门", status="OFF"), Event.UPDATE),
        (GATE, replace(GATE, status="OFF"), Event.OFF),
        (replace(GATE, status="OFF"), GATE, Event.ON),
        (GATE, replace(GATE, fault="VLOST"), Event.VLOST),
        (replace(GATE, fault="VLOST"), replace(GATE, fault="DEFECT"), Event.DEFECT),
        (replace(GATE, fault="VLOST"), GATE, Event.ON),
        (replace(GATE, fault="VLOST"), replace(GATE, fault="VLOST", status="OFF"), Event.OFF),
    ],
)
def test_one_event_says_how_an_object_changed(old: Item | None, new: Item | None, event: Event | None) -> None:
    assert event_between(old and old.document(), new and new.document()) is event


def changes(number: int) -> Changes:
    return Changes("p", "notify", float(number), (Change(Event.ON, str(number)),))


def test_changes_that_say_nothing_are_false() -> None:
    assert not Changes("p", "notify", 1.0, unknown=("x",))
    assert changes(1) and Changes("p", "x", 1.0, peer_online=False) and Changes("p", "x", 1.0, overrun=True)
    assert changes(7).codes(Event.ON) == ["7"] and changes(7).codes(Event.DEL) == []
