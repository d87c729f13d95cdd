"""Reading and writing tables compiled once per declared class.

From the declared facts of a class this makes what the reader looks up (element name -> slot) and what the writer
walks (slots in sending order for one edition). Knows no XML library.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from enum import IntEnum
from typing import Any

from sip.manscdp.declaration import Edition, Element, Structure, facts_of
from sip.manscdp.values import INTEGER, NUMBER, TEXT, ValueType

_BY_ANNOTATION: dict[type, ValueType] = {str: TEXT, int: INTEGER, float: NUMBER}


class Shape(IntEnum):
    """How an element is read: text as it is, converted text, repeated texts, a group, repeated groups, a wrapper."""

    TEXT = 0
    VALUE = 1
    VALUES = 2
    GROUP = 3
    GROUPS = 4
    WRAPPER = 5


@dataclass(slots=True, eq=False)
class Slot:
    """Where one element goes. `leaf` takes over when a wrapper or group holds nothing but text."""

    shape: Shape
    attribute: str
    facts: Element
    value: ValueType = TEXT
    cls: type[Structure] | None = None
    optional: bool = True
    default: Any = None
    table: Table | None = None
    leaf: Slot | None = None
    read: Callable[[str], Any] = TEXT.read

    def __post_init__(self) -> None:
        self.read = self.value.read


class Table(dict[str, Slot]):
    """Element name -> slot; `folded` the same with names in lower case."""

    def __init__(self) -> None:
        super().__init__()
        self.folded: dict[str, Slot] = {}

    def put(self, name: str, slot: Slot) -> None:
        present = self.folded.get(name.lower())
        if present is not None:
            # The free extension text shares the name Info with a structured Info up to 2016.
            present.leaf = slot
            return
        self[name] = slot
        self.folded[name.lower()] = slot


@dataclass(slots=True, eq=False)
class Plan:
    """Everything the codec needs about one class. `raw`: its objects keep their own XML text."""

    cls: type[Structure]
    slots: tuple[Slot, ...]
    table: Table
    expected: tuple[Slot, ...]
    raw: bool
    folded_names: frozenset[str] = field(default_factory=frozenset)


_PLANS: dict[type, Plan] = {}


def plan_of(cls: type[Structure]) -> Plan:
    """The compiled plan of a declared class."""
    plan = _PLANS.get(cls)
    if plan is None:
        plan = _PLANS[cls] = _compiled(cls)
    return plan


def _compiled(cls: type[Structure]) -> Plan:
    hints = typing.get_type_hints(cls)
    defaults = {f.name: f.default for f in fields(cls)}
    has_default = {f.name: not (f.default is MISSING and f.default_factory is MISSING) for f in fields(cls)}
    slots = tuple(
        _slot(attribute, facts, hints[attribute], defaults[attribute], has_default[attribute])
        for attribute, facts in facts_of(cls)
    )
    table = Table()
    for slot in slots:
        _enter(table, slot)
    expected = tuple(s for s in slots if not s.optional)
    return Plan(cls, slots, table, expected, "raw" in hints, frozenset(_names(table)))


def edition_slots(cls: type[Structure], edition: Edition) -> list[tuple[str, Slot]]:
    """(element name, slot) of what is sent to a peer of `edition`, in order."""
    sent = []
    for slot in plan_of(cls).slots:
        facts = slot.facts
        if facts.since <= max(edition, Edition.V2016) and edition <= facts.until:
            old = facts.old_name is not None and edition < Edition.V2022
            sent.append((str(facts.old_name) if old else facts.name, slot))
    return sent


def _slot(attribute: str, facts: Element, annotation: Any, default: Any, has_default: bool) -> Slot:
    kind = _bare(annotation)
    optional = has_default
    if isinstance(kind, type) and issubclass(kind, Structure):
        return Slot(Shape.GROUPS if facts.many else Shape.GROUP, attribute, facts, cls=kind, optional=optional)
    value = facts.value or _BY_ANNOTATION[kind]
    shape = Shape.VALUES if facts.many else (Shape.TEXT if value is TEXT else Shape.VALUE)
    return Slot(shape, attribute, facts, value, optional=optional, default=None if default is MISSING else default)


def _bare(annotation: Any) -> Any:
    """`X` of `X | None` and of `list[X]`."""
    if isinstance(annotation, types.UnionType):
        return next(a for a in annotation.__args__ if a is not types.NoneType)
    if typing.get_origin(annotation) is list:
        return typing.get_args(annotation)[0]
    return annotation


def _enter(table: Table, slot: Slot) -> None:
    facts = slot.facts
    if facts.within is not None:
        wrapper = table.folded.get(facts.within.lower())
        if wrapper is None:
            wrapper = Slot(Shape.WRAPPER, "", Element(facts.within), table=Table())
            table.put(facts.within, wrapper)
        assert wrapper.table is not None
        table = wrapper.table
    for name in (facts.name, facts.old_name, *facts.aliases):
        if name is not None:
            table.put(name, slot)


def _names(table: Table) -> set[str]:
    names = set(table.folded)
    for slot in table.values():
        if slot.table is not None:
            names |= _names(slot.table)
        if slot.cls is not None:
            names |= plan_of(slot.cls).folded_names
    return names
