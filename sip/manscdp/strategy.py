"""Hypothesis strategies for every declared command, made from the declarations. For tests only."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from sip.manscdp.declaration import Edition, Structure
from sip.manscdp.plan import Shape, Slot, edition_slots, plan_of
from sip.manscdp.values import ValueType

_HANZI = "东南西北门大厅枪机球模路联通镕"
_TEXT = st.text(
    st.one_of(
        st.sampled_from(_HANZI),
        st.sampled_from("aZ09-_/&<>\"' ]"),
        st.characters(min_codepoint=0x20, max_codepoint=0x2FFFF, exclude_categories=("C", "Z")),
    ),
    max_size=12,
).map(str.strip)


def messages(cls: type[Structure], edition: Edition = Edition.V2022) -> st.SearchStrategy[Any]:
    """Objects of a declared class that a peer of `edition` can be sent and will read back equal."""
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for _, slot in edition_slots(cls, edition):
        (optional if slot.optional else required)[slot.attribute] = _of_slot(slot, edition)

    def made(values: dict[str, Any]) -> Structure:
        message = cls(**values)
        message.after_reading()
        return message

    return st.fixed_dictionaries(required, optional=optional).map(made)


def _of_slot(slot: Slot, edition: Edition) -> st.SearchStrategy[Any]:
    if slot.cls is not None:
        inner = messages(slot.cls, edition)
        if slot.shape is Shape.GROUPS:
            return st.lists(inner, max_size=3)
        return inner.filter(_says_something) if slot.optional else inner
    value = _of_value(slot.value)
    if slot.shape is Shape.VALUES:
        return st.lists(value.filter(lambda v: v != ""), max_size=3)
    return value


def _says_something(group: Structure) -> bool:
    """An optional group without any element is not told from an absent one."""
    return any(getattr(group, slot.attribute) not in (None, []) for slot in plan_of(type(group)).slots)


def _of_value(value: ValueType) -> st.SearchStrategy[Any]:
    match value.sample:
        case ("text",):
            return _TEXT
        case ("digits",):
            return st.text("0123456789", min_size=1, max_size=20)
        case ("time",):
            return st.datetimes().map(lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%S"))
        case ("integer", low, high):
            return st.integers(low, high)
        case ("number", low, high):
            return st.floats(low, high).map(lambda number: round(number, 6))
        case ("one of", *choices):
            return st.sampled_from(choices)
        case other:
            raise AssertionError(f"no strategy for {other!r}")
